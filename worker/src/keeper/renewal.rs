//! Renews every lease the worker holds.

use crate::lane::Lane;
use backstock_queue::{Claim, Store, StoreError};
use backstock_service::{Next, Service};
use std::{sync::Arc, time::Duration};

pub(super) struct Renewals {
    store: Arc<dyn Store>,
    lanes: Vec<Arc<Lane>>,
    every: Duration,
    lease_for: Duration,
}

impl Renewals {
    pub fn new(store: Arc<dyn Store>, lanes: Vec<Arc<Lane>>, every: Duration, lease_for: Duration) -> Self {
        Self { store, lanes, every, lease_for }
    }
}

impl Service for Renewals {
    const NAME: &'static str = "lease_renewal";
    const TICK_LIMIT: Duration = Duration::from_secs(5);
    type Error = StoreError;

    async fn tick(&mut self) -> Result<Next, StoreError> {
        for lane in &self.lanes {
            for leases in lane.leases().chunks(Claim::MAX) {
                let renewals = self.store.renew(leases, self.lease_for).await?;
                lane.renewed(leases, &renewals);
            }
        }
        Ok(Next::After(self.every))
    }
}
