//! How fast a pool drains jobs that do nothing, from the store in memory: the cost of the machinery per job.
//!
//! `cargo run --release -p backstock-worker --example drain [JOBS]`

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

use backstock_queue::{
    Batch, BatchLimits, Context, Handler, Job, JobError, MemoryStore, NewJob, One, Registry, Store,
};
use backstock_worker::{PoolOptions, WorkerPool};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration, time::Instant};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

#[derive(Serialize, Deserialize)]
struct Single(u32);
#[derive(Serialize, Deserialize)]
struct Many(u32);

impl Job for Single {
    const KIND: &'static str = "single";
}
impl Job for Many {
    const KIND: &'static str = "many";
    const BATCH: BatchLimits = BatchLimits::up_to(500, Duration::from_secs(1));
}

struct SingleHandler(UnboundedSender<usize>);
impl Handler for SingleHandler {
    type Work = One<Single>;
    async fn handle(&self, _: &mut One<Single>, _: &Context) -> Result<(), JobError> {
        self.0.send(1).map_err(JobError::discard)
    }
}

struct ManyHandler(UnboundedSender<usize>);
impl Handler for ManyHandler {
    type Work = Batch<Many>;
    async fn handle(&self, batch: &mut Batch<Many>, _: &Context) -> Result<(), JobError> {
        self.0.send(batch.len()).map_err(JobError::discard)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let jobs: u32 = std::env::args().nth(1).map_or(Ok(200_000), |jobs| jobs.parse())?;
    for concurrency in [1, 4, 64] {
        drain::<Single, _>("one job a call", jobs, concurrency, Single, SingleHandler).await?;
        drain::<Many, _>("batches", jobs, concurrency, Many, ManyHandler).await?;
    }
    Ok(())
}

async fn drain<J: Job, H: Handler>(
    name: &str,
    jobs: u32,
    concurrency: usize,
    job: fn(u32) -> J,
    handler: fn(UnboundedSender<usize>) -> H,
) -> Result<(), Box<dyn std::error::Error>> {
    let store = Arc::new(MemoryStore::default());
    let new = (0..jobs).map(|n| NewJob::of(&job(n))).collect::<Result<Vec<_>, _>>()?;
    store.enqueue(new).await?;
    let (done, mut ended) = unbounded_channel();
    let options = PoolOptions { concurrency, ..PoolOptions::default() };
    let pool = WorkerPool::new(store, Registry::default().register(handler(done)), options)?;
    let handle = pool.handle();
    let began = Instant::now();
    let all = async move {
        let mut left = jobs as usize;
        while left > 0 {
            left -= ended.recv().await.unwrap_or(left);
        }
    };
    let report = pool.run_until(all).await;
    let seconds = began.elapsed().as_secs_f64();
    let kind = &handle.stats().lanes[0].kinds[0];
    println!(
        "{name:>15}, {concurrency:>2} places: {:>9.0} jobs/s  ({} calls, batch limit {}, completed {})",
        f64::from(jobs) / seconds,
        kind.calls,
        kind.batch_limit,
        report.jobs.completed
    );
    Ok(())
}
