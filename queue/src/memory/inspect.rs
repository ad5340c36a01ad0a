//! What operators see.

use super::{MAX_PIECE, jobs::Entry, state::State};
use crate::{JobFilter, JobRecord, Page, QueueStatus};

/// Whether `job` is one of those asked for.
pub(super) fn matches(filter: &JobFilter, job: &Entry) -> bool {
    let JobFilter { states, kind, queue, group, ids, error_contains } = filter;
    let record = &job.record;
    (states.is_empty() || states.contains(&record.state))
        && kind.as_ref().is_none_or(|kind| *kind == record.kind)
        && queue.as_ref().is_none_or(|queue| *queue == record.queue)
        && group.is_none_or(|group| record.group == Some(group))
        && (ids.is_empty() || ids.contains(&record.id))
        && error_contains
            .as_ref()
            .is_none_or(|text| record.last_error.as_ref().is_some_and(|error| error.contains(text.as_str())))
}

impl State {
    pub(super) fn list(&self, filter: &JobFilter, page: Page) -> Vec<JobRecord> {
        let found = self.jobs.iter().rev().filter(|job| matches(filter, job));
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
