//! What the worker itself costs: CPU time per job that does nothing, from a store that costs next to nothing.
//!
//! `cargo run --release -p backstock-worker --example drain [JOBS [PLACES [single|many]]]`

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

mod shelf;

use backstock_queue::{Batch, BatchLimits, Context, Handler, Job, JobError, NewJob, One, Registry};
use backstock_worker::{PoolOptions, WorkerPool};
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;

type Failure = Box<dyn std::error::Error>;

#[derive(Serialize, Deserialize)]
struct Single(u32);
#[derive(Serialize, Deserialize)]
struct Many(u32);

impl Job for Single {
    const KIND: &'static str = "single";
}
impl Job for Many {
    const KIND: &'static str = "many";
    const BATCH: BatchLimits = BatchLimits::up_to(100, Duration::from_secs(1));
}

/// Counts down to zero.
#[derive(Clone)]
struct Left(Arc<(AtomicUsize, Notify)>);

impl Left {
    fn less(&self, by: usize) {
        if self.0.0.fetch_sub(by, Ordering::Relaxed) == by {
            self.0.1.notify_one();
        }
    }
}

struct SingleHandler(Left);
impl Handler for SingleHandler {
    type Work = One<Single>;
    async fn handle(&self, _: &mut One<Single>, _: &Context) -> Result<(), JobError> {
        self.0.less(1);
        Ok(())
    }
}

struct ManyHandler(Left);
impl Handler for ManyHandler {
    type Work = Batch<Many>;
    async fn handle(&self, batch: &mut Batch<Many>, _: &Context) -> Result<(), JobError> {
        self.0.less(batch.len());
        Ok(())
    }
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let jobs: u32 = arguments.next().map_or(Ok(500_000), |jobs| jobs.parse())?;
    let places: Option<usize> = arguments.next().map(|places| places.parse()).transpose()?;
    let only = arguments.next().unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    for concurrency in places.map_or(vec![1, 4, 16, 64], |places| vec![places]) {
        for round_trip in [Duration::ZERO, Duration::from_millis(1)] {
            if only != "many" {
                let name = "one job a call";
                let load = Load { name, jobs, concurrency, round_trip };
                runtime.block_on(drain(load, Single, SingleHandler))?;
            }
            if only != "single" {
                let load = Load { name: "batches of 100", jobs, concurrency, round_trip };
                runtime.block_on(drain(load, Many, ManyHandler))?;
            }
        }
    }
    Ok(())
}

struct Load {
    name: &'static str,
    jobs: u32,
    concurrency: usize,
    round_trip: Duration,
}

async fn drain<J: Job, H: Handler>(
    load: Load,
    job: fn(u32) -> J,
    handler: fn(Left) -> H,
) -> Result<(), Failure> {
    let Load { name, jobs, concurrency, round_trip } = load;
    let new = (0..jobs).map(|n| NewJob::of(&job(n))).collect::<Result<Vec<_>, _>>()?;
    let store = Arc::new(shelf::Shelf::new(new, round_trip));
    let left = Left(Arc::new((AtomicUsize::new(jobs as usize), Notify::new())));
    let options = PoolOptions { concurrency, ..PoolOptions::default() };
    let pool = WorkerPool::new(store, Registry::default().register(handler(left.clone())), options)?;
    let handle = pool.handle();
    let (began, cpu) = (Instant::now(), cpu_seconds()?);
    let report = pool.run_until(left.0.1.notified()).await;
    let (wall, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
    println!(
        "{name:>15}, {concurrency:>2} places, {round_trip:?} a round trip: {:>5.2} CPU µs a job, {:>7.0} jobs/s ({} calls, \
         completed {})",
        cpu * 1e6 / f64::from(jobs),
        f64::from(jobs) / wall,
        handle.stats().lanes[0].kinds[0].calls,
        report.jobs.completed
    );
    Ok(())
}

/// User and system time of all threads so far; resolution 10 ms.
fn cpu_seconds() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / 100.0)
}
