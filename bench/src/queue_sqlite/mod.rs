//! `queue-sqlite`: the SQLite store, bare and under a worker pool, beside `apalis-sqlite` 1.0, in turns and in one process; the delay until an idle
//! waiter holds a job; the cost of fairness keys; and the cost of a job while finished ones pile up in the file.

mod fair;
mod flat;
mod ours;
mod peer;
mod pickup;
mod report;

use crate::{
    meter::{Nobody, Usage},
    options::Options,
    pool::{self, Ledger, Noop},
    show,
};
use anyhow::ensure;
use backstock_queue::{Durability, Job, Store};
use std::{future::Future, sync::Arc};

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
    show::measured(options, measure(history), report::Figures::json, report::Figures::text)
}

async fn measure(history: usize) -> anyhow::Result<report::Figures> {
    let mut figures = report::Figures::default();
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir()?;
        let queue = ours::Queue::open(folder.path()).await?;
        figures.enqueue.add(JOBS, &Nobody, queue.fill(JOBS)).await?;
        figures.drain.add(JOBS, &Nobody, queue.drain(JOBS)).await?;
        with_pool::<pool::Single, _, _>(&mut figures.singles, pool::drain_singles).await?;
        with_pool::<pool::Many, _, _>(&mut figures.batches, pool::drain_batches).await?;
        let folder = tempfile::tempdir()?;
        let peer = peer::Queue::open(folder.path()).await?;
        figures.peer_enqueue.add(PEER_JOBS, &Nobody, peer.fill(PEER_JOBS)).await?;
        figures.peer_drain.add(PEER_JOBS, &Nobody, peer.drain(PEER_JOBS)).await?;
    }
    let folder = tempfile::tempdir()?;
    let queue = ours::Queue::open_as(folder.path(), Durability::Full).await?;
    let both = async { queue.fill(FULL_JOBS).await.and(queue.drain(FULL_JOBS).await) };
    figures.full.add(FULL_JOBS, &Nobody, both).await?;
    figures.pickup = pickup::measure().await?;
    figures.fair = fair::measure().await?;
    figures.flat = flat::measure(history).await?;
    Ok(figures)
}

/// Drains a queue of its own with a worker pool: claims, leases, handlers and settlements as in `backstock worker`.
async fn with_pool<J, D, F>(usage: &mut Usage, drain: D) -> anyhow::Result<()>
where
    J: Job + From<Noop>,
    D: FnOnce(Arc<dyn Store>, Arc<Ledger>) -> F,
    F: Future<Output = anyhow::Result<()>>,
{
    let folder = tempfile::tempdir()?;
    let queue = ours::Queue::open(folder.path()).await?;
    pool::fill::<J>(&*queue.store, JOBS).await?;
    let ledger = Ledger::new(JOBS);
    usage.add(JOBS, &Nobody, drain(queue.store, Arc::clone(&ledger))).await?;
    ensure!(ledger.lost() == 0 && ledger.twice() == 0, "{} lost, {} twice", ledger.lost(), ledger.twice());
    Ok(())
}
