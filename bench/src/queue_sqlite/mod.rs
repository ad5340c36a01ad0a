//! `queue-sqlite`: the SQLite store, bare and under a worker pool, beside `apalis-sqlite` 1.0, in turns and in one process; the delay until an idle
//! waiter holds a job; the cost of fairness keys; and the cost of a job while finished ones pile up in the file.

mod fair;
mod flat;
mod ours;
mod peer;
mod pickup;
mod report;

use crate::{
    options::Options,
    pool::{self, Ledger, Noop},
    process::cpu_seconds,
};
use anyhow::ensure;
use backstock_queue::{Durability, Job, Store};
use std::{future::Future, sync::Arc, time::Instant};

/// Jobs of one round.
const JOBS: usize = 100_000;
/// Jobs of one round of the peer, which drains a few hundred a second.
const PEER_JOBS: usize = 2_000;
/// Jobs at `synchronous=FULL`.
const FULL_JOBS: usize = 50_000;
const ROUNDS: usize = 2;
/// Finished jobs in the file at the end.
const HISTORY: usize = 1_000_000;

/// Runs it and prints the figures.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let history = options.rows.unwrap_or(HISTORY);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let figures = runtime.block_on(measure(history))?;
    println!("{}", if options.json { figures.json().to_string() } else { figures.text() });
    Ok(())
}

async fn measure(history: usize) -> anyhow::Result<report::Figures> {
    let mut figures = report::Figures::default();
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir()?;
        let queue = ours::Queue::open(folder.path()).await?;
        figures.enqueue.add(JOBS, timed(queue.fill(JOBS)).await?);
        figures.drain.add(JOBS, timed(queue.drain(JOBS)).await?);
        figures.singles.add(JOBS, with_pool::<pool::Single, _, _>(pool::drain_singles).await?);
        figures.batches.add(JOBS, with_pool::<pool::Many, _, _>(pool::drain_batches).await?);
        let folder = tempfile::tempdir()?;
        let peer = peer::Queue::open(folder.path()).await?;
        figures.peer_enqueue.add(PEER_JOBS, timed(peer.fill(PEER_JOBS)).await?);
        figures.peer_drain.add(PEER_JOBS, timed(peer.drain(PEER_JOBS)).await?);
    }
    let folder = tempfile::tempdir()?;
    let queue = ours::Queue::open_as(folder.path(), Durability::Full).await?;
    let both = async { queue.fill(FULL_JOBS).await.and(queue.drain(FULL_JOBS).await) };
    figures.full.add(FULL_JOBS, timed(both).await?);
    figures.pickup = pickup::measure().await?;
    figures.fair = fair::measure().await?;
    figures.flat = flat::measure(history).await?;
    Ok(figures)
}

/// Drains a queue of its own with a worker pool: claims, leases, handlers and settlements as in `backstock worker`.
async fn with_pool<J, D, F>(drain: D) -> anyhow::Result<Cost>
where
    J: Job + From<Noop>,
    D: FnOnce(Arc<dyn Store>, Arc<Ledger>) -> F,
    F: Future<Output = anyhow::Result<()>>,
{
    let folder = tempfile::tempdir()?;
    let queue = ours::Queue::open(folder.path()).await?;
    pool::fill::<J>(&*queue.store, JOBS).await?;
    let ledger = Ledger::new(JOBS);
    let cost = timed(drain(queue.store, Arc::clone(&ledger))).await?;
    ensure!(ledger.lost() == 0 && ledger.twice() == 0, "{} lost, {} twice", ledger.lost(), ledger.twice());
    Ok(cost)
}

/// CPU seconds of all threads, and seconds on the wall.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    cpu: f64,
    wall: f64,
}

/// Jobs and what they cost.
#[derive(Clone, Copy, Debug, Default)]
struct Work {
    jobs: usize,
    cost: Cost,
}

impl Work {
    fn add(&mut self, jobs: usize, cost: Cost) {
        self.jobs += jobs;
        self.cost.cpu += cost.cpu;
        self.cost.wall += cost.wall;
    }

    fn per_second(&self) -> f64 {
        self.jobs as f64 / self.cost.wall
    }

    fn cpu_micros_per_job(&self) -> f64 {
        self.cost.cpu * 1e6 / self.jobs as f64
    }
}

async fn timed(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<Cost> {
    let (cpu, start) = (cpu_seconds()?, Instant::now());
    work.await?;
    Ok(Cost { cpu: cpu_seconds()? - cpu, wall: start.elapsed().as_secs_f64() })
}
