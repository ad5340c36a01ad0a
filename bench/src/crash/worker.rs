//! A worker process that waits to be killed.

use super::{
    book::Book,
    task::{PLACES, Performer},
};
use anyhow::Context as _;
use backstock_queue::{Registry, Store};
use backstock_worker::{PoolOptions, WorkerPool};
use std::{io::Read, sync::Arc};

/// Where the server is, for the worker process.
pub const URL: &str = "BACKSTOCK_CRASH_URL";
/// Where the book is.
pub const BOOK: &str = "BACKSTOCK_CRASH_BOOK";
/// Where the ledger of a store is that needs one.
pub const LEDGER: &str = "BACKSTOCK_CRASH_LEDGER";

/// What the process was given by the benchmark that started it.
pub fn given(name: &str) -> anyhow::Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set; a benchmark starts this"))
}

/// Works on the store until killed, or until whoever started the process is gone.
pub fn work(open: impl AsyncFnOnce() -> anyhow::Result<Arc<dyn Store>>) -> anyhow::Result<()> {
    let book = Book::open(given(BOOK)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (left, alone) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(left);
    });
    runtime.block_on(async {
        let options = PoolOptions { concurrency: PLACES, ..PoolOptions::default() };
        let pool = WorkerPool::new(open().await?, Registry::default().register(Performer(book)), options)?;
        pool.run_until(async {
            let _ = alone.await;
        })
        .await;
        Ok(())
    })
}
