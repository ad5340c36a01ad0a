//! The conformance suite in a schema of its own of the test run's server.

use super::{
    PostgresStore,
    testing::{Schema, silence},
};
use crate::conformance::{Bed, lab, model};
use crate::{ManualClock, Store, WorkerId};
use async_trait::async_trait;
use std::sync::{Arc, Mutex};

struct SchemaBed {
    schema: Schema,
    clock: Arc<ManualClock>,
    store: Mutex<Option<Arc<PostgresStore>>>,
}

#[async_trait]
impl Bed for SchemaBed {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(self.store.lock().unwrap().as_ref().unwrap()) as Arc<dyn Store>
    }

    fn clock(&self) -> Arc<ManualClock> {
        Arc::clone(&self.clock)
    }

    /// It falls silent: its patience is over.
    async fn kill(&self, worker: &WorkerId) {
        silence(&*self.store(), worker).await;
    }

    async fn reopen(&self) -> Arc<dyn Store> {
        let store = Arc::new(self.schema.open().await);
        *self.store.lock().unwrap() = Some(Arc::clone(&store));
        store
    }

    async fn another(&self) -> Arc<dyn Store> {
        Arc::new(self.schema.open().await)
    }
}

async fn bed() -> SchemaBed {
    let clock = Arc::new(ManualClock::new(lab::START));
    let bed = SchemaBed { schema: Schema::new(&clock), clock, store: Mutex::new(None) };
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
    model::check(bed, 20);
}
