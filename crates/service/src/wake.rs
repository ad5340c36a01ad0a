//! Reasons to tick early.

use futures::future::{self, FutureExt};
use tokio::sync::watch;

/// Wake-ups of one service: any number of watched counters, whose values have no meaning.
///
/// A change during a tick is not lost: it starts the next tick at once. Many changes may cause one tick.
#[derive(Debug, Default)]
pub struct Wake(Vec<watch::Receiver<u64>>);

impl Wake {
    /// No wake-ups: ticks come by time only.
    pub const fn never() -> Self {
        Self(Vec::new())
    }

    /// Wakes when `changes` changes. Ends silently when its sender is gone.
    pub fn on(changes: watch::Receiver<u64>) -> Self {
        Self::never().or(changes)
    }

    /// Wakes for `changes`, too.
    #[must_use]
    pub fn or(mut self, changes: watch::Receiver<u64>) -> Self {
        self.0.push(changes);
        self
    }

    /// Waits for a change since the last [`Wake::forget`]. Cancel safe; never ends without a source.
    pub(crate) async fn called(&mut self) {
        loop {
            if self.0.is_empty() {
                return future::pending().await;
            }
            let waits = self.0.iter_mut().map(|source| source.changed().boxed());
            let (change, index, others) = future::select_all(waits).await;
            drop(others);
            if change.is_ok() {
                return;
            }
            self.0.swap_remove(index);
        }
    }

    /// What changed up to now is covered by the tick about to start.
    pub(crate) fn forget(&mut self) {
        for source in &mut self.0 {
            source.mark_unchanged();
        }
    }
}
