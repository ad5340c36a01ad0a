//! Opening a catalog on PostgreSQL: migrations, connections, transactions.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, SqlSafeStr};

use super::conn::{Conn, Lent};
use super::connect::{PostgresOptions, Server};
use super::slow::Slow;
use super::tx::Tx;
use super::{error, find, native, views};
use crate::store::error::{CatalogError, Result};
use crate::store::report::Running;

const MIGRATIONS: [(i64, &str, &str); 4] = [
    (1, "catalog", include_str!("../../../../../migrations/postgres/catalog/0001_catalog.sql")),
    (2, "indexes", include_str!("../../../../../migrations/postgres/catalog/0002_indexes.sql")),
    (3, "views", include_str!("../../../../../migrations/postgres/catalog/0003_views.sql")),
    (4, "popularity", include_str!("../../../../../migrations/postgres/catalog/0004_popularity.sql")),
];
const HAS_LEDGER: &str = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
const APPLIED: &str =
    "SELECT coalesce(max(version), 0), coalesce(bool_and(success), true) FROM _sqlx_migrations";

/// One batch of one import at a time: SKUs and ids are looked up and then written, and changes are numbered in the order
/// in which they become visible. Held until the transaction ends.
const IMPORTING: &str = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan;
    SELECT pg_advisory_xact_lock(hashtextextended('backstock import ' || current_schema(), 0))";
/// Writes look rows up by lists of keys. A plan for "some keys" goes by the index; one for 20,000 keys would read the whole
/// table, for every batch of an import.
const WRITING: &str = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan";

/// The products of one PostgreSQL schema. Cheap to clone; clones share the connections.
///
/// Reads and most writes need no lock but those of the rows they touch. Dirty keys are marked under the row of the
/// generation, which is taken last, so that others wait only for the end of a batch.
#[derive(Clone, Debug)]
pub(crate) struct PostgresCatalog {
    pub(in crate::store) server: Server,
    pool: PgPool,
    slow: Arc<Slow>,
    /// Whether misspelt titles can be looked for.
    pub(super) trigrams: bool,
    /// The import that last brought a known product although only new ones were expected.
    guessed_wrong: Arc<AtomicI64>,
    #[cfg(test)]
    pub(in crate::store) faults: crate::store::faults::Faults,
}

impl PostgresCatalog {
    pub(crate) async fn connect(options: &PostgresOptions) -> Result<Self> {
        let server = Server::new(options)?;
        let mut conn = server.first_connection().await?;
        migrate(&mut conn, &server.at).await?;
        views::create_tables(&mut conn).await.map_err(|e| error::from_sqlx(&server.at, &e))?;
        native::create(&mut conn).await.map_err(|e| error::from_sqlx(&server.at, &e))?;
        let trigrams =
            find::ensure_trigrams(&mut conn).await.map_err(|e| error::from_sqlx(&server.at, &e))?;
        conn.close().await.map_err(|e| error::from_sqlx(&server.at, &e))?;
        let pool = server.pool();
        Ok(Self {
            slow: Arc::new(server.slow(&pool)),
            pool,
            trigrams,
            server,
            guessed_wrong: Arc::default(),
            #[cfg(test)]
            faults: crate::store::faults::Faults::default(),
        })
    }

    pub(crate) fn place(&self) -> &str {
        &self.server.at
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// Removes the schema that the options named, with everything in it. Without one nothing happens.
    pub(crate) async fn drop_schema(&self) -> Result<()> {
        let Some(schema) = self.server.schema() else { return Ok(()) };
        let mut tx = self.write().await?;
        let drop = sqlx::raw_sql(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE")));
        drop.execute(&mut *tx).await.map_err(|e| self.error(&e))?;
        self.commit(tx).await
    }

    /// Runs a call and gives up when the server hangs: one that is frozen neither answers nor closes the connection.
    pub(crate) async fn bounded<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let patience = self.server.patience();
        tokio::time::timeout(patience, call).await.unwrap_or_else(|_| {
            let reason = format!("no answer within {} s", patience.as_secs());
            Err(CatalogError::Away { at: self.server.at.clone(), reason })
        })
    }

    /// Whether an import will probably bring nothing that is stored: the catalog is empty, or all it brought was new. One
    /// that was wrong about it once looks from then on.
    pub(super) fn expects_only_new(&self, import: &Running, last_id: i64) -> bool {
        last_id == 0 || (import.only_new && self.guessed_wrong.load(Ordering::Relaxed) != import.no)
    }

    /// Remembers that an import brings known products.
    pub(super) fn met_known(&self, import_no: i64) {
        self.guessed_wrong.store(import_no, Ordering::Relaxed);
    }

    /// Begins a transaction that writes products.
    pub(super) async fn importing(&self) -> Result<Tx> {
        let conn = self.read().await?.0;
        Tx::begin(conn, IMPORTING).await.map_err(|e| self.error(&e))
    }

    /// Begins any other transaction.
    pub(super) async fn write(&self) -> Result<Tx> {
        let conn = self.read().await?.0;
        Tx::begin(conn, WRITING).await.map_err(|e| self.error(&e))
    }

    /// A connection, for statements that need no transaction.
    pub(super) async fn read(&self) -> Result<Lent> {
        let conn = self.pool.acquire().await.map_err(|e| self.error(&e))?;
        Ok(Lent(Conn::new(conn, Arc::clone(&self.slow))))
    }

    pub(super) async fn commit(&self, tx: Tx) -> Result<()> {
        self.fault("commit")?;
        tx.commit().await.map_err(|e| self.error(&e))?;
        self.fault("committed")
    }

    pub(super) async fn roll_back(&self, tx: Tx) -> Result<()> {
        tx.roll_back().await.map_err(|e| self.error(&e))
    }

    pub(super) fn error(&self, error: &sqlx::Error) -> CatalogError {
        error::from_sqlx(&self.server.at, error)
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

/// Brings the tables up to date. Where they are, nothing is asked of the database user but to read the ledger, so that
/// workers need no right to create anything.
async fn migrate(conn: &mut PgConnection, at: &str) -> Result<()> {
    let failed = |e: sqlx::Error| error::from_sqlx(at, &e);
    let latest = MIGRATIONS[MIGRATIONS.len() - 1].0;
    let ledger: bool = sqlx::query_scalar(HAS_LEDGER).fetch_one(&mut *conn).await.map_err(failed)?;
    if ledger {
        let (applied, whole): (i64, bool) =
            sqlx::query_as(APPLIED).fetch_one(&mut *conn).await.map_err(failed)?;
        if applied > latest {
            return Err(CatalogError::NewerVersion { at: at.to_owned(), migration: applied });
        }
        if applied == latest && whole {
            return Ok(());
        }
    }
    migrator().run(conn).await.map_err(|e| error::from_migrate(at, &e))
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.to_vec())
}
