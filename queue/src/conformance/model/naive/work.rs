//! What workers do.

use super::{Naive, NaiveJob, count, fair::share};
use crate::JobState::{Available, Cancelled, Completed, Discarded, Quarantined, Retryable, Running};
use crate::{
    Claim, Fence, JobState, Lease, LeaseKey, NewJob, Outcome, Renewal, Rescued, Settlement, UniqueScope,
    WorkerId,
};
use std::time::Duration;

impl Naive {
    pub(in super::super) fn check_in(&mut self, worker: WorkerId) {
        self.workers.insert(worker);
    }

    pub(in super::super) fn check_out(&mut self, worker: &WorkerId) {
        self.workers.remove(worker);
    }

    pub(in super::super) fn kill(&mut self, worker: &WorkerId) {
        self.workers.remove(worker);
        self.killed.insert(worker.clone());
    }

    /// Takes the tokens from what the store gave: any that grow will do.
    pub(in super::super) fn claim(&mut self, claim: &Claim, aging: Duration, given: &[Lease]) -> Vec<Lease> {
        let mut leases = Vec::new();
        if self.queues.get(&claim.queue) == Some(&true) {
            return leases;
        }
        while leases.len() < claim.max {
            let ready = self.jobs.iter().enumerate().filter(|(_, job)| {
                job.record.state == Available
                    && job.record.queue == claim.queue
                    && claim.kinds.iter().any(|known| known.kind == job.record.kind)
                    && !self.is_held_back(&claim.queue, share(&job.record))
            });
            let ready: Vec<_> = ready.map(|(index, job)| (index, &job.record)).collect();
            let most_urgent = ready.iter().min_by_key(|(index, job)| {
                let waited = self.now.since(job.due_at).as_millis();
                let steps = if aging.is_zero() { 0 } else { waited / aging.as_millis() };
                let level = job.priority as u128;
                (level.saturating_sub(steps), job.due_at, level, *index)
            });
            let Some((_, most_urgent)) = most_urgent else { break };
            let priority = most_urgent.priority;
            let band = ready.iter().filter(|(_, job)| job.priority == priority);
            let next = band.min_by_key(|(index, job)| (self.turn_of(job), job.due_at, *index));
            let Some((index, _)) = next else { break };
            let index = *index;
            self.take_turn(index);
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

    pub(in super::super) fn renew(&mut self, key: LeaseKey, lease_for: Duration) -> Renewal {
        let Some(index) = self.held(key) else { return Renewal::Lost };
        self.jobs[index].deadline = self.now.plus(lease_for);
        if self.jobs[index].asked_to_stop { Renewal::CancelRequested } else { Renewal::Renewed }
    }

    /// Whether it was applied.
    pub(in super::super) fn settle(&mut self, settlement: Settlement) -> bool {
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
    pub(super) fn release(&mut self, index: usize, state: JobState, follow_on: Vec<NewJob>) {
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

    pub(in super::super) fn rescue(&mut self, max_crashes: u32) -> Rescued {
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
}
