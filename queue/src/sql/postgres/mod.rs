//! The store in a schema of a PostgreSQL database, for processes on any number of machines.
//!
//! Whoever writes holds the schema's advisory lock until the commit. Wake-ups travel by `NOTIFY`; they may be lost with a
//! connection, so workers also look now and then. A dead process is found by its silence.

mod bell;
mod fault;
mod open;
mod options;
mod schema;

#[cfg(test)]
mod open_tests;
#[cfg(test)]
mod plan_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use options::PostgresOptions;

use super::{
    SqlStore,
    conn::Conn,
    engine::{Engine, Turn},
    fault::{Fault, Result},
};
use crate::StoreError;
use sqlx::{AssertSqlSafe, PgPool, SqlSafeStr};
use std::sync::Arc;
use tokio::sync::watch;

/// A [`crate::Store`] in a PostgreSQL database, for processes on any number of machines.
pub type PostgresStore = SqlStore<Server>;

/// A schema on a server.
#[derive(Debug)]
pub struct Server {
    /// Where the schema is, without credentials.
    location: String,
    schema: String,
    pool: PgPool,
    /// Begins to write.
    begin: Arc<str>,
    bell: bell::Bell,
}

impl Engine for Server {
    const NAME: &'static str = fault::STORE;
    const NOTICES_DEATH: bool = false;
    const PAGES: Option<&'static str> = None;

    /// Waits for others up to the lock timeout.
    async fn begin(&self) -> Result<(Conn, Turn)> {
        let begin = AssertSqlSafe(Arc::clone(&self.begin)).into_sql_str();
        Ok((Conn::ServerTx(self.pool.begin_with(begin).await?), Box::new(())))
    }

    async fn read(&self) -> Result<Conn> {
        Ok(Conn::Server(self.pool.acquire().await?))
    }

    async fn snapshot(&self) -> Result<Conn> {
        Ok(Conn::ServerTx(self.pool.begin_with(SNAPSHOT).await?))
    }

    fn ring(&self) {
        self.bell.ring();
    }

    fn wake_ups(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }

    fn presence(&self) -> &str {
        self.bell.name()
    }

    /// Nobody can tell: a connection that is gone may be back in a moment.
    fn is_gone(&self, _: &str) -> bool {
        false
    }

    fn classify(&self, fault: Fault) -> StoreError {
        fault::classify(fault, &self.location)
    }
}

const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
