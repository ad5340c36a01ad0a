//! A worker process that waits to be killed.

use super::book::{Book, Entry};
use crate::options::Options;
use anyhow::Context as _;
use backstock_queue::{
    Clock, Context, Handler, Job, JobError, One, RedisOptions, RedisStore, Registry, RetryPolicy, SystemClock,
};
use backstock_worker::{PoolOptions, WorkerPool};
use serde::{Deserialize, Serialize};
use std::{io::Read, sync::Arc, time::Duration};

/// Where the server is, for the worker process.
pub const URL: &str = "BACKSTOCK_CRASH_URL";
/// Where the book is.
pub const BOOK: &str = "BACKSTOCK_CRASH_BOOK";
/// Jobs of one worker at a time.
pub const PLACES: usize = 16;
/// A job takes so long that workers are killed in the middle of many.
const WORK: Duration = Duration::from_millis(12);
/// The counter of the effect that takes place when a job completes.
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

/// Works until killed, or until whoever started it is gone.
pub fn run(_: &Options) -> anyhow::Result<()> {
    let url = std::env::var(URL).with_context(|| format!("{URL} is not set; `redis-crash` starts this"))?;
    let book = Book::open(std::env::var(BOOK).with_context(|| format!("{BOOK} is not set"))?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (left, alone) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(left);
    });
    runtime.block_on(async {
        let store = Arc::new(RedisStore::open(&url, RedisOptions::default()).await?);
        let options = PoolOptions { concurrency: PLACES, ..PoolOptions::default() };
        let pool = WorkerPool::new(store, Registry::default().register(Performer(book)), options)?;
        pool.run_until(async {
            let _ = alone.await;
        })
        .await;
        Ok(())
    })
}
