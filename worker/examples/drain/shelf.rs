//! A store that costs next to nothing: prepared leases are taken off a shelf. What remains is the worker's own cost.

use async_trait::async_trait;
use backstock_queue::{
    Capabilities, Claim, Claimed, Enqueued, Fence, GroupId, GroupStatus, JobFilter, JobId, JobRecord,
    Leadership, Lease, LeaseKey, NewGroup, NewJob, Page, Promoted, Pruned, QueueStatus, Renewal, Replay,
    Rescued, Retention, Settled, Settlement, Store, StoreError, Timestamp, WorkerId, WorkerInfo,
    WorkerStatus,
};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

#[derive(Debug)]
pub struct Shelf {
    leases: Mutex<Vec<Lease>>,
    /// How long a claim or settlement takes, without computing.
    round_trip: Duration,
    wake_ups: watch::Sender<u64>,
}

impl Shelf {
    pub fn new(jobs: Vec<NewJob>, round_trip: Duration) -> Self {
        let lease = |(number, job): (usize, NewJob)| Lease {
            job: job.id,
            fence: Fence(number as u64 + 1),
            kind: job.kind,
            version: job.version,
            queue: job.queue,
            priority: job.priority,
            payload: job.payload,
            attempt: 1,
            crashes: 0,
            group: None,
            enqueued_at: Timestamp(1),
            due_at: Timestamp(1),
            deadline: Timestamp(i64::MAX),
        };
        let leases = jobs.into_iter().enumerate().map(lease).collect();
        Self { leases: Mutex::new(leases), round_trip, wake_ups: watch::Sender::new(0) }
    }

    async fn travel(&self) {
        if !self.round_trip.is_zero() {
            tokio::time::sleep(self.round_trip).await;
        }
    }

    fn take(&self, claim: &Claim) -> Claimed {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = leases.len().saturating_sub(claim.max.min(Claim::MAX));
        Claimed { leases: leases.split_off(rest), next_due: None }
    }
}

fn not_here<T>() -> Result<T, StoreError> {
    Err(StoreError::Invalid("a shelf only serves workers".into()))
}

#[async_trait]
impl Store for Shelf {
    fn name(&self) -> &'static str {
        "shelf"
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            shared: false,
            durable: false,
            notices_death: false,
            fair: false,
            lists_every_job: true,
        }
    }
    fn wake_ups(&self) -> watch::Receiver<u64> {
        self.wake_ups.subscribe()
    }
    async fn check_in(&self, _: &WorkerInfo) -> Result<(), StoreError> {
        Ok(())
    }
    async fn check_out(&self, _: &WorkerId) -> Result<(), StoreError> {
        Ok(())
    }
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.travel().await;
        Ok(self.take(claim))
    }
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, StoreError> {
        self.travel().await;
        Ok(vec![Settled::Applied; settlements.len()])
    }
    async fn turn(
        &self,
        settlements: Vec<Settlement>,
        claim: &Claim,
    ) -> Result<(Vec<Settled>, Claimed), StoreError> {
        self.travel().await;
        Ok((vec![Settled::Applied; settlements.len()], self.take(claim)))
    }
    async fn renew(&self, leases: &[LeaseKey], _: Duration) -> Result<Vec<Renewal>, StoreError> {
        Ok(vec![Renewal::Renewed; leases.len()])
    }

    async fn enqueue(&self, _: Vec<NewJob>) -> Result<Vec<Enqueued>, StoreError> {
        not_here()
    }
    async fn open_group(&self, _: NewGroup) -> Result<(), StoreError> {
        not_here()
    }
    async fn seal_group(&self, _: GroupId) -> Result<(), StoreError> {
        not_here()
    }
    async fn fire(&self, _: &str, _: Timestamp, _: Vec<NewJob>) -> Result<bool, StoreError> {
        not_here()
    }
    async fn last_fired(&self) -> Result<Vec<(String, Timestamp)>, StoreError> {
        not_here()
    }
    async fn promote(&self, _: usize) -> Result<Promoted, StoreError> {
        not_here()
    }
    async fn rescue(&self, _: u32, _: usize) -> Result<Rescued, StoreError> {
        not_here()
    }
    async fn prune(&self, _: &Retention, _: usize) -> Result<Pruned, StoreError> {
        not_here()
    }
    async fn lead(&self, _: &str, _: &WorkerId, _: Duration) -> Result<Leadership, StoreError> {
        not_here()
    }
    async fn resign(&self, _: &str, _: &WorkerId) -> Result<(), StoreError> {
        not_here()
    }
    async fn job(&self, _: JobId) -> Result<Option<JobRecord>, StoreError> {
        not_here()
    }
    async fn jobs(&self, _: &JobFilter, _: Page) -> Result<Vec<JobRecord>, StoreError> {
        not_here()
    }
    async fn queues(&self) -> Result<Vec<QueueStatus>, StoreError> {
        not_here()
    }
    async fn group(&self, _: GroupId) -> Result<Option<GroupStatus>, StoreError> {
        not_here()
    }
    async fn groups(&self, _: Page) -> Result<Vec<GroupStatus>, StoreError> {
        not_here()
    }
    async fn workers(&self) -> Result<Vec<WorkerStatus>, StoreError> {
        not_here()
    }
    async fn cancel(&self, _: &JobFilter) -> Result<u64, StoreError> {
        not_here()
    }
    async fn replay(&self, _: &Replay) -> Result<u64, StoreError> {
        not_here()
    }
    async fn pause(&self, _: &str) -> Result<(), StoreError> {
        not_here()
    }
    async fn resume(&self, _: &str) -> Result<(), StoreError> {
        not_here()
    }
}
