//! `apalis-redis` 1.0 with its own worker, tuned: batches of 100, no task locks, events or stored results, a poll every
//! 5 ms, bulk pushes, concurrency 100.

use crate::pool::{Ledger, Noop};
use apalis::prelude::{
    BackendExt, BoxDynError, Data, TaskSink, WorkerBuilder, WorkerBuilderExt, WorkerContext,
};
use apalis_redis::{Config, RedisStorage};
use std::{sync::Arc, time::Duration};

async fn open(url: &str) -> anyhow::Result<RedisStorage<Noop>> {
    let config = Config::default().queue("bench").batch_size(100);
    let config = config.lock_tasks(false).emit_events(false).persist_results(false);
    Ok(RedisStorage::new(apalis_redis::connect(url).await?).with_config(config))
}

pub async fn fill(url: &str, jobs: usize) -> anyhow::Result<()> {
    let mut storage = open(url).await?;
    for first in (0..jobs).step_by(500) {
        let bulk = (first..jobs.min(first + 500)).map(Noop::new).collect();
        storage.push_bulk(bulk).await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    }
    Ok(())
}

pub async fn drain(url: &str, ledger: Arc<Ledger>) -> anyhow::Result<()> {
    let storage = open(url).await?.poll_with_interval(Duration::from_millis(5));
    let worker = WorkerBuilder::new("bench").backend(storage).concurrency(100).data(ledger).build(noop);
    worker.run().await.map_err(|error| anyhow::anyhow!("{error:?}"))
}

/// Stops the worker after the last job.
async fn noop(job: Noop, ledger: Data<Arc<Ledger>>, worker: WorkerContext) -> Result<(), BoxDynError> {
    if ledger.mark(&job) {
        worker.stop()?;
    }
    Ok(())
}
