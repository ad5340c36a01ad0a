//! The conformance suite on the broker of the test run, with a ledger in a file or on PostgreSQL: recorded in full, and
//! plain.

use super::{QueueType, RabbitOptions, RabbitStore, Record};
use crate::conformance::{Bed, Through, lab, model};
use crate::sql::testing::{Schema, silence};
use crate::{Faults, Faulty, ManualClock, Retrying, SqliteOptions, SqliteStore, Store, WorkerId, WorkerInfo};
use async_trait::async_trait;
use backstock_testbed::SharedRabbit;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// Where the ledger is.
enum Place {
    File(TempDir),
    Schema(Schema),
}

pub(super) struct BrokerBed {
    place: Place,
    clock: Arc<ManualClock>,
    options: RabbitOptions,
    store: Mutex<Option<Arc<RabbitStore>>>,
}

impl BrokerBed {
    /// With its ledger in a file.
    async fn new(options: RabbitOptions) -> Self {
        let clock = Arc::new(ManualClock::new(lab::START));
        Self::beside(Place::File(tempfile::tempdir().unwrap()), clock, options).await
    }

    /// With its ledger on PostgreSQL.
    async fn on_postgres(options: RabbitOptions) -> Self {
        let clock = Arc::new(ManualClock::new(lab::START));
        Self::beside(Place::Schema(Schema::new(&clock)), clock, options).await
    }

    async fn beside(place: Place, clock: Arc<ManualClock>, options: RabbitOptions) -> Self {
        let prefix = uuid::Uuid::now_v7().simple().to_string();
        let options = RabbitOptions { prefix, clock: Arc::clone(&clock) as _, ..options };
        let bed = Self { place, clock, options, store: Mutex::new(None) };
        bed.reopen().await;
        bed
    }

    /// The store, with what only this module sees of it.
    pub(super) fn own(&self) -> Arc<RabbitStore> {
        Arc::clone(self.store.lock().unwrap().as_ref().unwrap())
    }

    async fn ledger(&self) -> Arc<dyn Store> {
        match &self.place {
            Place::File(folder) => {
                let options =
                    SqliteOptions { clock: Arc::clone(&self.clock) as _, ..SqliteOptions::default() };
                Arc::new(SqliteStore::open(folder.path().join("queue.db"), options).await.unwrap())
            }
            Place::Schema(schema) => Arc::new(schema.open().await),
        }
    }

    /// As another process opens it.
    pub(super) async fn open(&self) -> RabbitStore {
        let url = SharedRabbit::get().expect("a private RabbitMQ for tests").url();
        RabbitStore::open(&url, self.ledger().await, self.options.clone()).await.unwrap()
    }
}

#[async_trait]
impl Bed for BrokerBed {
    fn store(&self) -> Arc<dyn Store> {
        self.own() as Arc<dyn Store>
    }

    fn clock(&self) -> Arc<ManualClock> {
        Arc::clone(&self.clock)
    }

    /// Moves the worker into a process of its own, and ends that: the broker has its messages back, its lock is released.
    async fn kill(&self, worker: &WorkerId) {
        let own = self.own();
        own.shared.give_back(worker).await;
        if matches!(self.place, Place::Schema(_)) {
            return silence(&*own, worker).await;
        }
        let found = own.workers().await.unwrap().into_iter().find(|status| status.id == *worker);
        let doomed = self.ledger().await;
        let info = WorkerInfo { host: found.unwrap().host, ..lab::info(&worker.0, lab::PATIENCE) };
        doomed.check_in(&info).await.unwrap();
    }

    async fn reopen(&self) -> Arc<dyn Store> {
        let old = self.store.lock().unwrap().take();
        if let Some(old) = old {
            old.close().await.unwrap();
        }
        let store = Arc::new(self.open().await);
        *self.store.lock().unwrap() = Some(Arc::clone(&store));
        store
    }

    async fn another(&self) -> Arc<dyn Store> {
        Arc::new(self.open().await)
    }
}

mod recorded {
    use super::{BrokerBed, RabbitOptions, Record, model};

    async fn bed() -> BrokerBed {
        BrokerBed::new(RabbitOptions { record: Record::EveryJob, ..RabbitOptions::default() }).await
    }

    crate::conformance!(bed);
    crate::conformance_bytes!(bed);
    crate::conformance_durable!(bed);
    crate::conformance_shared!(bed);
    crate::conformance_fair!(bed);
    crate::conformance_fair_durable!(bed);

    #[test]
    fn random_sequences_agree_with_the_naive_model() {
        model::check(bed, 20);
    }
}

/// In the broker alone wherever that can be, named ids included, which the suite is full of.
mod plain {
    use super::{Arc, Bed, BrokerBed, Faults, Faulty, QueueType, RabbitOptions, Retrying, Through};

    async fn bed() -> BrokerBed {
        let queue_type = QueueType::Classic;
        BrokerBed::new(RabbitOptions { carry_named_ids: true, queue_type, ..RabbitOptions::default() }).await
    }

    crate::conformance_plain!(bed);
    crate::conformance_durable!(bed);
    crate::conformance_plain_shared!(bed);
    crate::conformance_plain_fair!(bed);
    crate::conformance_fair_durable!(bed);
    crate::conformance_adopts!(bed);

    mod behind_a_bad_line {
        use super::{Arc, Bed, Faults, Faulty, Retrying, Through};

        async fn bed() -> impl Bed {
            let faulty = |store| Retrying::new(Arc::new(Faulty::new(store, Faults::HIDDEN, 7)));
            Through::new(super::bed().await, faulty)
        }

        crate::conformance_plain!(bed);
        crate::conformance_plain_fair!(bed);
    }
}

/// As [`plain`], on the type of queues that is the default.
mod plain_on_quorum_queues {
    use super::{BrokerBed, RabbitOptions};

    async fn bed() -> BrokerBed {
        BrokerBed::new(RabbitOptions { carry_named_ids: true, ..RabbitOptions::default() }).await
    }

    crate::conformance_plain!(bed, together);
    crate::conformance_durable!(bed, together);
    crate::conformance_plain_shared!(bed, together);
}

/// As [`recorded`] and [`plain`], with a ledger on PostgreSQL.
mod with_a_ledger_on_postgres {
    use super::{BrokerBed, QueueType, RabbitOptions, Record};

    mod recorded {
        use super::{BrokerBed, RabbitOptions, Record};

        async fn bed() -> BrokerBed {
            let options = RabbitOptions { record: Record::EveryJob, ..RabbitOptions::default() };
            BrokerBed::on_postgres(options).await
        }

        crate::conformance!(bed);
        crate::conformance_bytes!(bed);
        crate::conformance_durable!(bed);
        crate::conformance_shared!(bed);
        crate::conformance_fair!(bed);
        crate::conformance_fair_durable!(bed);
    }

    mod plain {
        use super::{BrokerBed, QueueType, RabbitOptions};

        async fn bed() -> BrokerBed {
            let queue_type = QueueType::Classic;
            let options = RabbitOptions { carry_named_ids: true, queue_type, ..RabbitOptions::default() };
            BrokerBed::on_postgres(options).await
        }

        crate::conformance_plain!(bed);
        crate::conformance_durable!(bed);
        crate::conformance_plain_shared!(bed);
        crate::conformance_plain_fair!(bed);
        crate::conformance_fair_durable!(bed);
        crate::conformance_adopts!(bed);
    }
}
