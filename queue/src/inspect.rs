//! What operators see and do.

use crate::{
    Fence, GroupId, JobId, JobState, KeyLimits, KindRange, Priority, StoreError, Timestamp, WorkerId, new_job,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything known about one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    /// Identity.
    pub id: JobId,
    /// Kind.
    pub kind: String,
    /// Payload version.
    pub version: u16,
    /// Queue.
    pub queue: String,
    /// Priority.
    pub priority: Priority,
    /// Where it is in its life.
    pub state: JobState,
    /// JSON.
    pub payload: Vec<u8>,
    /// Attempts that ended in an error.
    pub errors: u32,
    /// Times a worker died while holding it.
    pub crashes: u32,
    /// Token of the last lease; zero before the first.
    pub fence: Fence,
    /// Its group.
    pub group: Option<GroupId>,
    /// Who the work is for.
    pub fairness_key: Option<String>,
    /// Unique key it was enqueued with.
    pub unique_key: Option<String>,
    /// When it was stored.
    pub enqueued_at: Timestamp,
    /// When it is or was due.
    pub due_at: Timestamp,
    /// Not started by then: expired.
    pub expires_at: Option<Timestamp>,
    /// Start of the last attempt; `None` until the first, and again after a replay or replacement.
    pub started_at: Option<Timestamp>,
    /// When it reached a final state.
    pub finished_at: Option<Timestamp>,
    /// Who holds it, while running.
    pub worker: Option<WorkerId>,
    /// The last error, reason of cancellation, or cause of quarantine.
    pub last_error: Option<String>,
}

/// Which jobs; every `None` or empty field matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// In one of these states.
    pub states: Vec<JobState>,
    /// Of this kind.
    pub kind: Option<String>,
    /// In this queue.
    pub queue: Option<String>,
    /// In this group.
    pub group: Option<GroupId>,
    /// One of these.
    pub ids: Vec<JobId>,
    /// Whose last error contains this text.
    pub error_contains: Option<String>,
}

impl JobFilter {
    /// Whether `job` is one of those asked for.
    pub fn matches(&self, job: &JobRecord) -> bool {
        self.admits(&Traits {
            id: job.id,
            state: job.state,
            kind: &job.kind,
            queue: &job.queue,
            group: job.group,
            last_error: job.last_error.as_deref(),
        })
    }

    /// As [`matches`](Self::matches), for a job that has no record.
    pub(crate) fn admits(&self, job: &Traits<'_>) -> bool {
        let Self { states, kind, queue, group, ids, error_contains } = self;
        let says = |text: &String| job.last_error.is_some_and(|error| error.contains(text.as_str()));
        (states.is_empty() || states.contains(&job.state))
            && kind.as_ref().is_none_or(|kind| kind == job.kind)
            && queue.as_ref().is_none_or(|queue| queue == job.queue)
            && group.is_none_or(|group| job.group == Some(group))
            && (ids.is_empty() || ids.contains(&job.id))
            && error_contains.as_ref().is_none_or(says)
    }
}

/// What a filter looks at.
pub(crate) struct Traits<'a> {
    pub(crate) id: JobId,
    pub(crate) state: JobState,
    pub(crate) kind: &'a str,
    pub(crate) queue: &'a str,
    pub(crate) group: Option<GroupId>,
    pub(crate) last_error: Option<&'a str>,
}

/// A window over a listing, newest job first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Skip this many.
    pub offset: usize,
    /// Show at most this many (capped at 500).
    pub limit: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self { offset: 0, limit: 50 }
    }
}

/// Dead, quarantined or cancelled jobs to be run again with fresh attempts.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// Which jobs; states other than discarded, quarantined and cancelled are never touched.
    pub filter: JobFilter,
    /// Changes made on the way.
    pub edit: Edit,
    /// Spread: at most this many jobs of this call become due in any second; `None` is all at once.
    pub per_second: Option<u32>,
    /// At most this many in one call (capped at 500).
    pub limit: usize,
}

/// Changes to a job on its way back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// New payload, of the same version.
    pub payload: Option<Vec<u8>>,
    /// New queue.
    pub queue: Option<String>,
    /// New priority.
    pub priority: Option<Priority>,
}

impl Edit {
    /// Whether a job is still valid with these changes; every store asks before it replays anything.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] says what is too long or missing.
    pub fn validate(&self) -> Result<(), StoreError> {
        let payload = self.payload.as_deref().map_or(Ok(()), new_job::check_payload);
        let queue = self.queue.as_deref().map_or(Ok(()), |queue| new_job::check_name("queue", queue));
        payload.and(queue).map_err(|what| StoreError::Invalid(format!("edit of jobs to replay: {what}")))
    }
}

/// Jobs by state; states without jobs are left out.
pub type StateCounts = BTreeMap<JobState, u64>;

/// One named queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStatus {
    /// Name.
    pub name: String,
    /// Whether claims find nothing on purpose.
    pub paused: bool,
    /// Jobs by state.
    pub counts: StateCounts,
    /// Since when the oldest available job has been due.
    pub oldest_due_at: Option<Timestamp>,
    /// What each fairness key may have at most.
    #[serde(default, skip_serializing_if = "KeyLimits::is_none")]
    pub limits: KeyLimits,
}

/// A worker process that introduces itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerInfo {
    /// Identity of this run.
    pub id: WorkerId,
    /// Host it runs on.
    pub host: String,
    /// Process id there.
    pub pid: u32,
    /// What it can perform.
    pub kinds: Vec<KindRange>,
    /// It is counted as dead when it has not checked in for this long (three missed check-ins, say).
    pub patience: std::time::Duration,
}

/// A worker as the store sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerStatus {
    /// Identity.
    pub id: WorkerId,
    /// Host.
    pub host: String,
    /// Process id.
    pub pid: u32,
    /// Since when.
    pub started_at: Timestamp,
    /// Last check-in.
    pub seen_at: Timestamp,
    /// Jobs it holds.
    pub running: u64,
}
