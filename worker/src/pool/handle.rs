//! Stopping and watching a pool from outside.

use super::Refusal;
use crate::{PoolStats, lane::Lane};
use backstock_queue::{StoreError, WorkerId};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// Stops and watches a pool. Clones share it; it may outlive the pool.
#[derive(Clone, Debug)]
pub struct PoolHandle {
    worker: WorkerId,
    lanes: Vec<Arc<Lane>>,
    stop: watch::Sender<Urgency>,
    refusal: Arc<Refusal>,
}

/// Whether a pool gets at its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// How long ago the store last answered the lane that has waited longest. A lane whose places are all taken needs
    /// nothing and does not wait. Idle lanes ask about once a second, so more than about 30 s means that the store cannot
    /// be reached or that this process is stuck.
    pub waiting_for_store: Duration,
}

/// How soon a pool is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    None,
    Graceful,
    Immediate,
}

impl Urgency {
    /// Waits until at least `urgency` was asked for.
    pub async fn asked(stop: &mut watch::Receiver<Self>, urgency: Self) {
        if stop.wait_for(|asked| *asked >= urgency).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl PoolHandle {
    pub(super) const fn new(
        worker: WorkerId,
        lanes: Vec<Arc<Lane>>,
        stop: watch::Sender<Urgency>,
        refusal: Arc<Refusal>,
    ) -> Self {
        Self { worker, lanes, stop, refusal }
    }

    /// Waits until the store refuses all work ([`StoreError::ends_work`]), which ends the pool; why. Never ends otherwise.
    pub async fn refused(&self) -> &StoreError {
        self.refusal.told().await
    }

    /// Asks the pool to shut down gracefully; asked again, it does not wait for running calls.
    pub fn stop(&self) {
        self.stop.send_modify(|urgency| {
            *urgency = if *urgency == Urgency::None { Urgency::Graceful } else { Urgency::Immediate };
        });
    }

    /// Asks the pool to shut down without waiting for running calls: their jobs are handed back.
    pub fn stop_now(&self) {
        self.stop.send_replace(Urgency::Immediate);
    }

    /// The identity under which it claims.
    pub const fn worker(&self) -> &WorkerId {
        &self.worker
    }

    /// What it did so far.
    pub fn stats(&self) -> PoolStats {
        PoolStats { lanes: self.lanes.iter().map(|lane| lane.stats()).collect() }
    }

    /// Whether it gets at its work.
    pub fn health(&self) -> Health {
        let waits = self.lanes.iter().map(|lane| lane.unhealthy_for());
        Health { waiting_for_store: waits.max().unwrap_or_default() }
    }
}
