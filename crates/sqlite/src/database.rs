//! An open file: one connection writes, a few read.

use crate::Trouble;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::pool::PoolConnectionMetadata;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqlSafeStr, Sqlite, SqliteConnection, SqlitePool, Transaction};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

const READERS: u32 = 4;
/// Two processes that create the file at the same moment: the loser finds the tables made and looks again.
const MIGRATION_TRIES: usize = 3;
/// Pages of the write-ahead log after which a commit copies it back into the file (16 MiB).
const CHECKPOINT_PAGES: &str = "4000";
/// The log is cut to this length when it is empty, in bytes.
const JOURNAL_SIZE_LIMIT: &str = "67108864";

/// Number, name and SQL of each migration, in order.
pub type Migrations = &'static [(i64, &'static str, &'static str)];

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long a statement waits for another process's write lock. Default 10 s.
    pub busy_timeout: Duration,
    /// Whether a commit survives a loss of power (and waits for the disk); else it survives a crash of the process.
    /// Default false.
    pub power_safe: bool,
    /// Page cache of the writing connection, in KiB. Default 2 MiB.
    pub cache_kib: u32,
    /// Rows that a connection's thread may be ahead of who reads them. Default 50.
    pub row_buffer: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { busy_timeout: Duration::from_secs(10), power_safe: false, cache_kib: 2_000, row_buffer: 50 }
    }
}

/// Before another attempt to connect to a file that somebody else is setting up.
const AGAIN: Duration = Duration::from_millis(5);

/// The first connection to a file. While another one turns a new file over to the write-ahead log, SQLite refuses at once,
/// whatever its time-out.
async fn connect_first(
    pool: SqlitePoolOptions,
    options: SqliteConnectOptions,
    patience: Duration,
) -> Result<SqlitePool, Trouble> {
    let began = tokio::time::Instant::now();
    loop {
        match pool.clone().connect_with(options.clone()).await.map_err(|error| Trouble::of(&error)) {
            Err(Trouble::Locked) if began.elapsed() < patience => tokio::time::sleep(AGAIN).await,
            connected => return connected,
        }
    }
}

/// An open file. Cheap to clone; clones share the connections.
#[derive(Clone, Debug)]
pub struct Database {
    path: PathBuf,
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Database {
    /// Opens the file, makes it when missing (its folder must exist), and brings its tables up to date.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn open(path: &Path, migrations: Migrations, options: Options) -> Result<Self, Trouble> {
        let connect = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(if options.power_safe { SqliteSynchronous::Full } else { SqliteSynchronous::Normal })
            .busy_timeout(options.busy_timeout)
            .row_buffer_size(options.row_buffer)
            .disable_statement_logging();
        let writing = connect
            .clone()
            .pragma("cache_size", format!("-{}", options.cache_kib))
            .pragma("temp_store", "MEMORY")
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("journal_size_limit", JOURNAL_SIZE_LIMIT);
        let failed = |error: sqlx::Error| Trouble::of(&error);
        let writer = SqlitePoolOptions::new().max_connections(1).before_acquire(at_rest);
        let writer = Box::pin(connect_first(writer, writing, options.busy_timeout)).await?;
        migrate(&writer, migrations).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(connect.pragma("query_only", "ON"))
            .await
            .map_err(failed)?;
        Ok(Self { path: path.to_path_buf(), writer, readers })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The connections that read.
    pub const fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// The connection that writes. Transactions begin with [`Database::begin`].
    pub const fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// Begins a transaction that holds the write lock from the start, so that it cannot fail half-way for it.
    pub async fn begin(&self) -> sqlx::Result<Transaction<'static, Sqlite>> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    /// Waits for running calls and closes the file; later calls fail. Needed only to be sure that the write-ahead log
    /// is merged: dropping is safe.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Whether a connection can begin a transaction. A full disk makes SQLite roll back by itself; the driver does not notice,
/// believes the transaction to be open, and would refuse every further one: such a connection is closed.
fn at_rest(
    connection: &mut SqliteConnection,
    _: PoolConnectionMetadata,
) -> Pin<Box<dyn Future<Output = sqlx::Result<bool>> + Send + '_>> {
    Box::pin(async { Ok(!connection.is_in_transaction()) })
}

async fn migrate(writer: &SqlitePool, migrations: Migrations) -> Result<(), Trouble> {
    let migration = |&(version, name, sql): &(i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    let migrator = Migrator::with_migrations(migrations.iter().map(migration).collect());
    let mut outcome = Ok(());
    for _ in 0..MIGRATION_TRIES {
        outcome = migrator.run(writer).await.map_err(|error| Trouble::of_migration(&error));
        if !matches!(outcome, Err(Trouble::Unexpected(_) | Trouble::Locked)) {
            break;
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTES: Migrations =
        &[(1, "notes", "CREATE TABLE note (n INTEGER PRIMARY KEY, text TEXT NOT NULL)")];

    async fn open(dir: &tempfile::TempDir) -> Result<Database, Trouble> {
        Database::open(&dir.path().join("notes.db"), NOTES, Options::default()).await
    }

    async fn add(notes: &Database, text: &str) -> sqlx::Result<()> {
        let mut tx = notes.begin().await?;
        sqlx::query("INSERT INTO note (text) VALUES (?1)").bind(text.to_owned()).execute(&mut *tx).await?;
        tx.commit().await
    }

    async fn texts(notes: &Database) -> Vec<String> {
        sqlx::query_scalar("SELECT text FROM note ORDER BY n").fetch_all(notes.readers()).await.unwrap()
    }

    async fn most_pages(notes: &Database, pages: &'static str) {
        sqlx::query(pages).execute(notes.writer()).await.unwrap();
    }

    #[tokio::test]
    async fn writing_goes_on_when_a_full_disk_has_room_again() {
        let dir = tempfile::tempdir().unwrap();
        let notes = open(&dir).await.unwrap();
        add(&notes, "before").await.unwrap();
        most_pages(&notes, "PRAGMA max_page_count = 1").await;
        let long = "x".repeat(100_000);
        for _ in 0..2 {
            let error = add(&notes, &long).await.unwrap_err();
            assert_eq!(Trouble::of(&error), Trouble::DiskFull);
            // The limit is of the connection: a fresh one has to be told again.
            drop(notes.begin().await.unwrap());
            most_pages(&notes, "PRAGMA max_page_count = 1").await;
        }
        most_pages(&notes, "PRAGMA max_page_count = 100000").await;
        add(&notes, "after").await.unwrap();
        assert_eq!(texts(&notes).await, ["before", "after"]);
    }

    #[tokio::test]
    async fn many_that_meet_a_full_disk_at_once_are_told_that_it_is_full() {
        let dir = tempfile::tempdir().unwrap();
        let notes = open(&dir).await.unwrap();
        let long = "x".repeat(100_000);
        let attempt = || async {
            let mut tx = notes.begin().await?;
            sqlx::query("PRAGMA max_page_count = 1").execute(&mut *tx).await?;
            let insert = sqlx::query("INSERT INTO note (text) VALUES (?1)").bind(long.clone());
            insert.execute(&mut *tx).await?;
            tx.commit().await
        };
        let ended = tokio::join!(attempt(), attempt(), attempt(), attempt(), attempt(), attempt());
        for ended in [ended.0, ended.1, ended.2, ended.3, ended.4, ended.5] {
            assert_eq!(Trouble::of(&ended.unwrap_err()), Trouble::DiskFull);
        }
        add(&notes, "after").await.unwrap();
    }

    #[tokio::test]
    async fn files_of_others_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let notes = open(&dir).await.unwrap();
        sqlx::query("UPDATE _sqlx_migrations SET version = 9").execute(notes.writer()).await.unwrap();
        notes.close().await;
        assert_eq!(open(&dir).await.unwrap_err(), Trouble::NewerVersion(9));
        std::fs::write(dir.path().join("notes.db"), "no database at all ".repeat(100)).unwrap();
        assert!(matches!(open(&dir).await.unwrap_err(), Trouble::Corrupt(_)));
        std::fs::remove_dir_all(dir.path()).unwrap();
        assert!(matches!(open(&dir).await.unwrap_err(), Trouble::Open(_)));
    }

    #[tokio::test]
    async fn two_that_make_the_file_at_once_both_open_it() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = tokio::join!(open(&dir), open(&dir));
        add(&a.unwrap(), "a").await.unwrap();
        let b = b.unwrap();
        add(&b, "b").await.unwrap();
        assert_eq!(texts(&b).await, ["a", "b"]);
    }
}
