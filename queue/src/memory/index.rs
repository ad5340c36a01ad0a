//! Jobs by what is asked of them: ready by queue and priority, due, expiring, held, finished.

use super::{
    band::Band,
    gate::Gate,
    jobs::{Entry, Seq},
};
use crate::order::fair::share;
use crate::{JobState, StateCounts, Timestamp, WorkerId};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A moment, then order of arrival.
pub(super) type At = (Timestamp, Seq);

/// One named queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) paused: bool,
    pub(super) counts: StateCounts,
    pub(super) ready: [Band; 4],
    pub(super) gate: Gate,
    /// Scheduled and retryable jobs.
    pub(super) due: BTreeSet<At>,
    /// Waiting jobs that may expire.
    pub(super) expiring: BTreeSet<At>,
}

impl Queue {
    pub(super) fn oldest_ready(&self) -> Option<Timestamp> {
        self.ready.iter().filter_map(Band::oldest).min().map(|(due_at, _)| due_at)
    }
}

/// Finished jobs that share a retention, longest finished first.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) jobs: BTreeSet<At>,
    pub(super) bytes: u64,
}

#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) queues: BTreeMap<String, Queue>,
    /// Running jobs by the end of their lease.
    pub(super) deadlines: BTreeSet<At>,
    /// Running jobs by their worker.
    pub(super) held: HashMap<WorkerId, BTreeSet<Seq>>,
    /// Completed and cancelled jobs.
    pub(super) done: Shelf,
    /// Discarded and quarantined jobs.
    pub(super) dead: Shelf,
}

impl Index {
    pub(super) fn queue_mut(&mut self, name: &str) -> &mut Queue {
        if !self.queues.contains_key(name) {
            self.queues.insert(name.to_owned(), Queue::default());
        }
        self.queues.get_mut(name).expect("inserted above")
    }

    /// At the end of a call.
    pub(super) fn forget_emptied(&mut self) {
        self.queues.values_mut().flat_map(|queue| &mut queue.ready).for_each(Band::forget_emptied);
    }

    pub(super) fn held_by(&self, worker: &WorkerId) -> usize {
        self.held.get(worker).map_or(0, BTreeSet::len)
    }

    pub(super) fn add(&mut self, job: &Entry) {
        let state = job.record.state;
        let queue = self.queue_mut(&job.record.queue);
        *queue.counts.entry(state).or_default() += 1;
        if let Some(at) = job.may_expire_at() {
            queue.expiring.insert((at, job.seq));
        }
        match state {
            JobState::Available => queue.ready[job.record.priority as usize].add(job),
            JobState::Scheduled | JobState::Retryable => {
                queue.due.insert((job.record.due_at, job.seq));
            }
            JobState::Running => {
                queue.gate.lease(share(job.record.fairness_key.as_deref()));
                self.deadlines.insert((job.deadline, job.seq));
                if let Some(worker) = &job.record.worker {
                    self.held.entry(worker.clone()).or_default().insert(job.seq);
                }
            }
            _ => {
                let finished = self.shelf(state);
                finished.bytes += job.bytes();
                finished.jobs.insert(finished_at(job));
            }
        }
    }

    pub(super) fn remove(&mut self, job: &Entry) {
        let state = job.record.state;
        let queue = self.queue_mut(&job.record.queue);
        if let Some(count) = queue.counts.get_mut(&state) {
            *count -= 1;
            if *count == 0 {
                queue.counts.remove(&state);
            }
        }
        if let Some(at) = job.may_expire_at() {
            queue.expiring.remove(&(at, job.seq));
        }
        match state {
            JobState::Available => queue.ready[job.record.priority as usize].remove(job),
            JobState::Scheduled | JobState::Retryable => {
                queue.due.remove(&(job.record.due_at, job.seq));
            }
            JobState::Running => {
                queue.gate.let_go(share(job.record.fairness_key.as_deref()));
                self.deadlines.remove(&(job.deadline, job.seq));
                if let Some(worker) = &job.record.worker
                    && let Some(held) = self.held.get_mut(worker)
                {
                    held.remove(&job.seq);
                    if held.is_empty() {
                        self.held.remove(worker);
                    }
                }
            }
            _ => {
                let finished = self.shelf(state);
                finished.bytes -= job.bytes();
                finished.jobs.remove(&finished_at(job));
            }
        }
    }

    fn shelf(&mut self, state: JobState) -> &mut Shelf {
        match state {
            JobState::Discarded | JobState::Quarantined => &mut self.dead,
            _ => &mut self.done,
        }
    }
}

fn finished_at(job: &Entry) -> At {
    (job.record.finished_at.unwrap_or_default(), job.seq)
}
