//! What operators see.

use super::{MAX_PIECE, state::State};
use crate::{JobFilter, JobRecord, Page, QueueStatus};

impl State {
    pub(super) fn list(&self, filter: &JobFilter, page: Page) -> Vec<JobRecord> {
        let found = self.jobs.iter().rev().filter(|job| filter.matches(&job.record));
        found.skip(page.offset).take(page.limit.min(MAX_PIECE)).map(|job| job.record.clone()).collect()
    }

    pub(super) fn queue_statuses(&self) -> Vec<QueueStatus> {
        let queues = self.jobs.index.queues.iter();
        queues
            .map(|(name, queue)| QueueStatus {
                name: name.clone(),
                paused: queue.paused,
                counts: queue.counts.clone(),
                oldest_due_at: queue.oldest_ready(),
                limits: queue.gate.limits(),
            })
            .collect()
    }
}
