//! `apalis-sqlite` 1.0 with its own worker: write-ahead log, bulk pushes, batches of 100, concurrency 100.

use apalis::prelude::{
    BackendExt, BoxDynError, Data, TaskSink, WorkerBuilder, WorkerBuilderExt, WorkerContext,
};
use apalis_sqlite::{Config, SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteStorage};
use serde::{Deserialize, Serialize};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Noop {
    number: usize,
    text: String,
}

pub struct Queue {
    pool: SqlitePool,
}

impl Queue {
    pub async fn open(folder: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(folder.join("apalis.db"))
            .create_if_missing(true)
            .pragma("journal_mode", "WAL")
            .pragma("synchronous", "NORMAL");
        let pool = SqlitePoolOptions::new().max_connections(10).connect_with(options).await?;
        SqliteStorage::setup(&pool).await?;
        Ok(Self { pool })
    }

    pub async fn fill(&self, count: usize) -> anyhow::Result<()> {
        let mut storage = SqliteStorage::<Noop>::new(&self.pool);
        let mut stored = 0;
        while stored < count {
            let next = count.min(stored + 500);
            let jobs = (stored..next)
                .map(|number| Noop { number, text: "as long as a few product ids are".to_owned() })
                .collect();
            storage.push_bulk(jobs).await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
            stored = next;
        }
        Ok(())
    }

    pub async fn drain(&self, count: usize) -> anyhow::Result<()> {
        let config = Config::default().queue(std::any::type_name::<Noop>()).batch_size(100);
        let storage = SqliteStorage::<Noop>::new(&self.pool)
            .with_config(config)
            .poll_with_interval(Duration::from_millis(50));
        let left = Arc::new(AtomicUsize::new(count));
        let worker = WorkerBuilder::new("bench").backend(storage).concurrency(100).data(left).build(noop);
        worker.run().await.map_err(|error| anyhow::anyhow!("{error:?}"))
    }
}

/// Stops the worker after the last job.
async fn noop(_job: Noop, left: Data<Arc<AtomicUsize>>, worker: WorkerContext) -> Result<(), BoxDynError> {
    if left.fetch_sub(1, Ordering::Relaxed) == 1 {
        worker.stop()?;
    }
    Ok(())
}
