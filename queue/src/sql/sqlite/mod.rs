//! The store in one SQLite file, for any number of processes on one machine.
//!
//! Write-ahead log, one writing connection a process, `BEGIN IMMEDIATE`. Beside `queue.db` lies `queue.db.workers`, with a
//! locked file and a socket for each open store: the lock says that its process lives, the socket wakes it. Unix only.

mod bell;
mod fault;
mod open;
mod options;
mod presence;
mod schema;
mod turnstile;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod examine_tests;
#[cfg(test)]
mod open_tests;
#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod tests;

pub use options::{Durability, SqliteOptions};

use super::{
    SqlStore,
    conn::Conn,
    engine::{Engine, Turn},
    fault::{Fault, Result},
};
use crate::StoreError;
use backon::{ExponentialBuilder, Retryable};
use sqlx::{Sqlite, SqlitePool, Transaction};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;

/// A [`crate::Store`] in one file, for the processes of one machine.
pub type SqliteStore = SqlStore<File>;

/// An open file and its neighbourhood.
pub struct File {
    path: PathBuf,
    folder: PathBuf,
    /// One connection; whoever has it writes.
    writer: SqlitePool,
    turnstile: turnstile::Turnstile,
    readers: SqlitePool,
    bell: Arc<bell::Bell>,
    presence: presence::Presence,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// The database file.
    pub fn path(&self) -> &Path {
        &self.engine.path
    }
}

impl File {
    async fn begin_once(&self) -> Result<Transaction<'static, Sqlite>> {
        match self.writer.begin_with(BEGIN).await {
            // SQLite has rolled back by itself (a full disk, say) and the driver has not noticed: start afresh.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                self.writer.acquire().await?.close().await?;
                Ok(self.writer.begin_with(BEGIN).await?)
            }
            begun => Ok(begun?),
        }
    }
}

impl Engine for File {
    const NAME: &'static str = fault::STORE;
    const NOTICES_DEATH: bool = true;
    const PAGES: Option<&'static str> = Some("PRAGMA quick_check(100)");

    /// Waits for others up to the busy timeout, a few times.
    async fn begin(&self) -> Result<(Conn, Turn)> {
        let turn = self.turnstile.pass().await;
        let begin = || self.begin_once();
        let pauses = ExponentialBuilder::new().with_min_delay(Duration::from_millis(20)).with_max_times(2);
        let tx = begin.retry(pauses).when(fault::is_busy).await?;
        Ok((Conn::FileTx(tx), Box::new(turn)))
    }

    async fn read(&self) -> Result<Conn> {
        Ok(Conn::File(self.readers.acquire().await?))
    }

    async fn snapshot(&self) -> Result<Conn> {
        Ok(Conn::FileTx(self.readers.begin().await?))
    }

    fn ring(&self) {
        self.bell.ring();
    }

    fn wake_ups(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }

    fn presence(&self) -> &str {
        self.presence.name()
    }

    fn is_gone(&self, presence: &str) -> bool {
        presence::is_gone(&self.folder, presence)
    }

    fn classify(&self, fault: Fault) -> StoreError {
        fault::classify(fault, &self.path)
    }
}

const BEGIN: &str = "BEGIN IMMEDIATE";
