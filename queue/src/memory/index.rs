//! Jobs by what is asked of them: ready by queue and priority, due, expiring, held, finished.

use super::jobs::{Entry, Seq};
use crate::{JobState, KindRange, StateCounts, Timestamp, WorkerId};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A moment, then order of arrival.
pub(super) type At = (Timestamp, Seq);

/// The ready jobs of one priority, by kind and version: unknown kinds cost a claim nothing.
#[derive(Debug, Default)]
pub(super) struct Band(HashMap<String, BTreeMap<u16, BTreeSet<At>>>);

impl Band {
    /// The oldest job of a kind and version in `kinds`.
    pub(super) fn head(&self, kinds: &[KindRange]) -> Option<At> {
        let known = kinds.iter().filter_map(|range| Some((self.0.get(&range.kind)?, range.max_version)));
        known
            .flat_map(|(versions, max)| versions.range(..=max))
            .filter_map(|(_, set)| set.first())
            .min()
            .copied()
    }

    fn oldest(&self) -> Option<At> {
        self.0.values().flat_map(BTreeMap::values).filter_map(BTreeSet::first).min().copied()
    }

    fn add(&mut self, job: &Entry) {
        let at = (job.record.due_at, job.seq);
        if !self.0.contains_key(&job.record.kind) {
            self.0.insert(job.record.kind.clone(), BTreeMap::new());
        }
        if let Some(versions) = self.0.get_mut(&job.record.kind) {
            versions.entry(job.record.version).or_default().insert(at);
        }
    }

    fn remove(&mut self, job: &Entry) {
        let Some(versions) = self.0.get_mut(&job.record.kind) else { return };
        if let Some(set) = versions.get_mut(&job.record.version) {
            set.remove(&(job.record.due_at, job.seq));
            if set.is_empty() {
                versions.remove(&job.record.version);
            }
        }
        if versions.is_empty() {
            self.0.remove(&job.record.kind);
        }
    }
}

/// One named queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) paused: bool,
    pub(super) counts: StateCounts,
    pub(super) ready: [Band; 4],
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
