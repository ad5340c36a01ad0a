//! The job: it writes into the book, works for a moment, writes again.

use super::book::{Book, Entry};
use backstock_queue::{Clock, Context, Handler, Job, JobError, One, RetryPolicy, SystemClock};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Jobs of one worker at a time.
pub const PLACES: usize = 16;
/// A job takes so long that workers are killed in the middle of many.
const WORK: Duration = Duration::from_millis(12);
/// The counter of the effect that takes place when a member of a group completes.
pub const EFFECTS: &str = "effects";

#[derive(Serialize, Deserialize)]
pub struct Task {
    pub number: u32,
}

impl Job for Task {
    const KIND: &'static str = "crash-task";
    const RETRY: RetryPolicy = RetryPolicy { max_attempts: 10, ..RetryPolicy::DEFAULT };
}

pub(super) struct Performer(pub(super) Book);

impl Handler for Performer {
    type Work = One<Task>;
    async fn handle(&self, job: &mut One<Task>, _: &Context) -> Result<(), JobError> {
        let entry =
            |end| Entry { job: job.number, pid: std::process::id(), fence: job.fence().0, at: now(), end };
        self.0.write(entry(false))?;
        tokio::time::sleep(WORK).await;
        self.0.write(entry(true))?;
        job.tally(EFFECTS, 1);
        Ok(())
    }
}

/// Milliseconds since the epoch.
pub fn now() -> i64 {
    SystemClock.now().as_millis()
}
