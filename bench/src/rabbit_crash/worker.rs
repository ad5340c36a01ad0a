//! A worker process that waits to be killed.

use crate::{
    options::Options,
    redis_crash::book::{Book, Entry},
};
use anyhow::Context as _;
use backstock_queue::{
    Clock, Context, Handler, Job, JobError, One, RabbitOptions, RabbitStore, Registry, RetryPolicy,
    SqliteOptions, SqliteStore, Store, StoreError, SystemClock,
};
use backstock_worker::{PoolOptions, WorkerPool};
use serde::{Deserialize, Serialize};
use std::{io::Read, path::Path, sync::Arc, time::Duration};

/// Where the broker is, for the worker process.
pub const URL: &str = "BACKSTOCK_CRASH_URL";
/// Where the book is.
pub const BOOK: &str = "BACKSTOCK_CRASH_BOOK";
/// Where the ledger of the store is.
pub const LEDGER: &str = "BACKSTOCK_CRASH_LEDGER";
/// Jobs of one worker at a time.
pub const PLACES: usize = 16;
/// A job takes so long that workers are killed in the middle of many.
const WORK: Duration = Duration::from_millis(12);
/// The counter of the effect that takes place when a member of the group completes.
pub const EFFECTS: &str = "effects";

#[derive(Serialize, Deserialize)]
pub struct Task {
    pub number: u32,
}

impl Job for Task {
    const KIND: &'static str = "crash-task";
    const RETRY: RetryPolicy = RetryPolicy { max_attempts: 10, ..RetryPolicy::DEFAULT };
}

struct Performer(Book);

impl Handler for Performer {
    type Work = One<Task>;
    async fn handle(&self, job: &mut One<Task>, _: &Context) -> Result<(), JobError> {
        let entry =
            |end| Entry { job: job.number, pid: std::process::id(), fence: job.fence().0, at: now(), end };
        self.0.write(entry(false))?;
        tokio::time::sleep(WORK).await;
        self.0.write(entry(true))?;
        job.tally(EFFECTS, 1);
        Ok(())
    }
}

/// Milliseconds since the epoch.
pub fn now() -> i64 {
    SystemClock.now().as_millis()
}

/// The store on the broker, waiting for it while it is away.
pub async fn open(url: &str, ledger: &Path) -> Result<Arc<dyn Store>, StoreError> {
    let ledger: Arc<dyn Store> = Arc::new(SqliteStore::open(ledger, SqliteOptions::default()).await?);
    loop {
        match RabbitStore::open(url, Arc::clone(&ledger), RabbitOptions::default()).await {
            Err(error) if error.is_transient() => tokio::time::sleep(Duration::from_millis(100)).await,
            opened => return Ok(Arc::new(opened?)),
        }
    }
}

/// Works until killed, or until whoever started it is gone.
pub fn run(_: &Options) -> anyhow::Result<()> {
    let given = |name: &str| {
        std::env::var(name).with_context(|| format!("{name} is not set; `rabbit-crash` starts this"))
    };
    let (url, ledger) = (given(URL)?, given(LEDGER)?);
    let book = Book::open(given(BOOK)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (left, alone) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(left);
    });
    runtime.block_on(async {
        let store = open(&url, Path::new(&ledger)).await?;
        let options = PoolOptions { concurrency: PLACES, ..PoolOptions::default() };
        let pool = WorkerPool::new(store, Registry::default().register(Performer(book)), options)?;
        pool.run_until(async {
            let _ = alone.await;
        })
        .await;
        Ok(())
    })
}
