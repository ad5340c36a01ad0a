//! Opening `vectors.db`: connections and migrations.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqlSafeStr, SqlitePool};

use super::SqliteVectors;
use super::index::Shared;
use crate::VectorError;

const MIGRATIONS: [(i64, &str, &str); 1] =
    [(1, "vectors", include_str!("../../../../migrations/sqlite/vectors/0001_vectors.sql"))];

/// Two processes that create the file at the same moment: the loser finds the tables made and looks again.
const MIGRATION_TRIES: usize = 3;
const READERS: u32 = 4;

/// When a commit is on the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// Survives a crash of the process; the last commits may be lost when the machine loses power.
    #[default]
    Normal,
    /// Survives a loss of power, too; each commit waits for the disk.
    Full,
}

/// How the file is opened.
#[derive(Debug, Clone)]
pub struct SqliteVectorsOptions {
    /// The file; made when missing, its folder must exist.
    pub path: PathBuf,
    /// How long a write waits for another process's. Default 10 s.
    pub busy_timeout: Duration,
    /// Default [`Durability::Normal`].
    pub durability: Durability,
}

impl SqliteVectorsOptions {
    /// Defaults for a file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), busy_timeout: Duration::from_secs(10), durability: Durability::default() }
    }
}

impl SqliteVectors {
    /// Opens the file, makes it when missing, brings its tables up to date. Loads no vectors.
    ///
    /// # Errors
    /// [`VectorError::NewerVersion`] for a file of a later release, [`VectorError::Corrupt`] for a damaged
    /// or foreign one, [`VectorError::Open`], [`VectorError::ReadOnly`], [`VectorError::DiskFull`] and
    /// [`VectorError::Locked`] as named.
    pub async fn open(options: SqliteVectorsOptions) -> Result<Self, VectorError> {
        let path = options.path;
        let failed = |e: sqlx::Error| VectorError::from_sqlx(&path, &e);
        let connect = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(match options.durability {
                Durability::Normal => SqliteSynchronous::Normal,
                Durability::Full => SqliteSynchronous::Full,
            })
            .busy_timeout(options.busy_timeout)
            .disable_statement_logging();
        let writer_options =
            connect.clone().pragma("wal_autocheckpoint", "4000").pragma("journal_size_limit", "67108864");
        let writer =
            SqlitePoolOptions::new().max_connections(1).connect_with(writer_options).await.map_err(failed)?;
        migrate(&path, &writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(connect.pragma("query_only", "ON"))
            .await
            .map_err(failed)?;
        Ok(Self { path, writer, readers, shared: Arc::new(Shared::default()) })
    }
}

async fn migrate(path: &Path, writer: &SqlitePool) -> Result<(), VectorError> {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let migrator = Migrator::with_migrations(migrations.to_vec());
    let mut outcome = Ok(());
    for _ in 0..MIGRATION_TRIES {
        outcome = migrator.run(writer).await.map_err(|e| VectorError::from_migrate(path, &e));
        if !matches!(outcome, Err(VectorError::Unexpected { .. } | VectorError::Locked { .. })) {
            break;
        }
    }
    outcome
}
