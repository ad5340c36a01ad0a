//! `queue-redis`: the Redis store under a worker pool beside a bare list loop, a bare batched Lua loop and
//! `apalis-redis` 1.0, each on a private server, with an append-only file and without, each with its ledger of what was
//! lost or run twice; then pickup, delayed jobs, priorities and memory of the store alone.

mod apalis_peer;
mod bare_list;
mod bare_lua;
mod delayed;
mod memory;
mod priorities;
mod report;

use crate::{
    meter::Usage,
    options::Options,
    percentiles::Percentiles,
    pickup,
    pool::{self, Ledger},
    show,
};
use backstock_queue::{RedisOptions, RedisStore, Store};
use backstock_testbed::{Fsync, RedisServer};
use report::{Figures, Side};
use std::sync::Arc;

/// Jobs of one round.
const JOBS: usize = 200_000;
/// Jobs of one round of the peer that stops for good at 8,000 due ones.
const APALIS_JOBS: usize = 7_500;
const APALIS_ROUNDS: usize = 8;
const ROUNDS: usize = 2;
/// Delayed jobs that wait, jobs due at once, finished jobs.
const MANY: usize = 1_000_000;

/// Runs it and prints the figures. `--rows N` replaces the million of delayed and finished jobs.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let many = options.rows.unwrap_or(MANY);
    show::measured(options, measure(many), Figures::json, Figures::text)
}

async fn measure(many: usize) -> anyhow::Result<Figures> {
    let mut figures = Figures { many, ..Figures::default() };
    for fsync in [Fsync::EverySecond, Fsync::Off] {
        let mut side = Side::default();
        for _ in 0..ROUNDS {
            for system in
                [System::List, System::Tasks, System::Lua, System::OneByOne, System::Batches, System::Keyed]
            {
                round(system, fsync, JOBS, side.of(system)).await?;
            }
        }
        for _ in 0..APALIS_ROUNDS {
            round(System::Apalis, fsync, APALIS_JOBS, side.of(System::Apalis)).await?;
        }
        if fsync == Fsync::EverySecond {
            figures.everysec = side;
        } else {
            figures.without = side;
        }
    }
    figures.pickup = pickup().await?;
    figures.delayed = delayed::measure(many).await?;
    figures.priorities = priorities::measure().await?;
    figures.memory = memory::measure(many).await?;
    Ok(figures)
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum System {
    List,
    Tasks,
    Lua,
    Apalis,
    OneByOne,
    Batches,
    /// As `OneByOne`, with fifty fairness keys.
    Keyed,
}

/// What one system did in all its rounds.
#[derive(Clone, Copy, Debug, Default)]
struct Work {
    enqueue: Usage,
    drain: Usage,
    lost: usize,
    twice: usize,
    /// Server memory of a waiting job, of the last round.
    bytes_per_job: f64,
}

/// Enqueues and drains `jobs` on a server of its own.
async fn round(system: System, fsync: Fsync, jobs: usize, work: &mut Work) -> anyhow::Result<()> {
    let server = RedisServer::options().fsync(fsync).start()?;
    let ledger = Ledger::new(jobs);
    let empty = server.used_memory_bytes()?;
    work.enqueue.add(jobs, &server, fill(system, &server, jobs)).await?;
    work.bytes_per_job = server.used_memory_bytes()?.saturating_sub(empty) as f64 / jobs as f64;
    work.drain.add(jobs, &server, drain(system, &server, Arc::clone(&ledger))).await?;
    work.lost += ledger.lost();
    work.twice += ledger.twice();
    Ok(())
}

async fn fill(system: System, server: &RedisServer, jobs: usize) -> anyhow::Result<()> {
    match system {
        System::List | System::Tasks => bare_list::fill(server.url(), jobs).await,
        System::Lua => bare_lua::fill(server.url(), jobs).await,
        System::Apalis => apalis_peer::fill(&server.url(), jobs).await,
        System::OneByOne => pool::fill::<pool::Single>(&*open(server).await?, jobs).await,
        System::Batches => pool::fill::<pool::Many>(&*open(server).await?, jobs).await,
        System::Keyed => pool::fill_keyed(&*open(server).await?, jobs).await,
    }
}

async fn drain(system: System, server: &RedisServer, ledger: Arc<Ledger>) -> anyhow::Result<()> {
    match system {
        System::List => bare_list::drain(server.url(), ledger).await,
        System::Tasks => bare_list::drain_one_by_one(server.url(), ledger).await,
        System::Lua => bare_lua::drain(server.url(), ledger).await,
        System::Apalis => apalis_peer::drain(&server.url(), ledger).await,
        System::OneByOne | System::Keyed => pool::drain_singles(open(server).await?, ledger).await,
        System::Batches => pool::drain_batches(open(server).await?, ledger).await,
    }
}

async fn pickup() -> anyhow::Result<Percentiles> {
    let server = RedisServer::start()?;
    pickup::between(open(&server).await?, open(&server).await?).await
}

async fn open(server: &RedisServer) -> anyhow::Result<Arc<dyn Store>> {
    Ok(Arc::new(RedisStore::open(&server.url(), RedisOptions::default()).await?))
}
