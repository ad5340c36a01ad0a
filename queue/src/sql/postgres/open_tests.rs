//! Servers and schemas that are not as they should be.

use super::{PostgresOptions, PostgresStore, testing::Schema};
use crate::conformance::lab;
use crate::{Enqueued, ManualClock, Store, StoreError};
use std::sync::Arc;

fn schema() -> Schema {
    Schema::new(&Arc::new(ManualClock::new(lab::START)))
}

#[tokio::test]
async fn many_may_open_a_new_schema_at_once() {
    let schema = schema();
    let stores = futures::future::join_all((0..4).map(|_| schema.open())).await;
    for (index, store) in stores.iter().enumerate() {
        store.enqueue(vec![lab::job(&index.to_string())]).await.unwrap();
    }
    assert_eq!(stores[0].queues().await.unwrap()[0].counts.values().sum::<u64>(), 4);
}

#[tokio::test]
async fn a_schema_of_a_newer_version_is_left_alone() {
    let schema = schema();
    let store = schema.open().await;
    sqlx::raw_sql(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', true, '\\x00', 0)",
    )
    .execute(&store.engine.pool)
    .await
    .unwrap();
    let error = PostgresStore::open(&schema.url, schema.options.clone()).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { .. }), "{error}");
}

#[tokio::test]
async fn a_wrong_database_and_a_server_that_is_away_are_told_apart() {
    let missing = format!("{}_that_nobody_made", schema().url);
    let error = PostgresStore::open(&missing, PostgresOptions::default()).await.unwrap_err();
    assert!(!error.is_transient() && error.to_string().contains("not there"), "{error}");
    let nobody = "postgres://user:s3cret@127.0.0.1:1/db";
    let error = PostgresStore::open(nobody, PostgresOptions::default()).await.unwrap_err();
    assert!(error.is_transient() && !error.to_string().contains("s3cret"), "{error}");
}

#[tokio::test]
async fn a_store_goes_on_when_the_server_ends_its_connections() {
    let schema = Schema::alone(&Arc::new(ManualClock::new(lab::START)));
    let (store, other) = (schema.open().await, schema.open().await);
    store.enqueue(vec![lab::job("before")]).await.unwrap();
    sqlx::raw_sql(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE pid <> pg_backend_pid() AND datname = current_database() AND application_name = 'backstock'
            AND query LIKE '%job%'",
    )
    .execute(&other.engine.pool)
    .await
    .unwrap();
    let again = async || loop {
        match store.enqueue(vec![lab::job("after")]).await {
            Ok(stored) => return stored,
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
    };
    assert!(matches!(again().await[..], [Enqueued::New(_) | Enqueued::Existing(_)]));
    assert!(store.job(lab::id("before")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_call_that_is_dropped_half_way_leaves_the_store_usable() {
    let store = schema().open().await;
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
    let page = crate::Page { offset: 0, limit: 500 };
    let stored = store.jobs(&crate::JobFilter::default(), page).await.unwrap();
    assert_eq!(counted, stored.len() as u64);
}

#[tokio::test]
async fn an_erased_schema_is_gone_and_another_stays() {
    let (one, two) = (schema(), schema());
    let (first, second) = (one.open().await, two.open().await);
    for store in [&first, &second] {
        store.enqueue(vec![lab::job("a")]).await.unwrap();
    }
    first.erase().await.unwrap();
    assert!(first.enqueue(vec![lab::job("b")]).await.is_err());
    assert!(second.job(lab::id("a")).await.unwrap().is_some());
    assert!(one.open().await.job(lab::id("a")).await.unwrap().is_none());
}
