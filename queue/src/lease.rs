//! Claim → lease → settlement.

use crate::{GroupId, JobId, NewJob, Outcome, Priority, Timestamp};
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// Identity of one run of one worker process (name + process-unique part); never reused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerId(pub String);

impl WorkerId {
    /// A new identity under the readable `name`.
    pub fn generate(name: &str) -> Self {
        Self(format!("{name}-{}", uuid::Uuid::now_v7().simple()))
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Fencing token: grows with every lease of a job, so that writes under a lost lease can be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fence(pub u64);

/// A kind a worker can perform: payload versions `1..=max_version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindRange {
    /// [`crate::Job::KIND`].
    pub kind: String,
    /// Highest version this binary reads; newer payloads wait for a newer worker.
    pub max_version: u16,
}

impl KindRange {
    /// Whether a job of this kind and payload version can be performed.
    pub fn covers(&self, kind: &str, version: u16) -> bool {
        self.kind == kind && version <= self.max_version
    }
}

/// In what order the four priorities of a queue are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriorityOrder {
    /// The most urgent first. A job that has waited `aging` counts one level more urgent, twice that two levels, …
    Strict {
        /// Zero switches aging off.
        aging: Duration,
    },
    /// Each claimed job is drawn by these weights among the priorities that have work.
    Weighted {
        /// By level, critical first. A level of weight zero is served when the others are empty.
        weights: [u32; 4],
    },
}

impl Default for PriorityOrder {
    /// Strict, aging 60 s.
    fn default() -> Self {
        Self::Strict { aging: Duration::from_mins(1) }
    }
}

/// A request for work.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Who asks; must have checked in ([`crate::Store::check_in`]), again if it was found dead meanwhile: else
    /// [`crate::StoreError::Invalid`].
    pub worker: WorkerId,
    /// From this queue only.
    pub queue: String,
    /// Only these kinds and versions.
    pub kinds: Vec<KindRange>,
    /// At most this many, capped at [`Claim::MAX`].
    pub max: usize,
    /// The lease ends this long after the claim unless renewed.
    pub lease_for: Duration,
    /// Which priorities first.
    pub order: PriorityOrder,
    /// A random draw, for the weighted order.
    pub draw: u64,
}

impl Claim {
    /// Most jobs one claim gives.
    pub const MAX: usize = 500;
}

/// What a claim found.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    /// FIFO inside a priority and fairness key; each job is in at most one unexpired lease.
    pub leases: Vec<Lease>,
    /// When the earliest waiting (scheduled or retryable) job of this queue is due, if known: look again then. In the
    /// past when this call promoted as much as it may and more is due. Not later than the moment at which a key with
    /// claimable jobs that only its rate holds back may have another. `None` while the queue is paused.
    pub next_due: Option<Timestamp>,
}

/// A job held until `deadline`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// Under this token.
    pub fence: Fence,
    /// [`crate::Job::KIND`].
    pub kind: String,
    /// Payload version.
    pub version: u16,
    /// Queue it came from.
    pub queue: String,
    /// Its own priority (not the aged one).
    pub priority: Priority,
    /// JSON.
    pub payload: Vec<u8>,
    /// Which attempt this is, from 1. Counts errors, not crashes or snoozes.
    pub attempt: u32,
    /// How often a worker died while holding it.
    pub crashes: u32,
    /// Its group.
    pub group: Option<GroupId>,
    /// When it was stored.
    pub enqueued_at: Timestamp,
    /// When it became due (its time, or that of its retry). Order inside a priority: by this, then by arrival.
    pub due_at: Timestamp,
    /// When the lease ends.
    pub deadline: Timestamp,
}

impl Lease {
    /// What a renewal or settlement must show.
    pub const fn key(&self) -> LeaseKey {
        LeaseKey { job: self.job, fence: self.fence }
    }
}

/// Proof of holding a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LeaseKey {
    /// The job.
    pub job: JobId,
    /// The token of this lease.
    pub fence: Fence,
}

/// What a renewal found, in the order of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Held on.
    Renewed,
    /// Held on, but somebody asked to cancel the job: stop it.
    CancelRequested,
    /// Somebody else has the job, or it has ended: stop it, its settlement will be refused.
    Lost,
}

/// How one leased job ended. The store applies all of it in one transaction, or none when the lease is lost.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The lease under which it ran.
    pub lease: LeaseKey,
    /// What to do with the job.
    pub outcome: Outcome,
    /// Jobs to enqueue, exactly once, with the outcome (whichever it is). Group members are counted before this job
    /// is; a unique key that this job gives up is free for them. When one of them is invalid (see
    /// [`NewJob::validate`], or its group was never opened), the job is discarded with that reason instead, without
    /// follow-ons and tally: one bad job must not hold up the others of the call.
    pub follow_on: Vec<NewJob>,
    /// Added to the counters of the job's group, exactly once; ignored without a group.
    pub tally: Vec<(String, i64)>,
}

impl Settlement {
    /// Just the outcome.
    pub const fn new(lease: LeaseKey, outcome: Outcome) -> Self {
        Self { lease, outcome, follow_on: Vec::new(), tally: Vec::new() }
    }
}

/// What became of one settlement, in the order of the settlements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Applied.
    Applied,
    /// The lease was lost (rescued, or settled before, also by the same call when its answer was lost): nothing was
    /// changed. A lease that has ended but was not taken back yet still counts.
    LeaseLost,
}
