//! A store of this workspace under a worker pool, with jobs that do nothing.

mod ledger;

pub use ledger::{Ledger, Noop};

use anyhow::ensure;
use backstock_queue::{
    Batch, BatchLimits, Context, Handler, Job, JobError, NewJob, One, Registry, Store, SystemClock,
};
use backstock_scheduler::{Scheduler, SchedulerStats};
use backstock_service::Shutdown;
use backstock_worker::{PoolOptions, WorkerPool};
use serde::{Deserialize, Serialize};
use std::{future::Future, sync::Arc, time::Duration};

/// Jobs of one enqueue call.
const CALL: usize = 500;
const PLACES: usize = 16;
const KEYS: usize = 50;

/// One job a call.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Single(pub Noop);
/// Up to a hundred jobs a call.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Many(pub Noop);

impl Job for Single {
    const KIND: &'static str = "noop";
}
impl Job for Many {
    const KIND: &'static str = "noop-batch";
    const BATCH: BatchLimits = BatchLimits::up_to(100, Duration::from_secs(1));
}
impl From<Noop> for Single {
    fn from(noop: Noop) -> Self {
        Self(noop)
    }
}
impl From<Noop> for Many {
    fn from(noop: Noop) -> Self {
        Self(noop)
    }
}

/// Calls a function with every job, then completes it.
pub struct Each<F>(pub F);
impl<F: Fn(&Noop) + Send + Sync + 'static> Handler for Each<F> {
    type Work = One<Single>;
    async fn handle(&self, job: &mut One<Single>, _: &Context) -> Result<(), JobError> {
        (self.0)(&job.0);
        Ok(())
    }
}

struct Batches(Arc<Ledger>);
impl Handler for Batches {
    type Work = Batch<Many>;
    async fn handle(&self, batch: &mut Batch<Many>, _: &Context) -> Result<(), JobError> {
        for job in &*batch {
            self.0.mark(&job.0);
        }
        Ok(())
    }
}

pub async fn fill<J: Job + From<Noop>>(store: &dyn Store, jobs: usize) -> anyhow::Result<()> {
    fill_with::<J>(store, 0..jobs, |job| job).await
}

/// Enqueues the jobs of these numbers, each changed by `change`.
pub async fn fill_with<J: Job + From<Noop>>(
    store: &dyn Store,
    numbers: std::ops::Range<usize>,
    change: impl Fn(NewJob) -> NewJob,
) -> anyhow::Result<()> {
    for first in numbers.clone().step_by(CALL) {
        let new = |number| Ok(change(NewJob::of(&J::from(Noop::new(number)))?));
        let jobs: Vec<_> = (first..numbers.end.min(first + CALL)).map(new).collect::<anyhow::Result<_>>()?;
        let count = jobs.len();
        ensure!(store.enqueue(jobs).await?.len() == count, "not every job was stored");
    }
    Ok(())
}

/// One of fifty fairness keys after the other.
pub async fn fill_keyed(store: &dyn Store, jobs: usize) -> anyhow::Result<()> {
    for first in (0..jobs).step_by(CALL) {
        let new = |number: usize| {
            let job = NewJob::of(&Single(Noop::new(number)))?;
            Ok(job.with_fairness_key(format!("supplier-{:02}", number % KEYS)))
        };
        let new: Vec<_> = (first..jobs.min(first + CALL)).map(new).collect::<anyhow::Result<_>>()?;
        store.enqueue(new).await?;
    }
    Ok(())
}

/// Runs a pool until `done`; it must end cleanly.
pub async fn work(
    store: Arc<dyn Store>,
    registry: Registry,
    places: usize,
    done: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    let options = PoolOptions { concurrency: places, ..PoolOptions::default() };
    let report = WorkerPool::new(store, registry, options)?.run_until(done).await;
    ensure!(report.clean, "the pool did not end cleanly: {report:?}");
    Ok(())
}

pub async fn drain_singles(store: Arc<dyn Store>, ledger: Arc<Ledger>) -> anyhow::Result<()> {
    let marks = Arc::clone(&ledger);
    let registry = Registry::default().register(Each(move |job: &Noop| {
        marks.mark(job);
    }));
    work(store, registry, PLACES, ledger.complete()).await
}

pub async fn drain_batches(store: Arc<dyn Store>, ledger: Arc<Ledger>) -> anyhow::Result<()> {
    let registry = Registry::default().register(Batches(Arc::clone(&ledger)));
    work(store, registry, PLACES, ledger.complete()).await
}

/// Does `work` beside a scheduler on `store`; returns what that did, too.
pub async fn beside_scheduler<T>(
    store: &Arc<dyn Store>,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<(T, SchedulerStats)> {
    let scheduler = Scheduler::new(
        Arc::clone(store),
        Arc::new(SystemClock),
        Vec::new(),
        backstock_scheduler::Options::default(),
    )?;
    let (watch, shutdown) = (scheduler.handle(), Shutdown::new());
    let scheduling = tokio::spawn(scheduler.run(shutdown.clone()));
    let done = work.await;
    shutdown.request();
    scheduling.await?;
    Ok((done?, watch.stats()))
}
