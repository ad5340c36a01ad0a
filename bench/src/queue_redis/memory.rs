//! Server memory: of waiting jobs, and after many have finished and the retention was applied.

use crate::pool::{self, Ledger, Noop};
use backstock_queue::{Retention, Store};
use backstock_testbed::RedisServer;
use std::{sync::Arc, time::Duration};

/// Waiting jobs.
const WAITING: usize = 100_000;
/// Bytes of finished jobs to keep.
const BUDGET: u64 = 4 << 20;

#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Of a waiting job, beside its payload.
    pub waiting_overhead: f64,
    pub payload: f64,
    /// An empty server with our functions and a worker's traces.
    pub empty: u64,
    /// After the finished jobs and the retention.
    pub after: u64,
    pub budget: u64,
    pub finished: usize,
}

pub async fn measure(finished: usize) -> anyhow::Result<Memory> {
    let server = RedisServer::start()?;
    let store = super::open(&server).await?;
    run(&store, 1_000).await?;
    prune(&*store, 0).await?;
    let empty = server.used_memory_bytes()?;
    pool::fill::<pool::Single>(&*store, WAITING).await?;
    let payload = serde_json::to_vec(&Noop::new(WAITING))?.len() as f64;
    let waiting_overhead = (server.used_memory_bytes()? - empty) as f64 / WAITING as f64 - payload;
    let ledger = Ledger::new(WAITING);
    pool::drain_singles(Arc::clone(&store), ledger).await?;
    let mut done = WAITING;
    while done < finished {
        let count = WAITING.min(finished - done);
        run(&store, count).await?;
        prune(&*store, BUDGET).await?;
        done += count;
    }
    prune(&*store, BUDGET).await?;
    let after = server.used_memory_bytes()?;
    Ok(Memory { waiting_overhead, payload, empty, after, budget: BUDGET, finished: done })
}

async fn run(store: &Arc<dyn Store>, jobs: usize) -> anyhow::Result<()> {
    pool::fill::<pool::Single>(&**store, jobs).await?;
    pool::drain_singles(Arc::clone(store), Ledger::new(jobs)).await
}

/// What the scheduler does again and again.
async fn prune(store: &dyn Store, max_bytes: u64) -> anyhow::Result<()> {
    let retention = Retention { max_bytes, max_age: Duration::from_hours(24), ..Retention::default() };
    while store.prune(&retention, 500).await?.more {}
    Ok(())
}
