//! Shared by the tests of this crate.

use crate::{Entry, Misfire, Template};
use backstock_queue::{Clock, JobId, NewJob, Priority, Timestamp};
use std::time::Duration;
use tokio::time::Instant;

/// An entry that enqueues a job of the kind `name` in UTC.
pub(crate) fn entry(name: &str, cron: &str) -> Entry {
    Entry {
        name: name.into(),
        cron: cron.into(),
        time_zone: "UTC".into(),
        job: Template::Copy(job(name)),
        misfire: Misfire::Once,
        jitter: Duration::ZERO,
        enabled: true,
    }
}

/// A job of this kind.
pub(crate) fn job(kind: &str) -> NewJob {
    NewJob {
        id: JobId::generate(),
        kind: kind.into(),
        version: 1,
        queue: "default".into(),
        priority: Priority::Normal,
        payload: b"{}".to_vec(),
        run_at: None,
        expires_at: None,
        unique: None,
        group: None,
        fairness_key: None,
    }
}

/// Follows the paused clock of the test runtime, so that stores and timers agree.
#[derive(Debug)]
pub(crate) struct TestClock {
    started: Instant,
    at: Timestamp,
}

impl TestClock {
    /// Shows `at` now.
    pub fn starting(at: Timestamp) -> Self {
        Self { started: Instant::now(), at }
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        // Not rounded up, or a store would see the end of a delay before the timer does.
        Timestamp(self.at.as_millis() + i64::try_from(self.started.elapsed().as_millis()).unwrap())
    }
}
