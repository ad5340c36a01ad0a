//! The model: one list of jobs, scanned from front to back. No index, no cleverness, no shared rules with the stores;
//! due jobs become available and expired ones end the moment the clock says so.

mod fair;
mod operate;
mod work;

use crate::JobState::{Available, Cancelled, Completed, Retryable, Running, Scheduled};
use crate::{
    Enqueued, Fence, GroupId, GroupStatus, JobId, JobRecord, JobState, NewGroup, NewJob, OnConflict,
    Timestamp, Unique, UniqueScope, WorkerId,
};
use std::collections::{BTreeMap, BTreeSet};

struct NaiveJob {
    record: JobRecord,
    unique: Option<Unique>,
    has_key: bool,
    once_more: Option<NewJob>,
    asked_to_stop: bool,
    deadline: Timestamp,
}

struct NaiveGroup {
    status: GroupStatus,
    follow_up: Option<NewJob>,
}

pub(super) struct Naive {
    now: Timestamp,
    /// In order of arrival.
    jobs: Vec<NaiveJob>,
    /// In order of opening.
    groups: Vec<NaiveGroup>,
    workers: BTreeSet<WorkerId>,
    killed: BTreeSet<WorkerId>,
    queues: BTreeMap<String, bool>,
    fired: BTreeMap<String, Timestamp>,
    keys: fair::Keys,
}

impl Naive {
    /// `fair`: whether fairness keys mean anything.
    pub(super) fn new(now: Timestamp, worker: WorkerId, fair: bool) -> Self {
        Self {
            now,
            jobs: Vec::new(),
            groups: Vec::new(),
            workers: BTreeSet::from([worker]),
            killed: BTreeSet::new(),
            queues: BTreeMap::new(),
            fired: BTreeMap::new(),
            keys: fair::Keys::new(fair),
        }
    }

    pub(super) fn turn_to(&mut self, now: Timestamp) {
        self.now = now;
        for index in 0..self.jobs.len() {
            let job = &mut self.jobs[index].record;
            let waits = matches!(job.state, Available | Scheduled | Retryable);
            if waits && job.started_at.is_none() && job.expires_at.is_some_and(|at| at <= now) {
                job.last_error = Some("expired".to_owned());
                self.release(index, Cancelled, Vec::new());
            } else if waits && job.due_at <= now {
                job.state = Available;
            }
        }
    }

    // ---- producers

    pub(super) fn enqueue(&mut self, jobs: Vec<NewJob>) -> Option<Vec<Enqueued>> {
        if !jobs.iter().all(|job| self.is_valid(job)) {
            return None;
        }
        Some(jobs.into_iter().map(|job| self.store(job)).collect())
    }

    fn is_valid(&self, job: &NewJob) -> bool {
        let known = |group| self.groups.iter().any(|known| known.status.id == group);
        self.position(job.id).is_some() || job.group.is_none_or(known)
    }

    fn position(&self, id: JobId) -> Option<usize> {
        self.jobs.iter().position(|job| job.record.id == id)
    }

    fn holder(&self, kind: &str, key: &str) -> Option<usize> {
        self.jobs.iter().position(|job| {
            let Some(unique) = &job.unique else { return false };
            let over = match unique.scope {
                UniqueScope::For(span) => job.record.enqueued_at.plus(span) <= self.now,
                _ => false,
            };
            job.has_key && !over && job.record.kind == kind && unique.key == key
        })
    }

    fn store(&mut self, new: NewJob) -> Enqueued {
        if self.position(new.id).is_some() {
            return Enqueued::Existing(new.id);
        }
        if let Some(unique) = new.unique.clone()
            && let Some(index) = self.holder(&new.kind, &unique.key)
        {
            return self.meet(index, new, unique.on_conflict);
        }
        let group = new.group.and_then(|id| self.groups.iter_mut().find(|group| group.status.id == id));
        let group = group.map(|group| {
            group.status.total += 1;
            group.status.pending += 1;
            group.status.id
        });
        self.queues.entry(new.queue.clone()).or_default();
        let due_at = new.run_at.unwrap_or(self.now).max(self.now);
        let record = JobRecord {
            id: new.id,
            kind: new.kind,
            version: new.version,
            queue: new.queue,
            priority: new.priority,
            state: if due_at > self.now { Scheduled } else { Available },
            payload: new.payload,
            errors: 0,
            crashes: 0,
            fence: Fence(0),
            group,
            fairness_key: new.fairness_key,
            unique_key: new.unique.as_ref().map(|unique| unique.key.clone()),
            enqueued_at: self.now,
            due_at,
            expires_at: new.expires_at,
            started_at: None,
            finished_at: None,
            worker: None,
            last_error: None,
        };
        let has_key = new.unique.is_some();
        let (once_more, deadline) = (None, self.now);
        self.jobs.push(NaiveJob {
            record,
            unique: new.unique,
            has_key,
            once_more,
            asked_to_stop: false,
            deadline,
        });
        Enqueued::New(new.id)
    }

    fn meet(&mut self, index: usize, new: NewJob, on_conflict: OnConflict) -> Enqueued {
        let now = self.now;
        let held = &mut self.jobs[index];
        let job = &mut held.record;
        match (on_conflict, job.state) {
            (OnConflict::Replace, Available | Scheduled | Retryable) => {
                job.due_at = match new.run_at {
                    Some(run_at) if run_at > now => run_at,
                    None if job.due_at < now => job.due_at,
                    _ => now,
                };
                job.state = if job.due_at > now { Scheduled } else { Available };
                job.payload = new.payload;
                job.version = new.version;
                job.priority = new.priority;
                job.expires_at = new.expires_at;
                job.started_at = None;
                Enqueued::Replaced(job.id)
            }
            (OnConflict::RunOnceMore, Running) => {
                held.once_more = Some(new);
                Enqueued::RunOnceMore(job.id)
            }
            _ => Enqueued::Ignored(job.id),
        }
    }

    pub(super) fn open_group(&mut self, new: NewGroup) -> bool {
        if self.groups.iter().any(|group| group.status.id == new.id) {
            return true;
        }
        if let Some(parent) = new.parent {
            match self.groups.iter_mut().find(|group| group.status.id == parent) {
                Some(parent) if parent.status.done_at.is_none() => parent.status.open_children += 1,
                _ => return false,
            }
        }
        let status = GroupStatus {
            id: new.id,
            name: new.name,
            parent: new.parent,
            sealed: new.sealed,
            total: 0,
            pending: 0,
            completed: 0,
            cancelled: 0,
            failed: 0,
            open_children: 0,
            counters: BTreeMap::new(),
            opened_at: self.now,
            done_at: None,
        };
        self.groups.push(NaiveGroup { status, follow_up: new.follow_up });
        for job in new.jobs {
            self.store(job.in_group(new.id));
        }
        self.end_groups();
        true
    }

    pub(super) fn seal(&mut self, id: GroupId) {
        for group in self.groups.iter_mut().filter(|group| group.status.id == id) {
            group.status.sealed = true;
        }
        self.end_groups();
    }

    /// Ends groups until none can end any more.
    fn end_groups(&mut self) {
        let over = |status: &GroupStatus| {
            status.done_at.is_none() && status.sealed && status.pending == 0 && status.open_children == 0
        };
        while let Some(group) = self.groups.iter_mut().find(|group| over(&group.status)) {
            group.status.done_at = Some(self.now);
            let (id, parent) = (group.status.id, group.status.parent);
            if let Some(follow_up) = group.follow_up.take() {
                self.store(NewJob { id: id.follow_up_id(), group: parent, ..follow_up });
            }
            for group in self.groups.iter_mut().filter(|group| Some(group.status.id) == parent) {
                group.status.open_children -= 1;
            }
        }
    }

    pub(super) fn fire(&mut self, entry: &str, slot: Timestamp, jobs: Vec<NewJob>) -> Option<bool> {
        if self.fired.get(entry).is_some_and(|last| *last >= slot) {
            return Some(false);
        }
        self.enqueue(jobs)?;
        self.fired.insert(entry.to_owned(), slot);
        Some(true)
    }
}

fn count(status: &mut GroupStatus, state: JobState) -> &mut u64 {
    match state {
        Completed => &mut status.completed,
        Cancelled => &mut status.cancelled,
        _ => &mut status.failed,
    }
}
