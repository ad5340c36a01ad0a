//! A store behind a bad line: requests and answers get lost, come twice, come late.

use crate::{
    Capabilities, Claim, Claimed, Draws, Enqueued, Examined, GroupId, GroupStatus, JobFilter, JobId,
    JobRecord, KeyLimits, Leadership, LeaseKey, Locks, NewGroup, NewJob, Page, Promoted, Pruned, QueueStatus,
    Released, Renewal, Replay, Rescued, Retention, Settled, Settlement, Store, StoreError, Timestamp,
    WorkerId, WorkerInfo, WorkerStatus,
};
use async_trait::async_trait;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What a repetition of a call means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Same effect, same answer.
    Same,
    /// No further effect, but the answer tells that it is a repetition.
    Known,
    /// The next piece: more jobs leased, rescued, pruned.
    More,
}

/// How often what goes wrong, each in one of a thousand calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// The call fails before it reaches the store.
    pub lost_requests: u64,
    /// The call takes effect, but the caller sees an error.
    pub lost_answers: u64,
    /// The call reaches the store twice; the caller sees the first answer.
    pub duplicates: u64,
    /// Others run before the call does.
    pub delays: u64,
    /// Whether answers get lost, and calls duplicated, also where a caller who repeats the call can tell.
    pub everywhere: bool,
}

impl Faults {
    /// Faults that a caller who repeats failed calls never notices.
    pub const HIDDEN: Self =
        Self { lost_requests: 150, lost_answers: 150, duplicates: 150, delays: 300, everywhere: false };
    /// All faults in all calls.
    pub const ALL: Self = Self { everywhere: true, ..Self::HIDDEN };
}

/// A store behind a bad line. Lost requests and answers are [`StoreError::Unavailable`].
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn Store>,
    faults: Faults,
    draws: Draws,
}

impl Faulty {
    /// `inner`, with `faults` drawn from `seed`.
    pub const fn new(inner: Arc<dyn Store>, faults: Faults, seed: u64) -> Self {
        Self { inner, faults, draws: Draws::seeded(seed) }
    }

    fn hits(&self, per_mille: u64) -> bool {
        self.draws.next() % 1000 < per_mille
    }

    async fn call<T, F>(&self, repeat: Repeat, call: impl Fn() -> F + Send + Sync) -> Result<T, StoreError>
    where
        T: Send,
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        while self.hits(self.faults.delays) {
            tokio::task::yield_now().await;
        }
        if self.hits(self.faults.lost_requests) {
            return Err(self.lost("request"));
        }
        let answer = call().await?;
        if (repeat != Repeat::More || self.faults.everywhere) && self.hits(self.faults.duplicates) {
            call().await?;
        }
        if (repeat == Repeat::Same || self.faults.everywhere) && self.hits(self.faults.lost_answers) {
            return Err(self.lost("answer"));
        }
        Ok(answer)
    }

    fn lost(&self, what: &str) -> StoreError {
        StoreError::Unavailable { store: self.inner.name(), source: format!("the {what} was lost").into() }
    }
}

/// Implements [`Store`] for a decorator with a field `inner` and a method `call`.
macro_rules! decorate {
    ($decorator:ty) => {
        #[async_trait]
        impl Store for $decorator {
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
                self.call(Repeat::Known, || self.inner.enqueue(jobs.clone())).await
            }

            async fn open_group(&self, group: NewGroup) -> Result<(), StoreError> {
                self.call(Repeat::Same, || self.inner.open_group(group.clone())).await
            }

            async fn seal_group(&self, group: GroupId) -> Result<(), StoreError> {
                self.call(Repeat::Same, || self.inner.seal_group(group)).await
            }

            async fn fire(
                &self,
                entry: &str,
                slot: Timestamp,
                jobs: Vec<NewJob>,
            ) -> Result<bool, StoreError> {
                self.call(Repeat::Known, || self.inner.fire(entry, slot, jobs.clone())).await
            }

            async fn last_fired(&self) -> Result<Vec<(String, Timestamp)>, StoreError> {
                self.call(Repeat::Same, || self.inner.last_fired()).await
            }

            async fn check_in(&self, worker: &WorkerInfo) -> Result<(), StoreError> {
                self.call(Repeat::Same, || self.inner.check_in(worker)).await
            }

            async fn check_out(&self, worker: &WorkerId) -> Result<(), StoreError> {
                self.call(Repeat::Same, || self.inner.check_out(worker)).await
            }

            async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
                self.call(Repeat::More, || self.inner.claim(claim)).await
            }

            async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, StoreError> {
                self.call(Repeat::Known, || self.inner.settle(settlements.clone())).await
            }

            async fn turn(
                &self,
                settlements: Vec<Settlement>,
                claim: &Claim,
            ) -> Result<(Vec<Settled>, Claimed), StoreError> {
                self.call(Repeat::More, || self.inner.turn(settlements.clone(), claim)).await
            }

            async fn renew(
                &self,
                leases: &[LeaseKey],
                lease_for: Duration,
            ) -> Result<Vec<Renewal>, StoreError> {
                self.call(Repeat::Same, || self.inner.renew(leases, lease_for)).await
            }

            async fn promote(&self, limit: usize) -> Result<Promoted, StoreError> {
                self.call(Repeat::More, || self.inner.promote(limit)).await
            }

            async fn rescue(&self, max_crashes: u32, limit: usize) -> Result<Rescued, StoreError> {
                self.call(Repeat::More, || self.inner.rescue(max_crashes, limit)).await
            }

            async fn prune(&self, retention: &Retention, limit: usize) -> Result<Pruned, StoreError> {
                self.call(Repeat::More, || self.inner.prune(retention, limit)).await
            }

            async fn lead(
                &self,
                role: &str,
                who: &WorkerId,
                ttl: Duration,
            ) -> Result<Leadership, StoreError> {
                self.call(Repeat::Same, || self.inner.lead(role, who, ttl)).await
            }

            async fn resign(&self, role: &str, who: &WorkerId) -> Result<(), StoreError> {
                self.call(Repeat::Same, || self.inner.resign(role, who)).await
            }

            async fn adopt(
                &self,
                jobs: Vec<JobRecord>,
                lease_for: Duration,
            ) -> Result<Vec<Enqueued>, StoreError> {
                self.call(Repeat::Known, || self.inner.adopt(jobs.clone(), lease_for)).await
            }

            async fn job(&self, id: JobId) -> Result<Option<JobRecord>, StoreError> {
                self.call(Repeat::Same, || self.inner.job(id)).await
            }

            async fn jobs(&self, filter: &JobFilter, page: Page) -> Result<Vec<JobRecord>, StoreError> {
                self.call(Repeat::Same, || self.inner.jobs(filter, page)).await
            }

            async fn queues(&self) -> Result<Vec<QueueStatus>, StoreError> {
                self.call(Repeat::Same, || self.inner.queues()).await
            }

            async fn group(&self, id: GroupId) -> Result<Option<GroupStatus>, StoreError> {
                self.call(Repeat::Same, || self.inner.group(id)).await
            }

            async fn groups(&self, page: Page) -> Result<Vec<GroupStatus>, StoreError> {
                self.call(Repeat::Same, || self.inner.groups(page)).await
            }

            async fn workers(&self) -> Result<Vec<WorkerStatus>, StoreError> {
                self.call(Repeat::Same, || self.inner.workers()).await
            }

            async fn cancel(&self, filter: &JobFilter) -> Result<u64, StoreError> {
                self.call(Repeat::More, || self.inner.cancel(filter)).await
            }

            async fn replay(&self, replay: &Replay) -> Result<u64, StoreError> {
                self.call(Repeat::More, || self.inner.replay(replay)).await
            }

            async fn pause(&self, queue: &str) -> Result<(), StoreError> {
                self.call(Repeat::Same, || self.inner.pause(queue)).await
            }

            async fn resume(&self, queue: &str) -> Result<(), StoreError> {
                self.call(Repeat::Same, || self.inner.resume(queue)).await
            }

            async fn set_limits(&self, queue: &str, limits: KeyLimits) -> Result<(), StoreError> {
                self.call(Repeat::Same, || self.inner.set_limits(queue, limits)).await
            }

            async fn examine(&self, repair: bool) -> Result<Examined, StoreError> {
                self.call(Repeat::Known, || self.inner.examine(repair)).await
            }

            async fn locks(&self, text: &str) -> Result<Locks, StoreError> {
                self.call(Repeat::Same, || self.inner.locks(text)).await
            }

            async fn release_key(&self, kind: &str, key: &str, force: bool) -> Result<Released, StoreError> {
                self.call(Repeat::Known, || self.inner.release_key(kind, key, force)).await
            }
        }
    };
}

decorate!(Faulty);

/// A caller that repeats what may pass, as a worker does, without waiting in between.
#[derive(Debug)]
pub struct Retrying {
    inner: Arc<dyn Store>,
}

impl Retrying {
    /// Far more than any plan of faults needs.
    const MAX_TRIES: usize = 1_000;

    /// Calls `inner` until it answers.
    pub const fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner }
    }

    async fn call<T, F>(&self, _: Repeat, call: impl Fn() -> F + Send + Sync) -> Result<T, StoreError>
    where
        T: Send,
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        for _ in 1..Self::MAX_TRIES {
            match call().await {
                Err(error) if error.is_transient() => tokio::task::yield_now().await,
                answer => return answer,
            }
        }
        call().await
    }
}

decorate!(Retrying);
