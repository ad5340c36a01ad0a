//! How a job ended, and what happens next.

use crate::RetryPolicy;
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for its time.
    Scheduled,
    /// Can be claimed.
    Available,
    /// Held by a worker under a lease.
    Running,
    /// Failed or snoozed; waits for its next attempt.
    Retryable,
    /// Done.
    Completed,
    /// Cancelled by somebody, by its handler, or expired before it started.
    Cancelled,
    /// Given up after an error: the dead set. Can be replayed.
    Discarded,
    /// Took its worker down too often. Can be replayed.
    Quarantined,
}

impl JobState {
    /// All states, in the order of a life.
    pub const ALL: [Self; 8] = [
        Self::Scheduled,
        Self::Available,
        Self::Running,
        Self::Retryable,
        Self::Completed,
        Self::Cancelled,
        Self::Discarded,
        Self::Quarantined,
    ];

    /// Whether nothing more will happen to the job by itself.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Discarded | Self::Quarantined)
    }

    /// The name, as in JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Available => "available",
            Self::Running => "running",
            Self::Retryable => "retryable",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Discarded => "discarded",
            Self::Quarantined => "quarantined",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a settlement tells the store to do with a job. Decided by the worker; stores only obey, by
/// [`crate::life::Running::settled`]. One exception: a job that somebody asked to cancel is cancelled instead of
/// waiting again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Complete,
    /// Failed; run again after `delay` (retryable; available at once when zero). Burns an attempt.
    Retry {
        /// From now.
        delay: Duration,
        /// What went wrong.
        error: String,
    },
    /// Not now; run again after `delay`. Burns no attempt.
    Snooze {
        /// From now.
        delay: Duration,
    },
    /// Failed for good: to the dead set. Burns an attempt.
    Discard {
        /// What went wrong.
        error: String,
    },
    /// No longer wanted.
    Cancel {
        /// Why.
        reason: String,
    },
    /// Handed back untouched (shutdown): available again at once, in its old place. Burns no attempt.
    HandBack,
}

/// Why a handler did not complete a job, and what happens next.
///
/// Any [`std::error::Error`] becomes [`JobError::retry`] through `?`.
#[derive(Clone, Debug)]
pub struct JobError {
    next: Next,
    message: String,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Retry(Option<RetryPolicy>),
    RetryAfter(Duration),
    Snooze(Duration),
    Discard,
    Cancel,
}

impl JobError {
    /// It may pass: try again by the job's policy.
    pub fn retry(error: impl fmt::Display) -> Self {
        Self { next: Next::Retry(None), message: error.to_string() }
    }

    /// It may pass: try again by `policy` instead of the job's own.
    pub fn retry_with(error: impl fmt::Display, policy: RetryPolicy) -> Self {
        Self { next: Next::Retry(Some(policy)), message: error.to_string() }
    }

    /// It may pass, and the other side said when (`Retry-After`). Burns an attempt.
    pub fn retry_after(error: impl fmt::Display, delay: Duration) -> Self {
        Self { next: Next::RetryAfter(delay), message: error.to_string() }
    }

    /// Not ready yet: run again after `delay`, no attempt burnt.
    pub fn snooze(delay: Duration) -> Self {
        Self { next: Next::Snooze(delay), message: String::new() }
    }

    /// It will never work: to the dead set at once.
    pub fn discard(error: impl fmt::Display) -> Self {
        Self { next: Next::Discard, message: error.to_string() }
    }

    /// It is no longer wanted.
    pub fn cancel(reason: impl fmt::Display) -> Self {
        Self { next: Next::Cancel, message: reason.to_string() }
    }

    /// The outcome of the `attempt`-th attempt (from 1) under `policy`, with `draw` for the jitter.
    pub fn into_outcome(self, policy: &RetryPolicy, attempt: u32, draw: u64) -> Outcome {
        let error = self.message;
        match self.next {
            Next::Snooze(delay) => Outcome::Snooze { delay },
            Next::Cancel => Outcome::Cancel { reason: error },
            Next::RetryAfter(delay) if policy.allows_another(attempt) => Outcome::Retry { delay, error },
            Next::Retry(own) => {
                let policy = own.as_ref().unwrap_or(policy);
                if policy.allows_another(attempt) {
                    Outcome::Retry { delay: policy.delay(attempt, draw), error }
                } else {
                    Outcome::Discard { error }
                }
            }
            Next::Discard | Next::RetryAfter(_) => Outcome::Discard { error },
        }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error> From<E> for JobError {
    fn from(error: E) -> Self {
        use std::fmt::Write;
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let _ = write!(message, ": {cause}");
            source = cause.source();
        }
        Self::retry(message)
    }
}
