//! What a store finds when it checks what is stored against itself.

use serde::{Deserialize, Serialize};

/// What [`crate::Store::examine`] saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examined {
    /// What was checked, in words; empty when the store checks nothing of its own.
    pub parts: Vec<String>,
    /// Jobs looked at.
    pub jobs: u64,
    /// What is wrong, at most [`Examined::MOST`].
    pub findings: Vec<Finding>,
    /// How many more there were.
    pub more: u64,
    /// What could not be judged this time, because work went on, in words.
    pub unsure: Vec<String>,
    /// Damaged records that this and earlier examinations put aside; they are kept and no job any more.
    pub set_aside: u64,
}

impl Examined {
    /// Most findings listed one by one.
    pub const MOST: usize = 1_000;

    /// Adds a finding, once.
    pub(crate) fn add(&mut self, finding: Finding) {
        let same = |known: &Finding| {
            known.flaw == finding.flaw && known.subject == finding.subject && known.told == finding.told
        };
        if self.findings.iter().any(same) {
            return;
        }
        if self.findings.len() < Self::MOST {
            self.findings.push(finding);
        } else {
            self.more += 1;
        }
    }

    /// Whether everything that could be judged is as it should be, if need be after healing.
    pub fn is_sound(&self) -> bool {
        self.more == 0 && self.findings.iter().all(|finding| finding.remedy == Remedy::Healed)
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of thing.
    pub flaw: Flaw,
    /// The job, queue, key or group.
    pub subject: String,
    /// What is wrong, continuing the subject.
    pub told: String,
    /// What became of it.
    pub remedy: Remedy,
}

/// Kinds of flaws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// A record that cannot be read.
    Damaged,
    /// A running job that nobody holds.
    RunningWithoutLease,
    /// A lease on a job that does not run, or one that is not watched.
    Lease,
    /// An index that lacks a job or names one that is not there.
    Index,
    /// A counter that is off.
    Counter,
    /// A unique key held by nobody or by two.
    UniqueKey,
    /// A group that is off.
    Group,
    /// A queue of a broker that is gone.
    Queue,
}

/// What became of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Healed by this examination.
    Healed,
    /// Can be healed: examine with `repair`.
    Healable,
    /// Somebody has to decide.
    None,
}
