//! The contract: what the broker does, what both do, and what the ledger does alone.

use super::{RabbitStore, Shared, message, names, topology};
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

impl Shared {
    /// Whether the broker alone can carry a job.
    fn is_plain(&self, job: &NewJob) -> bool {
        let options = &self.options;
        !self.records_all()
            && job.run_at.is_none_or(|at| at <= self.now())
            && job.expires_at.is_none()
            && job.unique.is_none()
            && job.group.is_none()
            && job.fairness_key.as_ref().is_none_or(String::is_empty)
            && job.payload.len() <= options.max_carried_bytes
            && (options.carry_named_ids || job.id.0.get_version_num() != 5)
            && names::band(&options.prefix, &job.queue, job.priority).is_some()
            && message::properties(job, self.now()).is_some()
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>> {
        let (mut plain, mut recorded) = (Vec::new(), Vec::new());
        let mut is_plain = Vec::with_capacity(jobs.len());
        for job in jobs {
            is_plain.push(self.is_plain(&job));
            if is_plain.last() == Some(&true) { plain.push(job) } else { recorded.push(job) }
        }
        plain.iter().try_for_each(NewJob::validate)?;
        let recorded = if recorded.is_empty() {
            Vec::new()
        } else {
            let answers = self.ledger.enqueue(recorded).await?;
            self.stir();
            answers
        };
        let plain = if plain.is_empty() { Vec::new() } else { self.carry(&plain).await? };
        let (mut plain, mut recorded) = (plain.into_iter(), recorded.into_iter());
        let answer = |is_plain| if is_plain { plain.next() } else { recorded.next() };
        Ok(is_plain.into_iter().filter_map(answer).collect())
    }
}

#[async_trait]
impl Store for RabbitStore {
    fn name(&self) -> &'static str {
        super::fault::STORE
    }

    fn capabilities(&self) -> Capabilities {
        let ledger = self.shared.ledger.capabilities();
        Capabilities { lists_every_job: self.shared.records_all(), ..ledger }
    }

    /// Tells of plain jobs of queues that were claimed from.
    fn wake_ups(&self) -> watch::Receiver<u64> {
        self.shared.news.wake.subscribe()
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>> {
        self.shared.enqueue(jobs).await
    }

    async fn open_group(&self, group: NewGroup) -> Result<()> {
        self.stirring(self.shared.ledger.open_group(group)).await
    }

    async fn seal_group(&self, group: GroupId) -> Result<()> {
        self.stirring(self.shared.ledger.seal_group(group)).await
    }

    async fn fire(&self, entry: &str, slot: Timestamp, jobs: Vec<NewJob>) -> Result<bool> {
        self.stirring(self.shared.ledger.fire(entry, slot, jobs)).await
    }

    async fn last_fired(&self) -> Result<Vec<(String, Timestamp)>> {
        let mut fired = self.shared.ledger.last_fired().await?;
        fired.retain(|(entry, _)| !topology::is_register(entry));
        Ok(fired)
    }

    async fn check_in(&self, worker: &WorkerInfo) -> Result<()> {
        self.shared.welcome(worker).await
    }

    async fn check_out(&self, worker: &WorkerId) -> Result<()> {
        self.shared.goodbye(worker).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed> {
        self.shared.lease(claim).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>> {
        self.shared.settle_all(settlements).await
    }

    async fn renew(&self, leases: &[LeaseKey], lease_for: Duration) -> Result<Vec<Renewal>> {
        self.shared.renew_all(leases, lease_for).await
    }

    async fn promote(&self, limit: usize) -> Result<Promoted> {
        self.stirring(self.shared.ledger.promote(limit)).await
    }

    async fn rescue(&self, max_crashes: u32, limit: usize) -> Result<Rescued> {
        self.shared.rescue(max_crashes, limit).await
    }

    async fn prune(&self, retention: &Retention, limit: usize) -> Result<Pruned> {
        self.shared.ledger.prune(retention, limit).await
    }

    async fn lead(&self, role: &str, who: &WorkerId, ttl: Duration) -> Result<Leadership> {
        self.shared.ledger.lead(role, who, ttl).await
    }

    async fn resign(&self, role: &str, who: &WorkerId) -> Result<()> {
        self.shared.ledger.resign(role, who).await
    }

    async fn adopt(&self, jobs: Vec<JobRecord>, lease_for: Duration) -> Result<Vec<Enqueued>> {
        self.stirring(self.shared.ledger.adopt(jobs, lease_for)).await
    }

    async fn job(&self, id: JobId) -> Result<Option<JobRecord>> {
        self.shared.ledger.job(id).await
    }

    async fn jobs(&self, filter: &JobFilter, page: Page) -> Result<Vec<JobRecord>> {
        self.shared.ledger.jobs(filter, page).await
    }

    async fn queues(&self) -> Result<Vec<QueueStatus>> {
        self.shared.queue_statuses().await
    }

    async fn group(&self, id: GroupId) -> Result<Option<GroupStatus>> {
        self.shared.ledger.group(id).await
    }

    async fn groups(&self, page: Page) -> Result<Vec<GroupStatus>> {
        self.shared.ledger.groups(page).await
    }

    async fn workers(&self) -> Result<Vec<WorkerStatus>> {
        self.shared.living().await
    }

    /// Of plain jobs, reaches those that this process holds or has fetched: the others are not listed.
    async fn cancel(&self, filter: &JobFilter) -> Result<u64> {
        self.shared.cancel(filter).await
    }

    async fn replay(&self, replay: &Replay) -> Result<u64> {
        self.stirring(self.shared.ledger.replay(replay)).await
    }

    async fn pause(&self, queue: &str) -> Result<()> {
        self.shared.set_paused(queue, true).await
    }

    async fn resume(&self, queue: &str) -> Result<()> {
        self.shared.set_paused(queue, false).await
    }

    async fn set_limits(&self, queue: &str, limits: KeyLimits) -> Result<()> {
        self.stirring(self.shared.ledger.set_limits(queue, limits)).await
    }

    async fn examine(&self, repair: bool) -> Result<Examined> {
        self.shared.examine(repair).await
    }

    async fn locks(&self, text: &str) -> Result<Locks> {
        self.shared.ledger.locks(text).await
    }

    async fn release_key(&self, kind: &str, key: &str, force: bool) -> Result<Released> {
        self.shared.ledger.release_key(kind, key, force).await
    }
}

impl RabbitStore {
    /// A call of the ledger after which it may have something to claim.
    async fn stirring<T>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let answer = call.await;
        self.shared.stir();
        answer
    }
}
