//! What a producer hands over.

use crate::{GroupId, Job, JobId, Priority, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A job to be stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewJob {
    /// Chosen by the producer; a second job with the same id is ignored ([`Enqueued::Existing`]).
    pub id: JobId,
    /// [`Job::KIND`].
    pub kind: String,
    /// [`Job::VERSION`] of the payload.
    pub version: u16,
    /// Named queue.
    pub queue: String,
    /// How urgent.
    pub priority: Priority,
    /// JSON, at most [`NewJob::MAX_PAYLOAD_BYTES`].
    pub payload: Vec<u8>,
    /// Not before this moment; `None` is at once.
    pub run_at: Option<Timestamp>,
    /// Not started by then: cancelled as expired. `None` is never.
    pub expires_at: Option<Timestamp>,
    /// Uniqueness among jobs of the same kind.
    pub unique: Option<Unique>,
    /// Group whose counts it joins.
    pub group: Option<GroupId>,
    /// Who the work is for.
    pub fairness_key: Option<String>,
}

impl NewJob {
    /// Largest payload a store accepts: 1 MiB. Larger things are passed by reference.
    pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;

    /// The job for `payload`, with the kind's own queue, priority, uniqueness and fairness key.
    ///
    /// # Errors
    /// The payload does not serialize (permanent).
    pub fn of<J: Job>(payload: &J) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id: JobId::generate(),
            kind: J::KIND.to_owned(),
            version: J::VERSION,
            queue: J::QUEUE.to_owned(),
            priority: J::PRIORITY,
            payload: serde_json::to_vec(payload)?,
            run_at: None,
            expires_at: None,
            unique: payload.unique(),
            group: None,
            fairness_key: payload.fairness_key(),
        })
    }

    /// With this id, for producers that may run twice.
    #[must_use]
    pub fn with_id(mut self, id: JobId) -> Self {
        self.id = id;
        self
    }

    /// As a member of `group`.
    #[must_use]
    pub fn in_group(mut self, group: GroupId) -> Self {
        self.group = Some(group);
        self
    }

    /// Not before `run_at`.
    #[must_use]
    pub fn at(mut self, run_at: Timestamp) -> Self {
        self.run_at = Some(run_at);
        self
    }

    /// With this priority.
    #[must_use]
    pub fn prioritized(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Cancelled as expired unless started by `expires_at`.
    #[must_use]
    pub fn expiring(mut self, expires_at: Timestamp) -> Self {
        self.expires_at = Some(expires_at);
        self
    }

    /// Unique by this rule.
    #[must_use]
    pub fn unique_by(mut self, unique: Unique) -> Self {
        self.unique = Some(unique);
        self
    }
}

/// At most one job of a kind with this key, for as long as the scope lasts. The key is held by the job itself:
/// when the job ends, is pruned or its scope is over, the key is free.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unique {
    /// At most 255 bytes; compared within the kind.
    pub key: String,
    /// How long the key is held.
    pub scope: UniqueScope,
    /// What a second request does.
    pub on_conflict: OnConflict,
}

impl Unique {
    /// Held until done; a second request is ignored.
    pub fn until_done(key: impl Into<String>) -> Self {
        Self { key: key.into(), scope: UniqueScope::UntilDone, on_conflict: OnConflict::Ignore }
    }

    /// Held until done; requests during a run cause exactly one further run (coalescing).
    pub fn coalesced(key: impl Into<String>) -> Self {
        Self { key: key.into(), scope: UniqueScope::UntilDone, on_conflict: OnConflict::RunOnceMore }
    }
}

/// How long a unique key is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UniqueScope {
    /// Until a worker starts the job for the first time (a retry does not take the key again).
    UntilStarted,
    /// Until the job is in a final state.
    UntilDone,
    /// For this long after it was enqueued, whatever becomes of the job.
    For(Duration),
}

/// What a request does when the key is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// Nothing: the holder stands for it.
    Ignore,
    /// Takes the place of the holder's payload, priority, time and expiry while it waits; a running or ended holder is left alone.
    Replace,
    /// A waiting holder stands for it; during a run the last request causes exactly one further run, enqueued in
    /// the transaction that settles the holder for good.
    RunOnceMore,
}

/// What became of one request, in the order of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// Stored.
    New(JobId),
    /// A job with this id was already there (whatever its state).
    Existing(JobId),
    /// The unique key is held by this job, which stands for the request.
    Ignored(JobId),
    /// The waiting holder now carries the request.
    Replaced(JobId),
    /// The running holder will be followed by one further run.
    RunOnceMore(JobId),
}

impl Enqueued {
    /// The job that stands for the request.
    pub const fn id(self) -> JobId {
        match self {
            Self::New(id)
            | Self::Existing(id)
            | Self::Ignored(id)
            | Self::Replaced(id)
            | Self::RunOnceMore(id) => id,
        }
    }
}
