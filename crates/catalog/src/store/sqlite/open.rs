//! Opening `catalog.db`: connections, migrations, transactions.

use std::path::Path;

use backstock_sqlite::{Database, Migrations, Options, Trouble};
use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, Transaction};

use super::{error, views};
use crate::store::error::{CatalogError, Result};

const MIGRATIONS: Migrations = &[
    (1, "catalog", include_str!("../../../../../migrations/sqlite/catalog/0001_catalog.sql")),
    (2, "popularity", include_str!("../../../../../migrations/sqlite/catalog/0002_popularity.sql")),
];

/// A large cache for the many indexes of a batch, and fewer switches between threads than with a small buffer of rows.
const OPTIONS: Options = Options {
    busy_timeout: std::time::Duration::from_secs(10),
    power_safe: false,
    cache_kib: 16_000,
    row_buffer: 1_000,
};

/// The products of one SQLite file: one connection writes, a few read. Cheap to clone; clones share the connections.
///
/// Every method that writes is one transaction: dropped or killed half-way it leaves nothing behind.
#[derive(Clone, Debug)]
pub(crate) struct SqliteCatalog {
    database: Database,
    #[cfg(test)]
    pub(in crate::store) faults: crate::store::faults::Faults,
}

impl SqliteCatalog {
    pub(crate) async fn open(path: &Path) -> Result<Self> {
        let opened = Database::open(path, MIGRATIONS, OPTIONS).await;
        let database = opened.map_err(|trouble| error::of(path, trouble))?;
        let catalog = Self {
            database,
            #[cfg(test)]
            faults: crate::store::faults::Faults::default(),
        };
        let mut tx = catalog.write().await?;
        views::create_tables(&mut tx).await.map_err(|e| catalog.error(&e))?;
        tx.commit().await.map_err(|e| catalog.error(&e))?;
        Ok(catalog)
    }

    pub(crate) fn path(&self) -> &Path {
        self.database.path()
    }

    pub(crate) async fn close(&self) {
        self.database.close().await;
    }

    /// Begins a write transaction that holds the write lock from the start, so that it cannot fail half-way for it.
    pub(super) async fn write(&self) -> Result<Transaction<'static, Sqlite>> {
        self.database.begin().await.map_err(|e| self.error(&e))
    }

    pub(super) async fn read(&self) -> Result<PoolConnection<Sqlite>> {
        self.database.readers().acquire().await.map_err(|e| self.error(&e))
    }

    pub(super) async fn commit(&self, tx: Transaction<'static, Sqlite>) -> Result<()> {
        self.fault("commit")?;
        tx.commit().await.map_err(|e| self.error(&e))?;
        self.fault("committed")
    }

    pub(super) fn error(&self, error: &sqlx::Error) -> CatalogError {
        error::of(self.path(), Trouble::of(error))
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
