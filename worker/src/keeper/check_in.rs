//! Says that the worker lives.

use backstock_queue::{Store, StoreError, WorkerInfo};
use backstock_service::{Next, Service};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

pub(super) struct CheckIn {
    store: Arc<dyn Store>,
    worker: WorkerInfo,
    every: Duration,
    introduced: watch::Sender<bool>,
}

impl CheckIn {
    pub fn new(
        store: Arc<dyn Store>,
        worker: WorkerInfo,
        every: Duration,
        introduced: watch::Sender<bool>,
    ) -> Self {
        Self { store, worker, every, introduced }
    }
}

impl Service for CheckIn {
    const NAME: &'static str = "check_in";
    const TICK_LIMIT: Duration = Duration::from_secs(5);
    type Error = StoreError;

    async fn tick(&mut self) -> Result<Next, StoreError> {
        self.store.check_in(&self.worker).await?;
        self.introduced.send_replace(true);
        Ok(Next::After(self.every))
    }
}
