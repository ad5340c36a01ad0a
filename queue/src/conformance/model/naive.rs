//! The model: one list of jobs, scanned from front to back. No index, no cleverness, no shared rules with the stores;
//! due jobs become available and expired ones end the moment the clock says so.

use crate::JobState::{
    Available, Cancelled, Completed, Discarded, Quarantined, Retryable, Running, Scheduled,
};
use crate::{
    Claim, Enqueued, Fence, GroupId, GroupStatus, JobFilter, JobId, JobRecord, JobState, Lease, LeaseKey,
    NewGroup, NewJob, OnConflict, Outcome, QueueStatus, Renewal, Replay, Rescued, Retention, Settlement,
    Timestamp, Unique, UniqueScope, WorkerId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

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
}

impl Naive {
    pub(super) fn new(now: Timestamp, worker: WorkerId) -> Self {
        Self {
            now,
            jobs: Vec::new(),
            groups: Vec::new(),
            workers: BTreeSet::from([worker]),
            killed: BTreeSet::new(),
            queues: BTreeMap::new(),
            fired: BTreeMap::new(),
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

    // ---- workers

    pub(super) fn check_in(&mut self, worker: WorkerId) {
        self.workers.insert(worker);
    }

    pub(super) fn check_out(&mut self, worker: &WorkerId) {
        self.workers.remove(worker);
    }

    pub(super) fn kill(&mut self, worker: &WorkerId) {
        self.workers.remove(worker);
        self.killed.insert(worker.clone());
    }

    /// Takes the tokens from what the store gave: any that grow will do.
    pub(super) fn claim(&mut self, claim: &Claim, aging: Duration, given: &[Lease]) -> Vec<Lease> {
        let mut leases = Vec::new();
        if self.queues.get(&claim.queue) == Some(&true) {
            return leases;
        }
        while leases.len() < claim.max {
            let ready = self
                .jobs
                .iter()
                .enumerate()
                .filter(|(_, job)| job.record.state == Available && job.record.queue == claim.queue);
            let best = ready.min_by_key(|(index, job)| {
                let waited = self.now.since(job.record.due_at).as_millis();
                let steps = if aging.is_zero() { 0 } else { waited / aging.as_millis() };
                let level = job.record.priority as u128;
                (level.saturating_sub(steps), job.record.due_at, level, *index)
            });
            let Some((index, _)) = best else { break };
            let fence = given.get(leases.len()).map_or(Fence(0), |lease| lease.fence);
            leases.push(self.lease(index, claim, fence));
        }
        leases
    }

    fn lease(&mut self, index: usize, claim: &Claim, fence: Fence) -> Lease {
        let now = self.now;
        let held = &mut self.jobs[index];
        if held.unique.as_ref().is_some_and(|unique| unique.scope == UniqueScope::UntilStarted) {
            held.has_key = false;
        }
        held.deadline = now.plus(claim.lease_for);
        let job = &mut held.record;
        job.state = Running;
        job.fence = fence;
        job.started_at = Some(now);
        job.worker = Some(claim.worker.clone());
        Lease {
            job: job.id,
            fence,
            kind: job.kind.clone(),
            version: job.version,
            queue: job.queue.clone(),
            priority: job.priority,
            payload: job.payload.clone(),
            attempt: job.errors + 1,
            crashes: job.crashes,
            group: job.group,
            enqueued_at: job.enqueued_at,
            due_at: job.due_at,
            deadline: held.deadline,
        }
    }

    fn held(&self, key: LeaseKey) -> Option<usize> {
        let index = self.position(key.job)?;
        let job = &self.jobs[index].record;
        (job.state == Running && job.fence == key.fence).then_some(index)
    }

    pub(super) fn renew(&mut self, key: LeaseKey, lease_for: Duration) -> Renewal {
        let Some(index) = self.held(key) else { return Renewal::Lost };
        self.jobs[index].deadline = self.now.plus(lease_for);
        if self.jobs[index].asked_to_stop { Renewal::CancelRequested } else { Renewal::Renewed }
    }

    /// Whether it was applied.
    pub(super) fn settle(&mut self, settlement: Settlement) -> bool {
        let Some(index) = self.held(settlement.lease) else { return false };
        let Settlement { mut outcome, mut follow_on, mut tally, .. } = settlement;
        if !follow_on.iter().all(|job| self.is_valid(job)) {
            outcome = Outcome::Discard { error: "follow-on".to_owned() };
            follow_on.clear();
            tally.clear();
        }
        let group = self.jobs[index].record.group;
        for group in self.groups.iter_mut().filter(|known| Some(known.status.id) == group) {
            for (counter, amount) in &tally {
                *group.status.counters.entry(counter.clone()).or_default() += amount;
            }
        }
        let stop = self.jobs[index].asked_to_stop;
        let job = &mut self.jobs[index].record;
        let (mut state, mut due_at) = (Retryable, job.due_at);
        match outcome {
            Outcome::Complete => state = Completed,
            Outcome::Retry { delay, error } => {
                due_at = self.now.plus(delay);
                job.errors += 1;
                job.last_error = Some(error);
            }
            Outcome::Snooze { delay } => due_at = self.now.plus(delay),
            Outcome::Discard { error } => {
                state = Discarded;
                job.errors += 1;
                job.last_error = Some(error);
            }
            Outcome::Cancel { reason } => {
                state = Cancelled;
                job.last_error = Some(reason);
            }
            Outcome::HandBack => {}
        }
        if state == Retryable && stop {
            state = Cancelled;
            job.last_error = Some("asked to stop".to_owned());
        } else if state == Retryable {
            job.due_at = due_at;
            state = if due_at <= self.now { Available } else { Retryable };
        }
        self.release(index, state, follow_on);
        true
    }

    /// A job leaves a worker's hands, or ends.
    fn release(&mut self, index: usize, state: JobState, follow_on: Vec<NewJob>) {
        let held = &mut self.jobs[index];
        held.record.state = state;
        held.record.worker = None;
        held.asked_to_stop = false;
        let group = held.record.group;
        let mut next = follow_on;
        if state.is_final() {
            held.record.finished_at = Some(self.now);
            let lasting =
                held.unique.as_ref().is_some_and(|unique| matches!(unique.scope, UniqueScope::For(_)));
            held.has_key &= lasting && held.once_more.is_none();
            next.extend(held.once_more.take());
        }
        for job in next {
            self.store(job);
        }
        if state.is_final() {
            for group in self.groups.iter_mut().filter(|known| Some(known.status.id) == group) {
                group.status.pending -= 1;
                *count(&mut group.status, state) += 1;
            }
            self.end_groups();
        }
    }

    // ---- maintenance

    pub(super) fn rescue(&mut self, max_crashes: u32) -> Rescued {
        let dead_workers: Vec<WorkerId> = std::mem::take(&mut self.killed).into_iter().collect();
        let mut rescued = Rescued { dead_workers, ..Rescued::default() };
        for index in self.lost(&rescued.dead_workers) {
            let stop = self.jobs[index].asked_to_stop;
            let job = &mut self.jobs[index].record;
            let worker = job.worker.clone().expect("running jobs have a worker");
            let goodbye = !self.workers.contains(&worker) && !rescued.dead_workers.contains(&worker);
            if !goodbye {
                job.crashes += 1;
            }
            let state = if !goodbye && job.crashes >= max_crashes {
                rescued.quarantined.push(job.id);
                Quarantined
            } else if stop {
                Cancelled
            } else {
                rescued.available.push(job.id);
                Available
            };
            if state.is_final() {
                job.last_error = Some("rescued".to_owned());
            }
            self.release(index, state, Vec::new());
        }
        rescued.available.sort();
        rescued.quarantined.sort();
        rescued
    }

    /// Running jobs of gone workers and under ended leases.
    fn lost(&self, dead: &[WorkerId]) -> Vec<usize> {
        let gone = |worker: &WorkerId| !self.workers.contains(worker) || dead.contains(worker);
        let lost = |job: &NaiveJob| {
            let left = job.record.worker.as_ref().is_some_and(gone);
            job.record.state == Running && (left || job.deadline <= self.now)
        };
        (0..self.jobs.len()).filter(|index| lost(&self.jobs[*index])).collect()
    }

    pub(super) fn prune(&mut self, retention: &Retention) -> usize {
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

    // ---- operators

    pub(super) fn cancel(&mut self, filter: &JobFilter) -> u64 {
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

    pub(super) fn replay(&mut self, replay: &Replay) -> u64 {
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

    pub(super) fn pause(&mut self, queue: &str, paused: bool) {
        if paused || self.queues.contains_key(queue) {
            self.queues.insert(queue.to_owned(), paused);
        }
    }

    // ---- what is seen

    /// Last stored first.
    pub(super) fn jobs(&self) -> Vec<JobRecord> {
        self.jobs.iter().rev().map(|job| job.record.clone()).collect()
    }

    /// Last opened first.
    pub(super) fn groups(&self) -> Vec<GroupStatus> {
        self.groups.iter().rev().map(|group| group.status.clone()).collect()
    }

    pub(super) fn queues(&self) -> Vec<QueueStatus> {
        let status = |(name, paused): (&String, &bool)| {
            let mut counts = BTreeMap::new();
            let mut oldest_due_at = None;
            for job in self.jobs.iter().map(|job| &job.record).filter(|job| job.queue == *name) {
                *counts.entry(job.state).or_default() += 1;
                if job.state == Available && oldest_due_at.is_none_or(|oldest| job.due_at < oldest) {
                    oldest_due_at = Some(job.due_at);
                }
            }
            QueueStatus { name: name.clone(), paused: *paused, counts, oldest_due_at }
        };
        self.queues.iter().map(status).collect()
    }

    pub(super) fn fired(&self) -> Vec<(String, Timestamp)> {
        self.fired.clone().into_iter().collect()
    }

    pub(super) fn workers(&self) -> Vec<(WorkerId, u64)> {
        let held = |worker: &WorkerId| {
            self.jobs.iter().filter(|job| job.record.worker.as_ref() == Some(worker)).count() as u64
        };
        self.workers.iter().map(|worker| (worker.clone(), held(worker))).collect()
    }
}

fn count(status: &mut GroupStatus, state: JobState) -> &mut u64 {
    match state {
        Completed => &mut status.completed,
        Cancelled => &mut status.cancelled,
        _ => &mut status.failed,
    }
}

/// The parts of a filter that random sequences use.
fn matches(filter: &JobFilter, job: &JobRecord) -> bool {
    (filter.ids.is_empty() || filter.ids.contains(&job.id))
        && filter.queue.as_ref().is_none_or(|queue| job.queue == *queue)
        && (filter.group.is_none() || filter.group == job.group)
}
