//! The conformance suite on a file: plain, and behind a bad line.

use super::{SqliteOptions, SqliteStore};
use crate::conformance::{Bed, Through, lab, model};
use crate::{Faults, Faulty, ManualClock, Retrying, Store, WorkerId};
use async_trait::async_trait;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

pub(super) struct FileBed {
    folder: TempDir,
    clock: Arc<ManualClock>,
    store: Mutex<Option<Arc<SqliteStore>>>,
}

impl FileBed {
    pub(super) fn sqlite(&self) -> Arc<SqliteStore> {
        Arc::clone(self.store.lock().unwrap().as_ref().unwrap())
    }

    async fn open(&self) -> Arc<SqliteStore> {
        let clock = Arc::clone(&self.clock);
        let options = SqliteOptions { clock, ..SqliteOptions::default() };
        Arc::new(SqliteStore::open(self.folder.path().join("queue.db"), options).await.unwrap())
    }
}

#[async_trait]
impl Bed for FileBed {
    fn store(&self) -> Arc<dyn Store> {
        self.sqlite()
    }

    fn clock(&self) -> Arc<ManualClock> {
        Arc::clone(&self.clock)
    }

    /// Moves the worker into a process of its own, and ends that: its lock is released.
    async fn kill(&self, worker: &WorkerId) {
        let doomed = self.open().await;
        let found = self.store().workers().await.unwrap().into_iter().find(|status| status.id == *worker);
        let patience = lab::PATIENCE;
        doomed
            .check_in(&crate::WorkerInfo { host: found.unwrap().host, ..lab::info(&worker.0, patience) })
            .await
            .unwrap();
    }

    async fn reopen(&self) -> Arc<dyn Store> {
        *self.store.lock().unwrap() = None;
        let store = self.open().await;
        *self.store.lock().unwrap() = Some(Arc::clone(&store));
        store
    }

    async fn another(&self) -> Arc<dyn Store> {
        self.open().await
    }
}

pub(super) async fn bed() -> FileBed {
    let bed = FileBed {
        folder: tempfile::tempdir().unwrap(),
        clock: Arc::new(ManualClock::new(lab::START)),
        store: Mutex::new(None),
    };
    bed.reopen().await;
    bed
}

crate::conformance!(bed);
crate::conformance_bytes!(bed);
crate::conformance_durable!(bed);
crate::conformance_shared!(bed);
crate::conformance_fair!(bed);
crate::conformance_adopts!(bed);
crate::conformance_fair_durable!(bed);

#[test]
fn random_sequences_agree_with_the_naive_model() {
    model::check(bed, 100);
}

#[tokio::test]
async fn a_claim_of_large_payloads_is_cut_short_and_asks_to_look_again() {
    let lab = lab::Lab::new(bed().await).await;
    let large = |job| crate::NewJob { payload: vec![b' '; crate::NewJob::MAX_PAYLOAD_BYTES], ..job };
    lab.put_all(lab::jobs("large", 40).into_iter().map(large).collect()).await;
    let first = lab.claim(&lab::Lab::request(500)).await;
    assert_eq!((first.leases.len(), first.next_due), (32, Some(lab.now())));
    let second = lab.claim(&lab::Lab::request(500)).await;
    assert_eq!((second.leases.len(), second.next_due), (8, None));
}

mod behind_a_bad_line {
    use super::{Arc, Bed, Faults, Faulty, Retrying, Through, model};

    async fn bed() -> impl Bed {
        let faulty = |store| Retrying::new(Arc::new(Faulty::new(store, Faults::HIDDEN, 7)));
        Through::new(super::bed().await, faulty)
    }

    crate::conformance!(bed);
    crate::conformance_bytes!(bed);
    crate::conformance_fair!(bed);

    #[test]
    fn random_sequences_agree_with_the_naive_model() {
        model::check(bed, 30);
    }
}
