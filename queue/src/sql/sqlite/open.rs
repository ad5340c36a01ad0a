//! Opening a store.

use super::{
    Durability, Fault, File, Result, SqliteOptions, SqliteStore, bell::Bell, fault, presence::Presence,
    schema, turnstile::Turnstile,
};
use crate::StoreError;
use sqlx::{
    ConnectOptions, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Pages of the write-ahead log after which a commit copies it back into the file (16 MiB).
const CHECKPOINT_PAGES: &str = "4000";
/// Page cache of the writer, in KiB.
const WRITER_CACHE: &str = "-65536";
const READER_CACHE: &str = "-8192";

impl SqliteStore {
    /// Opens the queue in the file `path`, which is created if it is not there (with its folder), and brought to the
    /// present version. Must be called inside a tokio runtime, which then listens for wake-ups.
    ///
    /// # Errors
    /// [`StoreError::Newer`] and [`StoreError::Corrupt`] when the file is not for us, [`StoreError::Full`] and
    /// [`StoreError::Unavailable`] when it may work later, [`StoreError::Failed`] when the file cannot be opened.
    pub async fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, StoreError> {
        let path = path.as_ref();
        open(path, options).await.map_err(|error| fault::classify(error, path))
    }
}

async fn open(path: &Path, options: SqliteOptions) -> Result<SqliteStore> {
    let folder = folder_of(path);
    std::fs::create_dir_all(&folder)?;
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .busy_timeout(options.busy_timeout)
        .foreign_keys(false)
        .synchronous(match options.durability {
            Durability::Normal => SqliteSynchronous::Normal,
            Durability::Full => SqliteSynchronous::Full,
        })
        .statement_cache_capacity(256)
        .row_buffer_size(512)
        .pragma("temp_store", "memory")
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("journal_size_limit", "33554432")
        .disable_statement_logging();
    schema::prepare(&connect, &folder).await?;

    let writer =
        connect.clone().pragma("cache_size", WRITER_CACHE).thread_name(|n| format!("queue-writer-{n}"));
    let reader = connect.pragma("cache_size", READER_CACHE).pragma("query_only", "on");
    let writer = pool(writer, 1, options.busy_timeout).await?;
    let readers = pool(reader, 2, options.busy_timeout).await?;
    let presence = Presence::appear(&folder)?;
    let bell = Bell::hang(path, &folder, presence.name(), options.look_every)?;
    let file = File {
        path: path.to_owned(),
        writer,
        turnstile: Turnstile::open(&folder, options.busy_timeout)?,
        readers,
        bell,
        presence,
        folder,
    };
    SqliteStore::on(file, options.clock).await
}

async fn pool(options: SqliteConnectOptions, connections: u32, busy: Duration) -> Result<SqlitePool> {
    let pool = SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(busy.max(Duration::from_secs(1)) * 3)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None);
    pool.connect_with(options).await.map_err(Fault::Sql)
}

fn folder_of(path: &Path) -> PathBuf {
    let mut folder = path.as_os_str().to_owned();
    folder.push(".workers");
    folder.into()
}
