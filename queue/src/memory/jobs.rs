//! The jobs themselves. Every change goes through [`Jobs::update`], so that the indexes cannot be forgotten.

use super::index::Index;
use crate::{Fence, JobId, JobRecord, JobState, KeyLimits, NewJob, Timestamp, Unique, life};
use std::collections::{BTreeMap, HashMap};

/// Order of arrival; identifies a job inside this store.
pub(super) type Seq = u64;

/// A job: what operators see, and what only the store knows.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) seq: Seq,
    pub(super) record: JobRecord,
    pub(super) unique: Option<Unique>,
    /// Kept for after the run.
    pub(super) further_run: Option<NewJob>,
    pub(super) cancel_requested: bool,
    /// End of the lease; only read while running.
    pub(super) deadline: Timestamp,
}

impl Entry {
    fn new(seq: Seq, job: NewJob, now: Timestamp) -> Self {
        let due_at = job.due_at(now);
        let record = JobRecord {
            id: job.id,
            kind: job.kind,
            version: job.version,
            queue: job.queue,
            priority: job.priority,
            state: life::waiting(due_at, now),
            payload: job.payload,
            errors: 0,
            crashes: 0,
            fence: Fence(0),
            group: job.group,
            fairness_key: job.fairness_key,
            unique_key: job.unique.as_ref().map(|unique| unique.key.clone()),
            enqueued_at: now,
            due_at,
            expires_at: job.expires_at,
            started_at: None,
            finished_at: None,
            worker: None,
            last_error: None,
        };
        let deadline = Timestamp(0);
        Self { seq, record, unique: job.unique, further_run: None, cancel_requested: false, deadline }
    }

    /// When it expires, if it still can.
    pub(super) fn may_expire_at(&self) -> Option<Timestamp> {
        self.record.expires_at.filter(|_| self.is_waiting() && self.record.started_at.is_none())
    }

    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        self.may_expire_at().is_some_and(|at| at <= now)
    }

    pub(super) fn is_waiting(&self) -> bool {
        use crate::JobState::{Available, Retryable, Scheduled};
        matches!(self.record.state, Available | Scheduled | Retryable)
    }

    /// Bytes that count against the retention.
    pub(super) fn bytes(&self) -> u64 {
        (self.record.payload.len() + self.record.last_error.as_ref().map_or(0, String::len)) as u64
    }
}

/// All jobs, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    entries: BTreeMap<Seq, Entry>,
    ids: HashMap<JobId, Seq>,
    pub(super) index: Index,
    last_seq: Seq,
    last_fence: u64,
    /// Whether there may be something new to claim since this was last taken.
    pub(super) stirred: bool,
}

impl Jobs {
    /// Stores a job under a new number. Its id must be new.
    pub(super) fn insert(&mut self, job: NewJob, now: Timestamp) -> Seq {
        self.last_seq += 1;
        let entry = Entry::new(self.last_seq, job, now);
        self.ids.insert(entry.record.id, entry.seq);
        self.index.add(&entry);
        self.entries.insert(entry.seq, entry);
        self.stirred = true;
        self.last_seq
    }

    /// Stores a job as it is. Its id must be new. Fences given out later are greater than its.
    pub(super) fn insert_record(&mut self, record: JobRecord, deadline: Timestamp) {
        self.last_seq += 1;
        self.last_fence = self.last_fence.max(record.fence.0);
        let entry = Entry {
            seq: self.last_seq,
            record,
            unique: None,
            further_run: None,
            cancel_requested: false,
            deadline,
        };
        self.ids.insert(entry.record.id, entry.seq);
        self.index.add(&entry);
        self.stirred |= entry.is_waiting();
        self.entries.insert(entry.seq, entry);
    }

    /// Changes a job.
    pub(super) fn update<T>(&mut self, seq: Seq, change: impl FnOnce(&mut Entry) -> T) -> T {
        let entry = self.entries.get_mut(&seq).expect("indexes and keys only name stored jobs");
        self.index.remove(entry);
        let before = (entry.record.state, entry.record.due_at);
        let answer = change(entry);
        self.stirred |= entry.is_waiting() && before != (entry.record.state, entry.record.due_at);
        self.index.add(entry);
        if before.0 == JobState::Running && entry.record.state != JobState::Running {
            // Somebody may wait for the slot of this key.
            let queue = self.index.queues.get(&entry.record.queue);
            self.stirred |= queue.is_some_and(|queue| queue.gate.limits().running.is_some());
        }
        answer
    }

    /// Forgets a job.
    pub(super) fn remove(&mut self, seq: Seq) -> Option<Entry> {
        let entry = self.entries.remove(&seq)?;
        self.ids.remove(&entry.record.id);
        self.index.remove(&entry);
        Some(entry)
    }

    /// A stored job.
    pub(super) fn get(&self, seq: Seq) -> &Entry {
        self.entries.get(&seq).expect("indexes and keys only name stored jobs")
    }

    pub(super) fn by_id(&self, id: JobId) -> Option<&Entry> {
        self.ids.get(&id).and_then(|seq| self.entries.get(seq))
    }

    /// All jobs, first stored first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.values()
    }

    /// A token greater than all before, of any job: a pruned job that comes again cannot meet its own old ones.
    pub(super) fn next_fence(&mut self) -> Fence {
        self.last_fence += 1;
        Fence(self.last_fence)
    }

    pub(super) fn set_limits(&mut self, queue: &str, limits: KeyLimits) {
        if !limits.is_none() || self.index.queues.contains_key(queue) {
            self.stirred |= self.index.queue_mut(queue).gate.set(limits);
        }
    }

    pub(super) fn set_paused(&mut self, queue: &str, paused: bool) {
        if paused || self.index.queues.contains_key(queue) {
            self.index.queue_mut(queue).paused = paused;
            self.stirred |= !paused;
        }
    }
}
