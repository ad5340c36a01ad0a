//! What a scheduler did so far, as plain numbers for whoever exports metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::watch;

/// Counts since the start of this scheduler, and whether it leads now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchedulerStats {
    /// Whether it leads.
    pub leads: bool,
    /// Jobs made available when they were due. Claims promote, too: those are not counted here.
    pub promoted: u64,
    /// Jobs taken back from dead workers and ended leases, and made available.
    pub rescued: u64,
    /// Jobs quarantined.
    pub quarantined: u64,
    /// Workers found dead.
    pub dead_workers: u64,
    /// Finished jobs deleted.
    pub pruned: u64,
}

/// Watches a scheduler from outside. Clones share it; it may outlive the scheduler.
#[derive(Clone, Debug)]
pub struct SchedulerHandle {
    pub(crate) tally: Arc<Tally>,
    pub(crate) leading: watch::Receiver<u64>,
}

impl SchedulerHandle {
    /// What the scheduler did so far.
    pub fn stats(&self) -> SchedulerStats {
        let Tally { promoted, rescued, quarantined, dead_workers, pruned } = &*self.tally;
        SchedulerStats {
            leads: *self.leading.borrow() > 0,
            promoted: promoted.load(Relaxed),
            rescued: rescued.load(Relaxed),
            quarantined: quarantined.load(Relaxed),
            dead_workers: dead_workers.load(Relaxed),
            pruned: pruned.load(Relaxed),
        }
    }
}

/// Where the duties count.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub promoted: AtomicU64,
    pub rescued: AtomicU64,
    pub quarantined: AtomicU64,
    pub dead_workers: AtomicU64,
    pub pruned: AtomicU64,
}

/// Adds `more` to `counter`.
pub(crate) fn add(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Relaxed);
}
