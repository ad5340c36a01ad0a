//! What a leader does besides cron: promotes due jobs, rescues those of dead workers, prunes finished ones.

use crate::leader::Term;
use crate::stats::{Tally, add};
use backstock_queue::{Clock, Retention, Store, StoreError};
use backstock_service::{Next, Service};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};

/// How often a follower looks whether it leads; it is also told.
pub(crate) const FOLLOW: Duration = Duration::from_secs(10);
/// Longest pause between promotions: a job scheduled by another process may be due before anything known here.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Between two promotions, so that a flood of wake-ups does not become a flood of calls.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
/// Between two pieces of pruning, so that workers get their turn at the store.
const BETWEEN_PIECES: Duration = Duration::from_millis(10);

/// Makes due jobs available.
#[derive(Debug)]
pub(crate) struct Promoter {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub term: Arc<Term>,
    pub tally: Arc<Tally>,
    pub piece: usize,
    /// When the last promotion was.
    pub last: Option<Instant>,
}

impl Service for Promoter {
    const NAME: &'static str = "promoter";
    type Error = StoreError;

    async fn tick(&mut self) -> Result<Next, StoreError> {
        if self.term.current().is_none() {
            return Ok(Next::After(FOLLOW));
        }
        if let Some(last) = self.last {
            sleep_until(last + SHORTEST_PAUSE).await;
        }
        let promoted = self.store.promote(self.piece).await?;
        add(&self.tally.promoted, promoted.available);
        if promoted.available + promoted.expired > 0 {
            tracing::debug!(available = promoted.available, expired = promoted.expired, "promoted");
        }
        let now = self.clock.now();
        match promoted.next_due {
            // Still due: the call did its piece. Not limited, or a million due jobs would take their time.
            Some(due) if due <= now && promoted.available + promoted.expired > 0 => {
                self.last = None;
                Ok(Next::Now)
            }
            due => {
                self.last = Some(Instant::now());
                let pause = due.map_or(LONGEST_PAUSE, |due| due.since(now));
                Ok(Next::After(pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)))
            }
        }
    }
}

/// Takes jobs back from dead workers.
#[derive(Debug)]
pub(crate) struct Rescuer {
    pub store: Arc<dyn Store>,
    pub term: Arc<Term>,
    pub tally: Arc<Tally>,
    pub every: Duration,
    pub max_crashes: u32,
    pub piece: usize,
}

impl Service for Rescuer {
    const NAME: &'static str = "rescuer";
    type Error = StoreError;

    async fn tick(&mut self) -> Result<Next, StoreError> {
        if self.term.current().is_none() {
            return Ok(Next::After(FOLLOW));
        }
        let rescued = self.store.rescue(self.max_crashes, self.piece).await?;
        add(&self.tally.rescued, rescued.available.len());
        add(&self.tally.quarantined, rescued.quarantined.len());
        add(&self.tally.dead_workers, rescued.dead_workers.len());
        for worker in &rescued.dead_workers {
            tracing::warn!(%worker, "worker found dead");
        }
        for job in &rescued.quarantined {
            tracing::error!(%job, max_crashes = self.max_crashes, "job quarantined: its workers keep dying");
        }
        let jobs = rescued.available.len() + rescued.quarantined.len();
        if jobs > 0 {
            tracing::info!(available = rescued.available.len(), "jobs taken back");
        }
        Ok(if jobs >= self.piece { Next::Now } else { Next::After(self.every) })
    }
}

/// Deletes finished jobs beyond the retention.
#[derive(Debug)]
pub(crate) struct Pruner {
    pub store: Arc<dyn Store>,
    pub term: Arc<Term>,
    pub tally: Arc<Tally>,
    pub every: Duration,
    pub retention: Retention,
    pub piece: usize,
}

impl Service for Pruner {
    const NAME: &'static str = "pruner";
    type Error = StoreError;

    async fn tick(&mut self) -> Result<Next, StoreError> {
        if self.term.current().is_none() {
            return Ok(Next::After(FOLLOW));
        }
        let pruned = self.store.prune(&self.retention, self.piece).await?;
        add(&self.tally.pruned, pruned.jobs);
        if pruned.jobs > 0 {
            tracing::debug!(jobs = pruned.jobs, bytes = pruned.bytes, "pruned");
        }
        Ok(Next::After(if pruned.more { BETWEEN_PIECES } else { self.every }))
    }
}
