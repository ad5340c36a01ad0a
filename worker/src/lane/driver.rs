//! The lane's conversation with the store.

use super::Lane;
use super::buffer::Ask;
use super::plan::Plan;
use backstock_queue::{Settlement, Store, StoreError};
use backstock_service::{Next, Service, Wake};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};

/// Claims and settles. All it knows is in the lane, so a crash of it loses nothing.
pub(crate) struct Driver {
    lane: Arc<Lane>,
    store: Arc<dyn Store>,
    store_changes: watch::Receiver<u64>,
}

impl Driver {
    /// The driver and what wakes it.
    pub fn new(lane: Arc<Lane>, store: Arc<dyn Store>) -> (Self, Wake) {
        let store_changes = store.wake_ups();
        let wake = Wake::on(store_changes.clone()).or(lane.bell.subscribe());
        (Self { lane, store, store_changes }, wake)
    }

    /// Settles and claims in as few round trips as possible.
    async fn talk(&self, settlements: Vec<Settlement>, ask: Option<Ask>) -> Result<(), StoreError> {
        let lane = &self.lane;
        let (began, wall) = (Instant::now(), lane.options.clock.now());
        let (settled, claimed) = match (settlements.is_empty(), ask) {
            (true, None) => return Ok(()),
            (false, None) => (self.store.settle(settlements).await?, None),
            (true, Some(ask)) => (Vec::new(), Some((ask, self.store.claim(&lane.claim(ask)).await?))),
            (false, Some(ask)) => {
                let (settled, claimed) = self.store.turn(settlements, &lane.claim(ask)).await?;
                (settled, Some((ask, claimed)))
            }
        };
        let now = Instant::now();
        let mut state = lane.state();
        state.talked(now.duration_since(began));
        state.settled(&settled, now);
        if let Some((ask, claimed)) = claimed {
            state.claimed(ask, claimed, now, wall);
        }
        Ok(())
    }
}

impl Service for Driver {
    const NAME: &'static str = "lane";
    const TICK_LIMIT: Duration = Duration::from_secs(30);
    type Error = StoreError;

    async fn tick(&mut self) -> Result<Next, StoreError> {
        let lane = Arc::clone(&self.lane);
        let woken = self.store_changes.has_changed().unwrap_or(false);
        self.store_changes.mark_unchanged();
        let plan = {
            let mut state = lane.state();
            if woken {
                state.woken();
            }
            Plan::make(&mut state, Instant::now(), lane.options.clock.now(), lane.options.fallback_poll)
        };
        let next = match plan {
            Plan::Rest(rest) => Next::After(rest),
            Plan::Talk(settlements, ask) => match self.talk(settlements, ask).await {
                Ok(()) => Next::Now,
                Err(error) => {
                    lane.store_failed(&error);
                    if !error.ends_work() {
                        return Err(error);
                    }
                    lane.refusal.tell(error);
                    Next::After(lane.options.fallback_poll)
                }
            },
        };
        let state = lane.state();
        let (drained, calls) = (state.is_drained(), !state.buffer.is_empty() && state.free() > 0);
        drop(state);
        if drained {
            lane.drained.send_replace(true);
        }
        if calls {
            lane.run_loop.wake();
        }
        Ok(next)
    }
}
