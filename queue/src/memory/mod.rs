//! The store in memory: for tests and simulations under a turned clock, and the plainest reading of the contract.
//!
//! One mutex around a pure [`State`]: every call is one transition at one moment. Nothing waits while it is held.

mod band;
mod claim;
mod cron;
mod enqueue;
mod gate;
mod groups;
mod index;
mod inspect;
mod jobs;
mod leadership;
mod leases;
mod locks;
mod operate;
mod retention;
mod state;
#[cfg(test)]
mod tests;
mod workers;

use crate::{
    Capabilities, Claim, Claimed, Clock, Enqueued, GroupId, GroupStatus, JobFilter, JobId, JobRecord,
    KeyLimits, Leadership, LeaseKey, Locks, NewGroup, NewJob, Page, Promoted, Pruned, QueueStatus, Released,
    Renewal, Replay, Rescued, Retention, Settled, Settlement, Store, StoreError, SystemClock, Timestamp,
    WorkerId, WorkerInfo, WorkerStatus,
};
use async_trait::async_trait;
use state::State;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Most jobs one maintenance or operator call touches.
const MAX_PIECE: usize = 500;

/// A [`Store`] in the memory of this process; gone when dropped.
#[derive(Debug)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    wake: watch::Sender<u64>,
}

impl MemoryStore {
    /// An empty store that reads the time from `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default(), wake: watch::Sender::new(0) }
    }

    /// For tests: what a dropped connection tells other stores. The worker's leases can be rescued from now on, as
    /// crashes, without waiting for their deadlines. Unknown workers and second calls change nothing.
    pub fn kill(&self, worker: &WorkerId) {
        self.with(|state, _| state.workers.kill(worker));
    }

    /// One transition. The state is whole after a panic, too: nothing in it is left half done on purpose.
    fn with<T>(&self, transition: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = transition(&mut state, self.clock.now());
        state.jobs.index.forget_emptied();
        let stirred = std::mem::take(&mut state.jobs.stirred);
        drop(state);
        if stirred {
            self.wake.send_modify(|count| *count = count.wrapping_add(1));
        }
        answer
    }
}

impl Default for MemoryStore {
    /// An empty store under the wall clock.
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            shared: false,
            durable: false,
            notices_death: false,
            fair: true,
            lists_every_job: true,
        }
    }

    fn wake_ups(&self) -> watch::Receiver<u64> {
        self.wake.subscribe()
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, StoreError> {
        self.with(|state, now| state.enqueue(jobs, now))
    }

    async fn open_group(&self, group: NewGroup) -> Result<(), StoreError> {
        self.with(|state, now| state.open_group(group, now))
    }

    async fn seal_group(&self, group: GroupId) -> Result<(), StoreError> {
        self.with(|state, now| state.seal_group(group, now));
        Ok(())
    }

    async fn fire(&self, entry: &str, slot: Timestamp, jobs: Vec<NewJob>) -> Result<bool, StoreError> {
        self.with(|state, now| state.fire(entry, slot, jobs, now))
    }

    async fn last_fired(&self) -> Result<Vec<(String, Timestamp)>, StoreError> {
        Ok(self.with(|state, _| state.cursors.all()))
    }

    async fn check_in(&self, worker: &WorkerInfo) -> Result<(), StoreError> {
        self.with(|state, now| state.workers.check_in(worker, now));
        Ok(())
    }

    async fn check_out(&self, worker: &WorkerId) -> Result<(), StoreError> {
        self.with(|state, _| state.workers.check_out(worker));
        Ok(())
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.with(|state, now| state.claim(claim, now))
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, StoreError> {
        Ok(self.with(|state, now| settlements.into_iter().map(|one| state.settle(one, now)).collect()))
    }

    async fn renew(&self, leases: &[LeaseKey], lease_for: Duration) -> Result<Vec<Renewal>, StoreError> {
        Ok(self.with(|state, now| leases.iter().map(|key| state.renew(*key, lease_for, now)).collect()))
    }

    async fn promote(&self, limit: usize) -> Result<Promoted, StoreError> {
        Ok(self.with(|state, now| state.promote(limit.min(MAX_PIECE), now)))
    }

    async fn rescue(&self, max_crashes: u32, limit: usize) -> Result<Rescued, StoreError> {
        Ok(self.with(|state, now| state.rescue(max_crashes, limit.min(MAX_PIECE), now)))
    }

    async fn prune(&self, retention: &Retention, limit: usize) -> Result<Pruned, StoreError> {
        Ok(self.with(|state, now| state.prune(retention, limit.min(MAX_PIECE), now)))
    }

    async fn lead(&self, role: &str, who: &WorkerId, ttl: Duration) -> Result<Leadership, StoreError> {
        Ok(self.with(|state, now| state.roles.lead(role, who, ttl, now)))
    }

    async fn resign(&self, role: &str, who: &WorkerId) -> Result<(), StoreError> {
        self.with(|state, _| state.roles.resign(role, who));
        Ok(())
    }

    async fn adopt(&self, jobs: Vec<JobRecord>, lease_for: Duration) -> Result<Vec<Enqueued>, StoreError> {
        self.with(|state, now| state.adopt(jobs, lease_for, now))
    }

    async fn job(&self, id: JobId) -> Result<Option<JobRecord>, StoreError> {
        Ok(self.with(|state, _| state.jobs.by_id(id).map(|job| job.record.clone())))
    }

    async fn jobs(&self, filter: &JobFilter, page: Page) -> Result<Vec<JobRecord>, StoreError> {
        Ok(self.with(|state, _| state.list(filter, page)))
    }

    async fn queues(&self) -> Result<Vec<QueueStatus>, StoreError> {
        Ok(self.with(|state, _| state.queue_statuses()))
    }

    async fn group(&self, id: GroupId) -> Result<Option<GroupStatus>, StoreError> {
        Ok(self.with(|state, _| state.groups.status(id)))
    }

    async fn groups(&self, page: Page) -> Result<Vec<GroupStatus>, StoreError> {
        Ok(self.with(|state, _| state.groups.list(page.offset, page.limit.min(MAX_PIECE))))
    }

    async fn workers(&self) -> Result<Vec<WorkerStatus>, StoreError> {
        Ok(self.with(|state, _| state.worker_statuses()))
    }

    async fn cancel(&self, filter: &JobFilter) -> Result<u64, StoreError> {
        Ok(self.with(|state, now| state.cancel(filter, now)))
    }

    async fn replay(&self, replay: &Replay) -> Result<u64, StoreError> {
        self.with(|state, now| state.replay(replay, now))
    }

    async fn pause(&self, queue: &str) -> Result<(), StoreError> {
        self.with(|state, _| state.jobs.set_paused(queue, true));
        Ok(())
    }

    async fn resume(&self, queue: &str) -> Result<(), StoreError> {
        self.with(|state, _| state.jobs.set_paused(queue, false));
        Ok(())
    }

    async fn locks(&self, text: &str) -> Result<Locks, StoreError> {
        Ok(self.with(|state, now| state.locks(text, now)))
    }

    async fn release_key(&self, kind: &str, key: &str, force: bool) -> Result<Released, StoreError> {
        Ok(self.with(|state, now| state.free_key(kind, key, force, now)))
    }

    async fn set_limits(&self, queue: &str, limits: KeyLimits) -> Result<(), StoreError> {
        limits.validate()?;
        self.with(|state, _| state.jobs.set_limits(queue, limits));
        Ok(())
    }
}
