//! What operators do and see.

use super::{Naive, count};
use crate::JobState::{Available, Cancelled, Completed, Discarded, Quarantined, Running, Scheduled};
use crate::{GroupStatus, JobFilter, JobRecord, QueueStatus, Replay, Retention, Timestamp, WorkerId};
use std::collections::BTreeMap;
use std::time::Duration;

impl Naive {
    pub(in super::super) fn prune(&mut self, retention: &Retention) -> usize {
        let (now, before) = (self.now, self.jobs.len());
        self.jobs.retain(|job| {
            let max_age = match job.record.state {
                Completed | Cancelled => retention.max_age,
                _ => retention.dead_max_age,
            };
            job.record.finished_at.is_none_or(|finished_at| now.since(finished_at) <= max_age)
        });
        let jobs = &self.jobs;
        self.groups.retain(|group| {
            let used = jobs.iter().any(|job| job.record.group == Some(group.status.id));
            used || group.status.done_at.is_none_or(|done_at| now.since(done_at) <= retention.max_age)
        });
        before - self.jobs.len()
    }

    pub(in super::super) fn cancel(&mut self, filter: &JobFilter) -> u64 {
        let mut cancelled = 0;
        for index in 0..self.jobs.len() {
            let job = &mut self.jobs[index];
            if !matches(filter, &job.record) || job.record.state.is_final() || job.asked_to_stop {
                continue;
            }
            cancelled += 1;
            if job.record.state == Running {
                job.asked_to_stop = true;
            } else {
                job.record.last_error = Some("cancelled".to_owned());
                self.release(index, Cancelled, Vec::new());
            }
        }
        cancelled
    }

    pub(in super::super) fn replay(&mut self, replay: &Replay) -> u64 {
        let mut order: Vec<(Option<Timestamp>, usize)> = Vec::new();
        for (index, job) in self.jobs.iter().enumerate() {
            let dead = matches!(job.record.state, Discarded | Quarantined | Cancelled);
            if dead && matches(&replay.filter, &job.record) {
                order.push((job.record.finished_at, index));
            }
        }
        order.sort();
        let mut replayed = 0;
        for (_, index) in order {
            if replayed == replay.limit as u64 {
                break;
            }
            let job = &self.jobs[index];
            let holder = job.unique.as_ref().and_then(|unique| self.holder(&job.record.kind, &unique.key));
            if holder.is_none_or(|holder| holder == index) {
                let spread = replay.per_second.map_or(0, |rate| replayed * 1000 / u64::from(rate));
                self.run_again(index, self.now.plus(Duration::from_millis(spread)), replay);
                replayed += 1;
            }
        }
        replayed
    }

    fn run_again(&mut self, index: usize, due_at: Timestamp, replay: &Replay) {
        let now = self.now;
        let held = &mut self.jobs[index];
        held.has_key = held.unique.is_some();
        let job = &mut held.record;
        for group in self.groups.iter_mut().filter(|known| Some(known.status.id) == job.group) {
            group.status.pending += 1;
            *count(&mut group.status, job.state) -= 1;
        }
        job.state = if due_at > now { Scheduled } else { Available };
        job.due_at = due_at;
        job.errors = 0;
        job.crashes = 0;
        job.last_error = None;
        job.expires_at = None;
        job.started_at = None;
        job.finished_at = None;
        job.priority = replay.edit.priority.unwrap_or(job.priority);
    }

    pub(in super::super) fn pause(&mut self, queue: &str, paused: bool) {
        if paused || self.queues.contains_key(queue) {
            self.queues.insert(queue.to_owned(), paused);
        }
    }

    /// Last stored first.
    pub(in super::super) fn jobs(&self) -> Vec<JobRecord> {
        self.jobs.iter().rev().map(|job| job.record.clone()).collect()
    }

    /// Last opened first.
    pub(in super::super) fn groups(&self) -> Vec<GroupStatus> {
        self.groups.iter().rev().map(|group| group.status.clone()).collect()
    }

    pub(in super::super) fn queues(&self) -> Vec<QueueStatus> {
        let status = |(name, paused): (&String, &bool)| {
            let mut counts = BTreeMap::new();
            let mut oldest_due_at = None;
            for job in self.jobs.iter().map(|job| &job.record).filter(|job| job.queue == *name) {
                *counts.entry(job.state).or_default() += 1;
                if job.state == Available && oldest_due_at.is_none_or(|oldest| job.due_at < oldest) {
                    oldest_due_at = Some(job.due_at);
                }
            }
            let limits = self.keys.limits(name);
            QueueStatus { name: name.clone(), paused: *paused, counts, oldest_due_at, limits }
        };
        self.queues.iter().map(status).collect()
    }

    pub(in super::super) fn fired(&self) -> Vec<(String, Timestamp)> {
        self.fired.clone().into_iter().collect()
    }

    pub(in super::super) fn workers(&self) -> Vec<(WorkerId, u64)> {
        let held = |worker: &WorkerId| {
            self.jobs.iter().filter(|job| job.record.worker.as_ref() == Some(worker)).count() as u64
        };
        self.workers.iter().map(|worker| (worker.clone(), held(worker))).collect()
    }
}

/// The parts of a filter that random sequences use.
fn matches(filter: &JobFilter, job: &JobRecord) -> bool {
    (filter.ids.is_empty() || filter.ids.contains(&job.id))
        && filter.queue.as_ref().is_none_or(|queue| job.queue == *queue)
        && (filter.group.is_none() || filter.group == job.group)
}
