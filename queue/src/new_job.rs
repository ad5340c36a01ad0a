//! What a producer hands over.

use crate::{GroupId, Job, JobId, Priority, StoreError, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A job to be stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewJob {
    /// Chosen by the producer; a second job with the same id is ignored ([`Enqueued::Existing`]).
    pub id: JobId,
    /// [`Job::KIND`]; 1 to [`NewJob::MAX_NAME_BYTES`] bytes.
    pub kind: String,
    /// [`Job::VERSION`] of the payload.
    pub version: u16,
    /// Named queue; 1 to [`NewJob::MAX_NAME_BYTES`] bytes.
    pub queue: String,
    /// How urgent.
    pub priority: Priority,
    /// JSON, at most [`NewJob::MAX_PAYLOAD_BYTES`].
    pub payload: Vec<u8>,
    /// Not before this moment; `None` is at once. A moment in the past is at once, too: nobody jumps the line.
    pub run_at: Option<Timestamp>,
    /// Not started before this moment: cancelled as expired, never given to a worker from then on. `None` is never.
    /// Ends with the first start: what was started once does not expire while it waits for a retry.
    pub expires_at: Option<Timestamp>,
    /// Uniqueness among jobs of the same kind.
    pub unique: Option<Unique>,
    /// Group whose counts it joins when it is stored (not when the request is ignored, replaces, or waits to run once
    /// more). The group must have been opened; a group that is done counts it and stays done.
    pub group: Option<GroupId>,
    /// Who the work is for (supplier, tenant): keys share each priority of a queue in turns ([`crate::order::fair`]) and
    /// each has the limits of the queue ([`crate::KeyLimits`]). At most [`NewJob::MAX_NAME_BYTES`] bytes; an empty key is
    /// none.
    pub fairness_key: Option<String>,
}

impl NewJob {
    /// Largest payload a store accepts: 1 MiB. Larger things are passed by reference.
    pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;
    /// Longest kind, queue, unique key and fairness key.
    pub const MAX_NAME_BYTES: usize = 255;

    /// Whether a store may take it; every store asks before it stores anything.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] names the job and what is too long or missing.
    pub fn validate(&self) -> Result<(), StoreError> {
        self.check().map_err(|what| StoreError::Invalid(format!("job {}: {what}", self.id)))
    }

    fn check(&self) -> Result<(), String> {
        check_payload(&self.payload)?;
        check_name("kind", &self.kind)?;
        check_name("queue", &self.queue)?;
        let keys = [
            ("unique", self.unique.as_ref().map(|unique| &unique.key)),
            ("fairness", self.fairness_key.as_ref()),
        ];
        for (what, key) in keys {
            let len = key.map_or(0, String::len);
            if len > Self::MAX_NAME_BYTES {
                return Err(format!("{what} key of {len} bytes, at most {}", Self::MAX_NAME_BYTES));
            }
        }
        Ok(())
    }

    /// When it is due if it is stored at `now`.
    pub fn due_at(&self, now: Timestamp) -> Timestamp {
        self.run_at.map_or(now, |run_at| run_at.max(now))
    }

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

    /// On behalf of `key`.
    #[must_use]
    pub fn with_fairness_key(mut self, key: impl Into<String>) -> Self {
        self.fairness_key = Some(key.into());
        self
    }

    /// Unique by this rule.
    #[must_use]
    pub fn unique_by(mut self, unique: Unique) -> Self {
        self.unique = Some(unique);
        self
    }
}

/// Whether a payload is small enough. A seal takes no room from it.
pub(crate) fn check_payload(payload: &[u8]) -> Result<(), String> {
    let (size, max) = (crate::sealed::plain_len(payload), NewJob::MAX_PAYLOAD_BYTES);
    if size > max {
        return Err(format!("payload of {size} bytes, at most {max}; pass large things by reference"));
    }
    Ok(())
}

/// Whether the name of a kind or queue is there and short enough.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > NewJob::MAX_NAME_BYTES {
        return Err(format!("{what} of {} bytes, must be 1 to {}", name.len(), NewJob::MAX_NAME_BYTES));
    }
    Ok(())
}

/// At most one job of a kind with this key, for as long as the scope lasts. The key is held by the job itself:
/// when the job ends, is pruned or its scope is over, the key is free. The holder decides how long the key is held, the
/// request what happens on conflict. A replayed job takes its key again if that is free; while another job holds the
/// key, the replay leaves the job alone.
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
    /// Until a worker starts the job for the first time (a retry does not take the key again), or until it ends.
    UntilStarted,
    /// Until the job is in a final state.
    UntilDone,
    /// For this long after it was enqueued, whatever becomes of the job (unless it is pruned).
    For(Duration),
}

/// What a request does when the key is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// Nothing: the holder stands for it.
    Ignore,
    /// Takes the place of the holder's payload, version, priority, time ([`crate::life::replaced_due_at`]) and expiry
    /// while it waits; counts, queue, group and fairness key stay. A running or ended holder is left alone and stands for it.
    Replace,
    /// A waiting or ended holder stands for it; during a run the last request causes exactly one further run, enqueued
    /// (under its own id, by the ordinary rules) in the transaction that ends the holder, however it ends. The request
    /// is kept while the holder waits for a retry. An ending holder gives up its key for it, whatever the scope; follow-ons
    /// of the holder come before it. If its group was pruned meanwhile, it joins none.
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
