//! `queue-postgres`: the store on PostgreSQL under a worker pool beside a bare `FOR UPDATE SKIP LOCKED` loop, each on a
//! private server, with its ledger of what was lost or run twice; then pickup.

mod bare;
mod report;

use crate::{
    meter::{Server, Usage},
    options::Options,
    percentiles::Percentiles,
    pickup,
    pool::{self, Ledger},
    process::server_cpu_seconds,
    show,
};
use anyhow::Context;
use backstock_queue::{PostgresOptions, PostgresStore, Store};
use backstock_testbed::PostgresServer;
use report::Figures;
use std::sync::Arc;

/// Jobs of one round.
const JOBS: usize = 30_000;
const ROUNDS: usize = 3;

/// Runs it and prints the figures. `--rows N` sets the jobs of a round.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let jobs = options.rows.unwrap_or(JOBS);
    show::measured(options, measure(jobs), Figures::json, Figures::text)
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum System {
    /// Deletes what it takes.
    Away,
    /// Marks what it takes, deletes what is done.
    Marking,
    OneByOne,
    Batches,
    /// As `OneByOne`, with fifty fairness keys.
    Keyed,
}

const SYSTEMS: [System; 5] =
    [System::Away, System::Marking, System::OneByOne, System::Batches, System::Keyed];

/// What one system did in all its rounds.
#[derive(Clone, Copy, Debug, Default)]
struct Work {
    enqueue: Usage,
    drain: Usage,
    lost: usize,
    twice: usize,
}

async fn measure(jobs: usize) -> anyhow::Result<Figures> {
    let mut figures = Figures::new(jobs);
    for _ in 0..ROUNDS {
        for system in SYSTEMS {
            round(system, jobs, figures.of(system)).await?;
        }
    }
    figures.pickup = pickup().await?;
    Ok(figures)
}

/// Enqueues and drains `jobs` on a server of its own.
async fn round(system: System, jobs: usize, work: &mut Work) -> anyhow::Result<()> {
    let server = PostgresServer::start()?;
    let (url, ledger) = (server.url(), Ledger::new(jobs));
    match system {
        System::Away | System::Marking => {
            bare::prepare(&url).await?;
            work.enqueue.add(jobs, &server, bare::fill(&url, jobs)).await?;
            let drain = bare::drain(&url, Arc::clone(&ledger), system == System::Marking);
            work.drain.add(jobs, &server, drain).await?;
        }
        System::OneByOne | System::Batches | System::Keyed => {
            let store = open(&server).await?;
            work.enqueue.add(jobs, &server, fill(system, &*store, jobs)).await?;
            let worker = open(&server).await?;
            work.drain.add(jobs, &server, drain(system, worker, Arc::clone(&ledger))).await?;
        }
    }
    work.lost += ledger.lost();
    work.twice += ledger.twice();
    Ok(())
}

async fn fill(system: System, store: &dyn Store, jobs: usize) -> anyhow::Result<()> {
    match system {
        System::Batches => pool::fill::<pool::Many>(store, jobs).await,
        System::Keyed => pool::fill_keyed(store, jobs).await,
        _ => pool::fill::<pool::Single>(store, jobs).await,
    }
}

async fn drain(system: System, worker: Arc<dyn Store>, ledger: Arc<Ledger>) -> anyhow::Result<()> {
    match system {
        System::Batches => pool::drain_batches(worker, ledger).await,
        _ => pool::drain_singles(worker, ledger).await,
    }
}

async fn pickup() -> anyhow::Result<Percentiles> {
    let server = PostgresServer::start()?;
    pickup::between(open(&server).await?, open(&server).await?).await
}

async fn open(server: &PostgresServer) -> anyhow::Result<Arc<dyn Store>> {
    Ok(Arc::new(PostgresStore::open(&server.url(), PostgresOptions::default()).await?))
}

impl Server for PostgresServer {
    fn seconds(&self) -> anyhow::Result<f64> {
        server_cpu_seconds(self.pid().context("the server has ended")?)
    }
}
