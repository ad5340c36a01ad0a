//! Leadership: at most one scheduler does the work.

use backstock_queue::{Clock, Fence, Leadership, Store, StoreError, WorkerId};
use backstock_service::{Next, Service};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::{sync::watch, time::Instant};

const ROLE: &str = "scheduler";
/// Between two looks of a follower, at least.
const SHORTEST_LOOK: Duration = Duration::from_millis(20);

/// What this scheduler knows of its own leadership. It ends by itself when it is not renewed in time.
#[derive(Debug)]
pub(crate) struct Term {
    held: Mutex<Option<(Fence, Instant)>>,
    /// Token of the present term plus one; zero when another scheduler leads.
    number: watch::Sender<u64>,
}

impl Term {
    pub fn new() -> Self {
        Self { held: Mutex::new(None), number: watch::Sender::new(0) }
    }

    /// A term won elsewhere.
    #[cfg(test)]
    pub fn held(fence: Fence, until: Instant) -> Self {
        let term = Self::new();
        term.set(Some((fence, until)));
        term
    }

    /// The token of the present term, while this scheduler leads.
    pub fn current(&self) -> Option<Fence> {
        let held = *self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.filter(|(_, until)| Instant::now() < *until).map(|(fence, _)| fence)
    }

    /// Changes when leadership is won or lost.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.number.subscribe()
    }

    fn set(&self, term: Option<(Fence, Instant)>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = term;
        let number = term.map_or(0, |(fence, _)| fence.0.saturating_add(1));
        self.number.send_if_modified(|shown| std::mem::replace(shown, number) != number);
    }
}

/// Wins, keeps and gives up leadership.
#[derive(Debug)]
pub(crate) struct Leader {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub who: WorkerId,
    pub leadership: Duration,
    pub renewal: Duration,
    pub term: Arc<Term>,
}

impl Service for Leader {
    const NAME: &'static str = "leader";
    /// A call that hangs must not outlive the leadership it was to renew.
    const TICK_LIMIT: Duration = Duration::from_secs(2);
    type Error = StoreError;

    async fn tick(&mut self) -> Result<Next, StoreError> {
        if self.term.current().is_none() {
            self.term.set(None);
        }
        // The term counts from before the question, so that it ends here no later than in the store.
        let asked = Instant::now();
        let led_before = self.term.current().is_some();
        match self.store.lead(ROLE, &self.who, self.leadership).await? {
            Leadership::Leader(fence) => {
                self.term.set(Some((fence, asked + self.leadership)));
                if !led_before {
                    tracing::info!(who = %self.who, fence = fence.0, "leads");
                }
                Ok(Next::After(self.renewal))
            }
            Leadership::Follower { leader, until } => {
                self.term.set(None);
                if led_before {
                    tracing::warn!(who = %self.who, %leader, "lost leadership");
                }
                // At the very end of the other's term, so that a dead leader is replaced at once.
                let left = until.since(self.clock.now()) + Duration::from_millis(1);
                Ok(Next::After(left.clamp(SHORTEST_LOOK, self.renewal)))
            }
        }
    }

    async fn stop(&mut self) {
        self.term.set(None);
        if let Err(error) = self.store.resign(ROLE, &self.who).await {
            tracing::warn!(%error, "could not resign; another scheduler leads when the term is over");
        }
    }
}
