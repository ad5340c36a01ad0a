//! A store that fails when told to.

use async_trait::async_trait;
use backstock_queue::{
    Capabilities, Claim, Claimed, Enqueued, GroupId, GroupStatus, JobFilter, JobId, JobRecord, KeyLimits,
    Leadership, LeaseKey, MemoryStore, NewGroup, NewJob, Page, Promoted, Pruned, QueueStatus, Renewal,
    Replay, Rescued, Retention, Settled, Settlement, Store, StoreError, Timestamp, WorkerId, WorkerInfo,
    WorkerStatus,
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};
use tokio::sync::watch;

/// Forwards to `inner`, except that…
#[derive(Debug)]
pub struct Flaky {
    pub inner: Arc<MemoryStore>,
    /// …it cannot be reached.
    pub down: AtomicBool,
    /// …it is set up otherwise.
    pub foreign: AtomicBool,
    /// …this many settlements are applied but their answers are lost.
    pub lost_answers: AtomicUsize,
    /// …renewals are reported here.
    pub renewals: Mutex<Option<mpsc::Sender<usize>>>,
    /// How often it was asked for jobs.
    pub claims: AtomicUsize,
}

type Answer<T> = Result<T, StoreError>;

impl Flaky {
    pub fn new(inner: Arc<MemoryStore>) -> Self {
        Self {
            inner,
            down: AtomicBool::default(),
            foreign: AtomicBool::default(),
            lost_answers: AtomicUsize::default(),
            renewals: Mutex::default(),
            claims: AtomicUsize::default(),
        }
    }

    fn up(&self) -> Answer<()> {
        if self.down.load(Ordering::SeqCst) { Err(gone()) } else { Ok(()) }
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable { store: "flaky", source: "pulled the plug".into() }
}

#[async_trait]
impl Store for Flaky {
    fn name(&self) -> &'static str {
        "flaky"
    }
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
    fn wake_ups(&self) -> watch::Receiver<u64> {
        self.inner.wake_ups()
    }
    async fn enqueue(&self, jobs: Vec<NewJob>) -> Answer<Vec<Enqueued>> {
        self.inner.enqueue(jobs).await
    }
    async fn open_group(&self, group: NewGroup) -> Answer<()> {
        self.inner.open_group(group).await
    }
    async fn seal_group(&self, group: GroupId) -> Answer<()> {
        self.inner.seal_group(group).await
    }
    async fn fire(&self, entry: &str, slot: Timestamp, jobs: Vec<NewJob>) -> Answer<bool> {
        self.inner.fire(entry, slot, jobs).await
    }
    async fn last_fired(&self) -> Answer<Vec<(String, Timestamp)>> {
        self.inner.last_fired().await
    }
    async fn check_in(&self, worker: &WorkerInfo) -> Answer<()> {
        self.up()?;
        self.inner.check_in(worker).await
    }
    async fn check_out(&self, worker: &WorkerId) -> Answer<()> {
        self.up()?;
        self.inner.check_out(worker).await
    }
    async fn claim(&self, claim: &Claim) -> Answer<Claimed> {
        self.up()?;
        if self.foreign.load(Ordering::SeqCst) {
            return Err(StoreError::Mismatch { store: "flaky", what: "somebody else's".to_owned() });
        }
        self.claims.fetch_add(1, Ordering::SeqCst);
        self.inner.claim(claim).await
    }
    async fn settle(&self, settlements: Vec<Settlement>) -> Answer<Vec<Settled>> {
        self.up()?;
        let settled = self.inner.settle(settlements).await?;
        let take = |left: usize| left.checked_sub(1);
        match self.lost_answers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) {
            Ok(_) => Err(gone()),
            Err(_) => Ok(settled),
        }
    }
    async fn renew(&self, leases: &[LeaseKey], lease_for: Duration) -> Answer<Vec<Renewal>> {
        self.up()?;
        let renewed = self.inner.renew(leases, lease_for).await?;
        if let Some(tell) = &*self.renewals.lock().unwrap() {
            let _ = tell.send(leases.len());
        }
        Ok(renewed)
    }
    async fn promote(&self, limit: usize) -> Answer<Promoted> {
        self.inner.promote(limit).await
    }
    async fn rescue(&self, max_crashes: u32, limit: usize) -> Answer<Rescued> {
        self.inner.rescue(max_crashes, limit).await
    }
    async fn prune(&self, retention: &Retention, limit: usize) -> Answer<Pruned> {
        self.inner.prune(retention, limit).await
    }
    async fn lead(&self, role: &str, who: &WorkerId, ttl: Duration) -> Answer<Leadership> {
        self.inner.lead(role, who, ttl).await
    }
    async fn resign(&self, role: &str, who: &WorkerId) -> Answer<()> {
        self.inner.resign(role, who).await
    }
    async fn job(&self, id: JobId) -> Answer<Option<JobRecord>> {
        self.inner.job(id).await
    }
    async fn jobs(&self, filter: &JobFilter, page: Page) -> Answer<Vec<JobRecord>> {
        self.inner.jobs(filter, page).await
    }
    async fn queues(&self) -> Answer<Vec<QueueStatus>> {
        self.inner.queues().await
    }
    async fn group(&self, id: GroupId) -> Answer<Option<GroupStatus>> {
        self.inner.group(id).await
    }
    async fn groups(&self, page: Page) -> Answer<Vec<GroupStatus>> {
        self.inner.groups(page).await
    }
    async fn workers(&self) -> Answer<Vec<WorkerStatus>> {
        self.inner.workers().await
    }
    async fn cancel(&self, filter: &JobFilter) -> Answer<u64> {
        self.inner.cancel(filter).await
    }
    async fn replay(&self, replay: &Replay) -> Answer<u64> {
        self.inner.replay(replay).await
    }
    async fn pause(&self, queue: &str) -> Answer<()> {
        self.inner.pause(queue).await
    }
    async fn resume(&self, queue: &str) -> Answer<()> {
        self.inner.resume(queue).await
    }
    async fn set_limits(&self, queue: &str, limits: KeyLimits) -> Answer<()> {
        self.inner.set_limits(queue, limits).await
    }
}
