//! The store in one SQLite file, for any number of processes on one machine.
//!
//! Write-ahead log, one writing connection a process, `BEGIN IMMEDIATE`, a handful of statements a call whatever the
//! number of jobs. Live jobs are found through partial indexes, so finished jobs cost nothing. Beside `queue.db` lies
//! `queue.db.workers`, with a locked file and a socket for each open store: the lock says that its process lives, the
//! socket wakes it. Unix only.

mod add;
mod adopt;
mod bell;
mod change;
mod claim;
mod codes;
mod due;
mod duty;
mod examine;
mod fault;
mod filter;
mod group;
mod hold;
mod insert;
mod inspect;
mod lanes;
mod leave;
mod ledger;
mod limit;
mod locks;
mod open;
mod operate;
mod options;
mod presence;
mod prune;
mod rescue;
mod rows;
mod schema;
mod settle;
mod store;
mod turnstile;
mod tx;
mod worker;

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

use crate::Clock;
use sqlx::SqlitePool;
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

/// Most jobs that one maintenance or operator call touches.
const MAINTENANCE: usize = 500;

/// A [`crate::Store`] in one file. Clones are not needed: share it in an [`Arc`].
///
/// Dropping it is like the death of a process to the others: workers that have not checked out are found dead.
pub struct SqliteStore {
    path: PathBuf,
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    /// One connection; whoever has it writes.
    writer: SqlitePool,
    turnstile: turnstile::Turnstile,
    readers: SqlitePool,
    lanes: RwLock<Arc<lanes::Lanes>>,
    bell: Arc<bell::Bell>,
    presence: presence::Presence,
}

impl SqliteStore {
    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn lanes(&self) -> Arc<lanes::Lanes> {
        Arc::clone(&self.lanes.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn publish(&self, lanes: Arc<lanes::Lanes>) {
        *self.lanes.write().unwrap_or_else(PoisonError::into_inner) = lanes;
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}
