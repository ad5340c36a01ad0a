//! What a pool did so far, as plain numbers for whoever exports metrics.

mod histogram;

pub use histogram::Histogram;

use crate::StopReason;
use std::{collections::BTreeMap, time::Duration};

/// Everything about a pool at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PoolStats {
    /// By queue name.
    pub lanes: Vec<LaneStats>,
}

impl PoolStats {
    /// Sums over all lanes.
    pub fn totals(&self) -> Tally {
        self.lanes.iter().fold(Tally::default(), |sum, lane| sum.plus(&lane.tally))
    }
}

/// Jobs since the start, by what became of them. Counted when the store confirmed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Leased.
    pub claimed: u64,
    /// Completed.
    pub completed: u64,
    /// Failed, will run again.
    pub retried: u64,
    /// Put off by their handler.
    pub snoozed: u64,
    /// Failed for good, in the dead set.
    pub discarded: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Handed back unfinished.
    pub handed_back: u64,
    /// Whose lease was lost while they were held here: nothing this worker did to them counts. After an error of the
    /// store a settlement is sent again, so this may count jobs that were settled by the first sending.
    pub lost: u64,
}

impl Tally {
    /// The sum.
    #[must_use]
    pub const fn plus(&self, other: &Self) -> Self {
        Self {
            claimed: self.claimed + other.claimed,
            completed: self.completed + other.completed,
            retried: self.retried + other.retried,
            snoozed: self.snoozed + other.snoozed,
            discarded: self.discarded + other.discarded,
            cancelled: self.cancelled + other.cancelled,
            handed_back: self.handed_back + other.handed_back,
            lost: self.lost + other.lost,
        }
    }
}

/// One queue's lane.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LaneStats {
    /// The named queue.
    pub queue: String,
    /// Calls it may run in parallel.
    pub concurrency: usize,
    /// Calls that run now.
    pub running: usize,
    /// Jobs claimed and not yet in a call.
    pub waiting: usize,
    /// Settlements the store has not confirmed yet.
    pub unsent: usize,
    /// Jobs by what became of them.
    pub tally: Tally,
    /// From due to started.
    pub start_latency: Histogram,
    /// By kind.
    pub kinds: Vec<KindStats>,
}

/// One kind of jobs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KindStats {
    /// Its name.
    pub kind: &'static str,
    /// Jobs one call may get now.
    pub batch_limit: usize,
    /// Calls ended.
    pub calls: u64,
    /// Jobs in them.
    pub jobs: u64,
    /// Jobs in them that ended in an error.
    pub failures: u64,
    /// Time spent in them.
    pub busy: Duration,
    /// Why batches stopped growing; empty for handlers of single jobs.
    pub stopped: BTreeMap<StopReason, u64>,
}
