//! Files that are not for us, and machines that are out of something.

use super::{SqliteOptions, SqliteStore, schema};
use crate::conformance::lab;
use crate::{Enqueued, NewJob, Store, StoreError};
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{path::Path, time::Duration};

async fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    let options = SqliteOptions { busy_timeout: Duration::from_millis(1), ..SqliteOptions::default() };
    SqliteStore::open(path, options).await
}

async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

fn big(name: &str) -> NewJob {
    NewJob { payload: vec![b' '; 100_000], ..lab::job(name) }
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    drop(open(&path).await.unwrap());
    let mut conn = raw(&path).await;
    sqlx::raw_sql(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', true, x'00', 0)",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    conn.close().await.unwrap();
    let error = open(&path).await.unwrap_err();
    assert!(matches!(&error, StoreError::Newer { location, .. } if location.contains("queue.db")), "{error}");
}

#[tokio::test]
async fn the_jobs_of_an_older_file_are_there_and_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let mut conn = raw(&path).await;
    schema::create_first_version(&mut conn).await;
    sqlx::raw_sql(
        "INSERT INTO queue (name) VALUES ('default');
         INSERT INTO lane (queue, kind, version) VALUES (1, 'work', 1);
         INSERT INTO job (seq, id, lane, queue, priority, state, bytes, enqueued_at, due_at, fairness_key)
         VALUES (1, x'00000000000000000000000000000001', 1, 1, 2, 1, 3, 0, 0, 'b'),
             (2, x'00000000000000000000000000000002', 1, 1, 2, 1, 3, 0, 0, 'b'),
             (3, x'00000000000000000000000000000003', 1, 1, 2, 1, 3, 0, 0, 'a'),
             (4, x'00000000000000000000000000000004', 1, 1, 2, 1, 3, 0, 0, ''),
             (5, x'00000000000000000000000000000005', 1, 1, 2, 1, 3, 0, 0, NULL);
         INSERT INTO payload (seq, body) VALUES (1, x'31'), (2, x'32'), (3, x'33'), (4, x'34'), (5, x'35')",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    conn.close().await.unwrap();
    let store = open(&path).await.unwrap();
    store.check_in(&lab::info("w", lab::PATIENCE)).await.unwrap();
    let leases = store.claim(&lab::Lab::request(9)).await.unwrap().leases;
    assert_eq!(lab::names(&leases), ["4", "3", "1", "5", "2"]);
    let empty = store.job(leases[0].job).await.unwrap().unwrap();
    assert_eq!(empty.fairness_key.as_deref(), Some(""));
}

#[tokio::test]
async fn what_is_not_a_database_is_called_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    std::fs::write(&path, "sku,title\n".repeat(1000)).unwrap();
    let error = open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn the_database_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let mut conn = raw(&path).await;
    sqlx::raw_sql("CREATE TABLE theirs (n)").execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_damaged_page_is_called_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    drop(open(&path).await.unwrap());
    for log in ["queue.db-wal", "queue.db-shm"] {
        std::fs::remove_file(folder.path().join(log)).ok();
    }
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100..].fill(0xAA);
    std::fs::write(&path, bytes).unwrap();
    let error = open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn a_folder_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(folder.path()).await.unwrap_err();
    assert!(!error.is_transient());
    assert!(error.to_string().contains(folder.path().to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn a_full_disk_passes_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("queue.db")).await.unwrap();
    store.enqueue(vec![lab::job("before")]).await.unwrap();
    let limit = |pages: &'static str| {
        let store = &store;
        async move { sqlx::raw_sql(pages).execute(&store.engine.writer).await.unwrap() }
    };
    limit("PRAGMA max_page_count = 1").await;
    let error = store.enqueue(vec![big("big")]).await.unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }) && error.is_transient(), "{error}");
    limit("PRAGMA max_page_count = 100000").await;
    assert_eq!(store.enqueue(vec![big("big")]).await.unwrap(), [Enqueued::New(lab::id("big"))]);
    assert!(store.job(lab::id("before")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_file_that_somebody_keeps_locked_is_busy_and_that_passes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let store = open(&path).await.unwrap();
    let mut other = raw(&path).await;
    let writing = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let error = store.enqueue(vec![lab::job("a")]).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }) && error.is_transient(), "{error}");
    writing.rollback().await.unwrap();
    store.enqueue(vec![lab::job("a")]).await.unwrap();
}

#[tokio::test]
async fn many_may_open_a_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/queue.db");
    let stores =
        futures::future::join_all((0..6).map(|_| SqliteStore::open(&path, SqliteOptions::default()))).await;
    for (index, store) in stores.iter().enumerate() {
        store.as_ref().unwrap().enqueue(vec![lab::job(&index.to_string())]).await.unwrap();
    }
    assert_eq!(stores[0].as_ref().unwrap().queues().await.unwrap()[0].counts.values().sum::<u64>(), 6);
}

#[tokio::test]
async fn a_call_that_is_dropped_half_way_leaves_the_store_usable() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("queue.db")).await.unwrap();
    for polls in 1..40 {
        let mut call = Box::pin(store.enqueue(vec![lab::job(&format!("dropped {polls}"))]));
        for _ in 0..polls {
            if futures::poll!(&mut call).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let last = store.enqueue(vec![lab::job("last")]).await.unwrap();
    assert_eq!(last, [Enqueued::New(lab::id("last"))]);
    let counted: u64 = store.queues().await.unwrap()[0].counts.values().sum();
    let stored =
        store.jobs(&crate::JobFilter::default(), crate::Page { offset: 0, limit: 500 }).await.unwrap();
    assert_eq!(counted, stored.len() as u64);
}
