//! The contract: payloads are sealed on the way in, opened on the way out, all else passes.

use super::{Encrypted, envelope::Binding};
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
impl Store for Encrypted {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn wake_ups(&self) -> watch::Receiver<u64> {
        self.inner.wake_ups()
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, StoreError> {
        self.inner.enqueue(self.seal(jobs)?).await
    }

    async fn open_group(&self, group: NewGroup) -> Result<(), StoreError> {
        self.inner.open_group(self.seal_members(group)?).await
    }

    async fn seal_group(&self, group: GroupId) -> Result<(), StoreError> {
        self.inner.seal_group(group).await
    }

    async fn fire(&self, entry: &str, slot: Timestamp, jobs: Vec<NewJob>) -> Result<bool, StoreError> {
        self.inner.fire(entry, slot, self.seal(jobs)?).await
    }

    async fn last_fired(&self) -> Result<Vec<(String, Timestamp)>, StoreError> {
        self.inner.last_fired().await
    }

    async fn check_in(&self, worker: &WorkerInfo) -> Result<(), StoreError> {
        self.inner.check_in(worker).await
    }

    async fn check_out(&self, worker: &WorkerId) -> Result<(), StoreError> {
        self.inner.check_out(worker).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        Ok(self.open_claimed(self.inner.claim(claim).await?).await)
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, StoreError> {
        self.inner.settle(self.seal_follow_ons(settlements)?).await
    }

    async fn turn(
        &self,
        settlements: Vec<Settlement>,
        claim: &Claim,
    ) -> Result<(Vec<Settled>, Claimed), StoreError> {
        let (settled, claimed) = self.inner.turn(self.seal_follow_ons(settlements)?, claim).await?;
        Ok((settled, self.open_claimed(claimed).await))
    }

    async fn renew(&self, leases: &[LeaseKey], lease_for: Duration) -> Result<Vec<Renewal>, StoreError> {
        self.inner.renew(leases, lease_for).await
    }

    async fn promote(&self, limit: usize) -> Result<Promoted, StoreError> {
        self.inner.promote(limit).await
    }

    async fn rescue(&self, max_crashes: u32, limit: usize) -> Result<Rescued, StoreError> {
        self.inner.rescue(max_crashes, limit).await
    }

    async fn prune(&self, retention: &Retention, limit: usize) -> Result<Pruned, StoreError> {
        self.inner.prune(retention, limit).await
    }

    async fn lead(&self, role: &str, who: &WorkerId, ttl: Duration) -> Result<Leadership, StoreError> {
        self.inner.lead(role, who, ttl).await
    }

    async fn resign(&self, role: &str, who: &WorkerId) -> Result<(), StoreError> {
        self.inner.resign(role, who).await
    }

    async fn adopt(
        &self,
        mut jobs: Vec<JobRecord>,
        lease_for: Duration,
    ) -> Result<Vec<Enqueued>, StoreError> {
        for job in &mut jobs {
            let binding = Binding { kind: Some(&job.kind), job: Some(job.id) };
            job.payload = self.seal_bytes(&binding, &job.payload)?;
        }
        self.inner.adopt(jobs, lease_for).await
    }

    async fn job(&self, id: JobId) -> Result<Option<JobRecord>, StoreError> {
        Ok(self.inner.job(id).await?.map(|record| self.open_record(record)))
    }

    async fn jobs(&self, filter: &JobFilter, page: Page) -> Result<Vec<JobRecord>, StoreError> {
        let records = self.inner.jobs(filter, page).await?;
        Ok(records.into_iter().map(|record| self.open_record(record)).collect())
    }

    async fn queues(&self) -> Result<Vec<QueueStatus>, StoreError> {
        self.inner.queues().await
    }

    async fn group(&self, id: GroupId) -> Result<Option<GroupStatus>, StoreError> {
        self.inner.group(id).await
    }

    async fn groups(&self, page: Page) -> Result<Vec<GroupStatus>, StoreError> {
        self.inner.groups(page).await
    }

    async fn workers(&self) -> Result<Vec<WorkerStatus>, StoreError> {
        self.inner.workers().await
    }

    async fn cancel(&self, filter: &JobFilter) -> Result<u64, StoreError> {
        self.inner.cancel(filter).await
    }

    /// A payload edited into many jobs is bound to what the filter fixes: the kind, the one job.
    async fn replay(&self, replay: &Replay) -> Result<u64, StoreError> {
        let Some(payload) = &replay.edit.payload else { return self.inner.replay(replay).await };
        let job = match replay.filter.ids.as_slice() {
            [one] => Some(*one),
            _ => None,
        };
        let binding = Binding { kind: replay.filter.kind.as_deref(), job };
        let mut sealed = replay.clone();
        sealed.edit.payload = Some(self.seal_bytes(&binding, payload)?);
        self.inner.replay(&sealed).await
    }

    async fn pause(&self, queue: &str) -> Result<(), StoreError> {
        self.inner.pause(queue).await
    }

    async fn resume(&self, queue: &str) -> Result<(), StoreError> {
        self.inner.resume(queue).await
    }

    async fn set_limits(&self, queue: &str, limits: KeyLimits) -> Result<(), StoreError> {
        self.inner.set_limits(queue, limits).await
    }

    async fn examine(&self, repair: bool) -> Result<Examined, StoreError> {
        self.inner.examine(repair).await
    }

    async fn locks(&self, text: &str) -> Result<Locks, StoreError> {
        self.inner.locks(text).await
    }

    async fn release_key(&self, kind: &str, key: &str, force: bool) -> Result<Released, StoreError> {
        self.inner.release_key(kind, key, force).await
    }
}
