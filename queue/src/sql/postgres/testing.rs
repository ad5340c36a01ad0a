//! For tests: schemas on the server of the test run.

use super::{PostgresOptions, PostgresStore};
use crate::conformance::lab;
use crate::{ManualClock, Store, WorkerId};
use backstock_testbed::SharedPostgres;
use std::sync::Arc;

/// A schema that no other test has.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) url: String,
    pub(crate) options: PostgresOptions,
}

impl Schema {
    /// In the database that every server has: making one takes longer than most tests.
    pub(crate) fn new(clock: &Arc<ManualClock>) -> Self {
        let port = SharedPostgres::get().expect("a private PostgreSQL for tests").port();
        Self::at(format!("postgres://postgres@127.0.0.1:{port}/postgres"), clock)
    }

    /// In a database of its own.
    pub(crate) fn alone(clock: &Arc<ManualClock>) -> Self {
        let server = SharedPostgres::get().expect("a private PostgreSQL for tests");
        Self::at(server.new_database().expect("a database"), clock)
    }

    fn at(url: String, clock: &Arc<ManualClock>) -> Self {
        let schema = uuid::Uuid::now_v7().simple().to_string();
        let options = PostgresOptions { schema, clock: Arc::clone(clock) as _, ..PostgresOptions::default() };
        Self { url, options }
    }

    /// As another process opens it.
    pub(crate) async fn open(&self) -> PostgresStore {
        PostgresStore::open(&self.url, self.options.clone()).await.unwrap()
    }
}

/// Makes a store think that `worker` was silent for longer than its patience.
pub(crate) async fn silence(store: &dyn Store, worker: &WorkerId) {
    let found = store.workers().await.unwrap().into_iter().find(|status| status.id == *worker).unwrap();
    let info = lab::info(&worker.0, std::time::Duration::ZERO);
    store.check_in(&crate::WorkerInfo { host: found.host, ..info }).await.unwrap();
}
