//! What a job is: a typed, versioned payload.

use crate::{RetryPolicy, new_job::Unique};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{fmt, str::FromStr, time::Duration};
use uuid::Uuid;

/// Identity of a job, chosen by the producer: enqueueing the same id twice stores one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub Uuid);

impl JobId {
    /// A new id, ordered by creation time (UUID version 7).
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id that belongs to `name` inside `scope` (UUID version 5): the same name gives the same id.
    pub fn named(scope: Uuid, name: &str) -> Self {
        Self(Uuid::new_v5(&scope, name.as_bytes()))
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// How urgent a job is; a queue serves the more urgent first, strictly or by weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Before everything else.
    Critical = 0,
    /// Somebody is waiting.
    High = 1,
    /// The default.
    #[default]
    Normal = 2,
    /// When there is nothing better to do.
    Low = 3,
}

impl Priority {
    /// All priorities, most urgent first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Normal, Self::Low];

    /// The priority stored as `level`; levels above 3 are [`Priority::Low`].
    pub const fn from_level(level: u8) -> Self {
        match level {
            0 => Self::Critical,
            1 => Self::High,
            2 => Self::Normal,
            _ => Self::Low,
        }
    }
}

/// How many jobs one call of a batch handler may receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Fewest jobs the adaptive size may shrink to, at least 1.
    pub min_jobs: usize,
    /// Most jobs in one call.
    pub max_jobs: usize,
    /// How long to wait for more jobs once the first is there. Default zero.
    pub max_wait: Duration,
    /// The time one call should not exceed; the adaptive size shrinks above it.
    pub latency_ceiling: Duration,
    /// For jobs of very different weight: what one call should not exceed in sum, by the mean of the jobs before. Default
    /// none.
    pub load: Option<Load>,
}

/// A sum over the jobs of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// What handlers tally with [`Item::tally`](crate::Item::tally).
    pub counter: &'static str,
    /// The most that one call should have of it.
    pub most: u64,
}

impl BatchLimits {
    /// One job a call.
    pub const ONE: Self = Self::up_to(1, Duration::from_mins(1));

    /// Up to `max_jobs` a call, no waiting, calls of about `latency_ceiling` at most.
    pub const fn up_to(max_jobs: usize, latency_ceiling: Duration) -> Self {
        Self { min_jobs: 1, max_jobs, max_wait: Duration::ZERO, latency_ceiling, load: None }
    }

    /// The same, and about `most` of what handlers tally as `counter` in one call.
    #[must_use]
    pub const fn with_load(self, counter: &'static str, most: u64) -> Self {
        Self { load: Some(Load { counter, most }), ..self }
    }
}

/// An old payload could not be brought to the present version.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{kind} payload of version {from} cannot be read as version {to}")]
pub struct UpcastError {
    /// Kind of the job.
    pub kind: &'static str,
    /// Version found in the store.
    pub from: u16,
    /// Version this binary knows.
    pub to: u16,
}

/// A unit of work as data: what is enqueued, stored and retried. Handlers of it must be idempotent.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Stable name of the kind, `snake_case`; stored with every job.
    const KIND: &'static str;
    /// Version of the payload's shape. Raise it when old payloads no longer deserialize.
    const VERSION: u16 = 1;
    /// The named queue it goes to.
    const QUEUE: &'static str = "default";
    /// How urgent it is unless the producer says otherwise.
    const PRIORITY: Priority = Priority::Normal;
    /// What happens after an error.
    const RETRY: RetryPolicy = RetryPolicy::DEFAULT;
    /// Longest time one handler call may take; then it counts as an error that passes.
    const TIMEOUT: Duration = Duration::from_mins(5);
    /// Bounds of the adaptive batch size; only read for batch handlers.
    const BATCH: BatchLimits = BatchLimits::up_to(64, Duration::from_secs(2));

    /// Uniqueness of this payload among jobs of its kind; none by default.
    fn unique(&self) -> Option<Unique> {
        None
    }

    /// Who this work is for (supplier, tenant), for fair shares; none by default.
    fn fairness_key(&self) -> Option<String> {
        None
    }

    /// Brings the JSON of an older version to [`Job::VERSION`]. Called only when `from < VERSION`.
    fn upcast(from: u16, _payload: serde_json::Value) -> Result<serde_json::Value, UpcastError> {
        Err(UpcastError { kind: Self::KIND, from, to: Self::VERSION })
    }
}
