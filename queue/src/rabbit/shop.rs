//! For tests: deployments on the broker of the test run, and calls that wait for what comes.

use super::{QueueType, RabbitOptions, RabbitStore, names};
use crate::conformance::lab::{self, Lab};
use crate::{
    Claimed, Clock, JobFilter, JobRecord, ManualClock, MemoryStore, Outcome, Page, Priority, Settled,
    Settlement, Store, StoreError,
};
use backstock_testbed::SharedRabbit;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, options::BasicPublishOptions};
use std::sync::Arc;

/// A deployment on the broker of the test run; its ledger is in memory, shared by its stores.
pub(super) struct Shop {
    pub(super) url: String,
    pub(super) ledger: Arc<dyn Store>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) options: RabbitOptions,
}

impl Shop {
    pub(super) fn new() -> Self {
        Self::at(SharedRabbit::get().expect("a private RabbitMQ for tests").url())
    }

    pub(super) fn at(url: String) -> Self {
        let manual = Arc::new(ManualClock::new(lab::START));
        let clock = Arc::clone(&manual) as Arc<dyn Clock>;
        let prefix = uuid::Uuid::now_v7().simple().to_string();
        let options = RabbitOptions {
            prefix,
            clock: Arc::clone(&clock),
            carry_named_ids: true,
            queue_type: QueueType::Classic,
            ..RabbitOptions::default()
        };
        Self { url, ledger: Arc::new(MemoryStore::new(clock)), clock: manual, options }
    }

    pub(super) async fn try_open(&self) -> Result<RabbitStore, StoreError> {
        RabbitStore::open(&self.url, Arc::clone(&self.ledger), self.options.clone()).await
    }

    /// A store as a process of its own has, with a worker "w".
    pub(super) async fn open(&self) -> RabbitStore {
        let store = self.try_open().await.unwrap();
        store.check_in(&lab::info("w", lab::PATIENCE)).await.unwrap();
        store
    }

    /// What another program does on the broker.
    pub(super) async fn channel(&self) -> (Connection, Channel) {
        let connection = Connection::connect(&self.url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        (connection, channel)
    }

    pub(super) fn band(&self) -> String {
        names::band(&self.options.prefix, lab::QUEUE, Priority::Normal).unwrap()
    }

    pub(super) async fn put_by_hand(&self, channel: &Channel, body: &[u8], properties: BasicProperties) {
        let (to, options) = (self.band().as_str().into(), BasicPublishOptions::default());
        channel.basic_publish("".into(), to, options, body, properties).await.unwrap();
    }
}

/// Claims until there is something.
pub(super) async fn claim(store: &RabbitStore, max: usize) -> Claimed {
    loop {
        let claimed = until_it_passes(async || store.claim(&Lab::request(max)).await).await;
        if !claimed.leases.is_empty() {
            return claimed;
        }
        tokio::task::yield_now().await;
    }
}

/// Repeats a call until the store is there again.
pub(super) async fn until_it_passes<T>(mut call: impl AsyncFnMut() -> Result<T, StoreError>) -> T {
    loop {
        match call().await {
            Ok(answer) => return answer,
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
        tokio::task::yield_now().await;
    }
}

pub(super) async fn complete(store: &RabbitStore, claimed: &Claimed) -> Vec<Settled> {
    let end = |lease: &crate::Lease| Settlement::new(lease.key(), Outcome::Complete);
    store.settle(claimed.leases.iter().map(end).collect()).await.unwrap()
}

pub(super) async fn recorded(shop: &Shop) -> Vec<JobRecord> {
    shop.ledger.jobs(&JobFilter::default(), Page { offset: 0, limit: 500 }).await.unwrap()
}
