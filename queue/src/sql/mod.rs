//! The store in a relational database: one set of tables, one set of statements, two databases ([`Engine`]).
//!
//! One transaction writes at a time, over all processes, so that all that follows from a change (counts, turns, groups,
//! keys) is read and written without a thought of others; a handful of statements a call whatever the number of jobs.
//! Live jobs are found through partial indexes, so finished jobs cost nothing.

mod add;
mod adopt;
mod change;
mod claim;
mod codes;
mod conn;
mod due;
mod duty;
mod engine;
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
mod nul;
mod operate;
mod postgres;
mod prune;
mod query;
mod rescue;
mod rows;
mod settle;
mod sqlite;
#[cfg(test)]
mod statements;
mod store;
mod tx;
mod worker;

#[cfg(test)]
pub(crate) use postgres::testing;

pub use engine::Engine;
pub use postgres::{PostgresOptions, PostgresStore};
pub use sqlite::{Durability, SqliteOptions, SqliteStore};

use crate::Clock;
use std::sync::{Arc, PoisonError, RwLock};

/// Most jobs that one maintenance or operator call touches.
const MAINTENANCE: usize = 500;

/// A [`crate::Store`] in a relational database: [`SqliteStore`] or [`PostgresStore`]. Clones are not needed: share it in an
/// [`Arc`].
///
/// Dropping it is like the death of a process to the others: workers that have not checked out are found dead.
#[derive(Debug)]
pub struct SqlStore<E: Engine> {
    engine: E,
    clock: Arc<dyn Clock>,
    lanes: RwLock<Arc<lanes::Lanes>>,
}

impl<E: Engine> SqlStore<E> {
    /// A store on tables that are there.
    async fn on(engine: E, clock: Arc<dyn Clock>) -> fault::Result<Self> {
        let mut lanes = lanes::Lanes::default();
        lanes.read_newer(&mut engine.read().await?).await?;
        Ok(Self { engine, clock, lanes: RwLock::new(Arc::new(lanes)) })
    }

    fn lanes(&self) -> Arc<lanes::Lanes> {
        Arc::clone(&self.lanes.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn publish(&self, lanes: Arc<lanes::Lanes>) {
        *self.lanes.write().unwrap_or_else(PoisonError::into_inner) = lanes;
    }
}
