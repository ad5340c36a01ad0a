//! The contract, each call in its own room.

use super::RedisStore;
use crate::{
    Capabilities, Claim, Claimed, Enqueued, Examined, GroupId, GroupStatus, JobFilter, JobId, JobRecord,
    KeyLimits, Leadership, LeaseKey, Locks, NewGroup, NewJob, Page, Promoted, Pruned, QueueStatus, Released,
    Renewal, Replay, Rescued, Retention, Settled, Settlement, Store, StoreError, Timestamp, WorkerId,
    WorkerInfo, WorkerStatus,
};
use async_trait::async_trait;
use std::time::Duration;
use tokio::sync::watch;

#[async_trait]
impl Store for RedisStore {
    fn name(&self) -> &'static str {
        super::fault::STORE
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { shared: true, durable: true, notices_death: true, fair: true, lists_every_job: true }
    }

    fn wake_ups(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, StoreError> {
        self.put(jobs).await
    }

    async fn open_group(&self, group: NewGroup) -> Result<(), StoreError> {
        self.start_group(group).await
    }

    async fn seal_group(&self, group: GroupId) -> Result<(), StoreError> {
        self.seal(group).await
    }

    async fn fire(&self, entry: &str, slot: Timestamp, jobs: Vec<NewJob>) -> Result<bool, StoreError> {
        self.fire_slot(entry, slot, jobs).await
    }

    async fn last_fired(&self) -> Result<Vec<(String, Timestamp)>, StoreError> {
        self.slots().await
    }

    async fn check_in(&self, worker: &WorkerInfo) -> Result<(), StoreError> {
        self.welcome(worker).await
    }

    async fn check_out(&self, worker: &WorkerId) -> Result<(), StoreError> {
        self.goodbye(worker).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.take_turn(&[], claim).await.map(|(_, claimed)| claimed)
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, StoreError> {
        self.settle_all(&settlements).await
    }

    async fn turn(
        &self,
        settlements: Vec<Settlement>,
        claim: &Claim,
    ) -> Result<(Vec<Settled>, Claimed), StoreError> {
        self.take_turn(&settlements, claim).await
    }

    async fn renew(&self, leases: &[LeaseKey], lease_for: Duration) -> Result<Vec<Renewal>, StoreError> {
        self.renew_all(leases, lease_for).await
    }

    async fn promote(&self, limit: usize) -> Result<Promoted, StoreError> {
        self.promote_due(limit).await
    }

    async fn rescue(&self, max_crashes: u32, limit: usize) -> Result<Rescued, StoreError> {
        self.take_back(max_crashes, limit).await
    }

    async fn prune(&self, retention: &Retention, limit: usize) -> Result<Pruned, StoreError> {
        self.forget(retention, limit).await
    }

    async fn lead(&self, role: &str, who: &WorkerId, ttl: Duration) -> Result<Leadership, StoreError> {
        self.take_lead(role, who, ttl).await
    }

    async fn resign(&self, role: &str, who: &WorkerId) -> Result<(), StoreError> {
        self.give_up_lead(role, who).await
    }

    async fn adopt(&self, jobs: Vec<JobRecord>, lease_for: Duration) -> Result<Vec<Enqueued>, StoreError> {
        self.take_in(jobs, lease_for).await
    }

    async fn job(&self, id: JobId) -> Result<Option<JobRecord>, StoreError> {
        Ok(self.find(&[id]).await?.pop().map(|found| found.record))
    }

    async fn jobs(&self, filter: &JobFilter, page: Page) -> Result<Vec<JobRecord>, StoreError> {
        self.list(filter, page).await
    }

    async fn queues(&self) -> Result<Vec<QueueStatus>, StoreError> {
        self.queue_statuses().await
    }

    async fn group(&self, id: GroupId) -> Result<Option<GroupStatus>, StoreError> {
        Ok(self.groups_of(&[id]).await?.pop())
    }

    async fn groups(&self, page: Page) -> Result<Vec<GroupStatus>, StoreError> {
        self.list_groups(page).await
    }

    async fn workers(&self) -> Result<Vec<WorkerStatus>, StoreError> {
        self.living().await
    }

    async fn cancel(&self, filter: &JobFilter) -> Result<u64, StoreError> {
        self.cancel_jobs(filter).await
    }

    async fn replay(&self, replay: &Replay) -> Result<u64, StoreError> {
        self.run_again(replay).await
    }

    async fn pause(&self, queue: &str) -> Result<(), StoreError> {
        self.set_paused(queue, true).await
    }

    async fn resume(&self, queue: &str) -> Result<(), StoreError> {
        self.set_paused(queue, false).await
    }

    async fn set_limits(&self, queue: &str, limits: KeyLimits) -> Result<(), StoreError> {
        self.limit_keys(queue, limits).await
    }

    async fn examine(&self, repair: bool) -> Result<Examined, StoreError> {
        self.look_over(repair).await
    }

    async fn locks(&self, text: &str) -> Result<Locks, StoreError> {
        self.held_keys(text).await
    }

    async fn release_key(&self, kind: &str, key: &str, force: bool) -> Result<Released, StoreError> {
        self.free_key(kind, key, force).await
    }
}
