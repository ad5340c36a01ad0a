//! Opening `catalog.db`: connections, migrations, transactions.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqlSafeStr, Sqlite, SqlitePool, Transaction};

use super::{error, views};
use crate::store::error::{CatalogError, Result};

const MIGRATIONS: [(i64, &str, &str); 1] =
    [(1, "catalog", include_str!("../../../../../migrations/sqlite/catalog/0001_catalog.sql"))];

/// How long a statement waits for another process's write lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const READERS: u32 = 4;
/// Rows that a connection's thread may be ahead: fewer switches between threads than with the default of 50.
const ROW_BUFFER: usize = 1_000;

/// The products of one SQLite file: one connection writes, a few read. Cheap to clone; clones share the connections.
///
/// Every method that writes is one transaction: dropped or killed half-way it leaves nothing behind.
#[derive(Clone, Debug)]
pub(crate) struct SqliteCatalog {
    path: PathBuf,
    writer: SqlitePool,
    readers: SqlitePool,
    #[cfg(test)]
    pub(in crate::store) faults: crate::store::faults::Faults,
}

impl SqliteCatalog {
    pub(crate) async fn open(path: &Path) -> Result<Self> {
        let failed = |e: sqlx::Error| error::from_sqlx(path, &e);
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT)
            .row_buffer_size(ROW_BUFFER)
            .disable_statement_logging();
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(
                options
                    .clone()
                    .pragma("cache_size", "-16000")
                    .pragma("temp_store", "MEMORY")
                    .pragma("wal_autocheckpoint", "4000")
                    .pragma("journal_size_limit", "67108864"),
            )
            .await
            .map_err(failed)?;
        migrator().run(&writer).await.map_err(|e| error::from_migrate(path, &e))?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.pragma("query_only", "ON"))
            .await
            .map_err(failed)?;
        let catalog = Self {
            path: path.to_path_buf(),
            writer,
            readers,
            #[cfg(test)]
            faults: crate::store::faults::Faults::default(),
        };
        let mut tx = catalog.write().await?;
        views::create_tables(&mut tx).await.map_err(|e| catalog.error(&e))?;
        tx.commit().await.map_err(|e| catalog.error(&e))?;
        Ok(catalog)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Begins a write transaction that holds the write lock from the start, so that it cannot fail half-way for it.
    pub(super) async fn write(&self) -> Result<Transaction<'static, Sqlite>> {
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(|e| self.error(&e))
    }

    pub(super) async fn read(&self) -> Result<PoolConnection<Sqlite>> {
        self.readers.acquire().await.map_err(|e| self.error(&e))
    }

    pub(super) async fn commit(&self, tx: Transaction<'static, Sqlite>) -> Result<()> {
        self.fault("commit")?;
        tx.commit().await.map_err(|e| self.error(&e))?;
        self.fault("committed")
    }

    pub(super) fn error(&self, error: &sqlx::Error) -> CatalogError {
        error::from_sqlx(&self.path, error)
    }

    /// Test seam: fails here when the test asked for it.
    #[cfg(test)]
    pub(super) fn fault(&self, point: &'static str) -> Result<()> {
        self.faults.hit(point)
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "same shape as the test seam")]
    pub(super) fn fault(&self, _point: &'static str) -> Result<()> {
        Ok(())
    }
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.to_vec())
}
