//! The contract, each call by the part that does it.

use super::{Engine, SqlStore, fault::Result as Done};
use crate::{
    Capabilities, Claim, Claimed, Enqueued, Examined, GroupId, GroupStatus, JobFilter, JobId, JobRecord,
    KeyLimits, Leadership, LeaseKey, Locks, NewGroup, NewJob, Page, Promoted, Pruned, QueueStatus, Released,
    Renewal, Replay, Rescued, Retention, Settled, Settlement, Store, StoreError, Timestamp, WorkerId,
    WorkerInfo, WorkerStatus,
};
use async_trait::async_trait;
use std::time::Duration;
use tokio::sync::watch;

type Result<T> = std::result::Result<T, StoreError>;

impl<E: Engine> SqlStore<E> {
    fn named<T>(&self, done: Done<T>) -> Result<T> {
        done.map_err(|fault| self.engine.classify(fault))
    }
}

#[async_trait]
impl<E: Engine> Store for SqlStore<E> {
    fn name(&self) -> &'static str {
        E::NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            shared: true,
            durable: true,
            notices_death: E::NOTICES_DEATH,
            fair: true,
            lists_every_job: true,
        }
    }

    fn wake_ups(&self) -> watch::Receiver<u64> {
        self.engine.wake_ups()
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>> {
        self.named(self.add_all(jobs).await)
    }

    async fn open_group(&self, group: NewGroup) -> Result<()> {
        self.named(self.open_with_members(group).await)
    }

    async fn seal_group(&self, group: GroupId) -> Result<()> {
        self.named(self.seal(group).await)
    }

    async fn fire(&self, entry: &str, slot: Timestamp, jobs: Vec<NewJob>) -> Result<bool> {
        self.named(self.fire_slot(entry, slot, jobs).await)
    }

    async fn last_fired(&self) -> Result<Vec<(String, Timestamp)>> {
        self.named(self.cursors().await)
    }

    async fn check_in(&self, worker: &WorkerInfo) -> Result<()> {
        self.named(self.welcome(worker).await)
    }

    async fn check_out(&self, worker: &WorkerId) -> Result<()> {
        self.named(self.goodbye(worker).await)
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed> {
        self.named(self.lease(claim).await)
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>> {
        self.named(self.settle_all(settlements).await)
    }

    async fn turn(&self, settlements: Vec<Settlement>, claim: &Claim) -> Result<(Vec<Settled>, Claimed)> {
        self.named(self.settle_and_lease(settlements, claim).await)
    }

    async fn renew(&self, leases: &[LeaseKey], lease_for: Duration) -> Result<Vec<Renewal>> {
        self.named(self.hold_on(leases, lease_for).await)
    }

    async fn promote(&self, limit: usize) -> Result<Promoted> {
        self.named(self.promote_due(limit).await)
    }

    async fn rescue(&self, max_crashes: u32, limit: usize) -> Result<Rescued> {
        self.named(self.rescue_lost(max_crashes, limit).await)
    }

    async fn prune(&self, retention: &Retention, limit: usize) -> Result<Pruned> {
        self.named(self.prune_finished(retention, limit).await)
    }

    async fn lead(&self, role: &str, who: &WorkerId, ttl: Duration) -> Result<Leadership> {
        self.named(self.take_lead(role, who, ttl).await)
    }

    async fn resign(&self, role: &str, who: &WorkerId) -> Result<()> {
        self.named(self.give_up_lead(role, who).await)
    }

    async fn adopt(&self, jobs: Vec<JobRecord>, lease_for: Duration) -> Result<Vec<Enqueued>> {
        self.named(self.take_in(jobs, lease_for).await)
    }

    async fn job(&self, id: JobId) -> Result<Option<JobRecord>> {
        self.named(self.find(id).await)
    }

    async fn jobs(&self, filter: &JobFilter, page: Page) -> Result<Vec<JobRecord>> {
        self.named(self.list(filter, page).await)
    }

    async fn queues(&self) -> Result<Vec<QueueStatus>> {
        self.named(self.queue_statuses().await)
    }

    async fn group(&self, id: GroupId) -> Result<Option<GroupStatus>> {
        self.named(self.find_group(id).await)
    }

    async fn groups(&self, page: Page) -> Result<Vec<GroupStatus>> {
        self.named(self.list_groups(page).await)
    }

    async fn workers(&self) -> Result<Vec<WorkerStatus>> {
        self.named(self.living().await)
    }

    async fn cancel(&self, filter: &JobFilter) -> Result<u64> {
        self.named(self.cancel_matching(filter).await)
    }

    async fn replay(&self, replay: &Replay) -> Result<u64> {
        self.named(self.replay_matching(replay).await)
    }

    async fn pause(&self, queue: &str) -> Result<()> {
        self.named(self.set_paused(queue, true).await)
    }

    async fn resume(&self, queue: &str) -> Result<()> {
        self.named(self.set_paused(queue, false).await)
    }

    async fn examine(&self, repair: bool) -> Result<Examined> {
        self.named(self.examine_all(repair).await)
    }

    async fn locks(&self, text: &str) -> Result<Locks> {
        self.named(self.held(text).await)
    }

    async fn release_key(&self, kind: &str, key: &str, force: bool) -> Result<Released> {
        self.named(self.free_key(kind, key, force).await)
    }

    async fn set_limits(&self, queue: &str, limits: KeyLimits) -> Result<()> {
        self.named(self.limit(queue, limits).await)
    }
}
