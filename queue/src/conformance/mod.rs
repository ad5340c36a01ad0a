//! The suite every store must pass: one behaviour, one small function with a sentence for a name.
//!
//! A store's test file names a [`Bed`] and lists the suite; each behaviour becomes a test of its own:
//!
//! ```ignore
//! struct MyBed { /* store and clock */ }
//! #[async_trait::async_trait]
//! impl Bed for MyBed { /* … */ }
//! async fn bed() -> MyBed { /* an empty store under a turned clock */ }
//!
//! backstock_queue::conformance!(bed);
//! backstock_queue::conformance_bytes!(bed); // stores that keep payloads as they are given
//! backstock_queue::conformance_durable!(bed); // stores with `Capabilities::durable`
//! backstock_queue::conformance_shared!(bed); // stores with `Capabilities::shared`
//! backstock_queue::conformance_fair!(bed); // stores with `Capabilities::fair`
//! backstock_queue::conformance_fair_durable!(bed); // stores with both `fair` and `durable`
//! backstock_queue::conformance_adopts!(bed); // stores that can be a ledger
//! ```
//!
//! Each of them that has a `conformance_plain…` is made of that and of a `conformance_recorded…`; stores without
//! `Capabilities::lists_every_job` list only the first.
//!
//! [`model`] adds random sequences of calls, compared with a model that is too simple to be wrong.

#![allow(missing_docs, reason = "a behaviour says what it is by its name")]

pub mod adopt;
pub mod bad_line;
pub mod bytes;
pub mod cancel;
pub mod coalesce;
pub mod cron;
pub mod dead_set;
pub mod delay;
pub mod durable;
pub mod enqueue;
pub mod expire;
pub mod fair;
pub mod group;
pub mod group_end;
pub mod inspection;
pub mod kinds;
pub mod lab;
pub mod leadership;
pub mod lease;
pub mod limits;
pub mod locks;
pub mod model;
pub mod order;
pub mod pause;
mod recorded_table;
pub mod rescue;
pub mod retention;
pub mod settle;
pub mod shared;
mod table;
pub mod unique;
pub mod volume;
pub mod wake_ups;

use crate::{Clock, ManualClock, Store, WorkerId};
use async_trait::async_trait;
use std::sync::Arc;

pub use lab::Lab;

/// One empty store, the clock it reads, and the accidents that can befall it.
#[async_trait]
pub trait Bed: Send + Sync + 'static {
    /// The store.
    fn store(&self) -> Arc<dyn Store>;

    /// The clock the store reads.
    fn clock(&self) -> Arc<ManualClock>;

    /// What the sudden death of `worker`'s process does: when this returns, the next rescue takes its jobs back.
    async fn kill(&self, worker: &WorkerId);

    /// Closes the store and opens it again, as a restart does. Only asked of durable stores.
    async fn reopen(&self) -> Arc<dyn Store> {
        panic!("this store is not durable")
    }

    /// Another handle on the same data, as another process has. Only asked of shared stores.
    async fn another(&self) -> Arc<dyn Store> {
        panic!("this store is not shared")
    }
}

/// A bed whose store is seen through another: a decorator, or nothing but a pointer.
#[derive(Debug)]
pub struct Through<B> {
    bed: B,
    store: Arc<dyn Store>,
}

impl<B: Bed> Through<B> {
    /// `bed`, its store wrapped by `wrap`.
    pub fn new<S: Store>(bed: B, wrap: impl FnOnce(Arc<dyn Store>) -> S) -> Self {
        let store = Arc::new(wrap(bed.store()));
        Self { bed, store }
    }
}

#[async_trait]
impl<B: Bed> Bed for Through<B> {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    fn clock(&self) -> Arc<ManualClock> {
        self.bed.clock()
    }

    async fn kill(&self, worker: &WorkerId) {
        self.bed.kill(worker).await;
    }
}

/// The memory store under a clock that starts at a fixed moment.
#[derive(Debug)]
pub struct MemoryBed {
    store: Arc<crate::MemoryStore>,
    clock: Arc<ManualClock>,
}

impl Default for MemoryBed {
    fn default() -> Self {
        let clock = Arc::new(ManualClock::new(lab::START));
        let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        Self { store: Arc::new(crate::MemoryStore::new(shown)), clock }
    }
}

#[async_trait]
impl Bed for MemoryBed {
    fn store(&self) -> Arc<dyn Store> {
        Arc::<crate::MemoryStore>::clone(&self.store)
    }

    fn clock(&self) -> Arc<ManualClock> {
        Arc::clone(&self.clock)
    }

    async fn kill(&self, worker: &WorkerId) {
        self.store.kill(worker);
    }
}
