//! How many rows make a transaction.
//!
//! Larger transactions are cheaper a row, but hold locks and memory longer and lose more when they are interrupted. So the
//! catalog names bounds, and within them a batch is as large as what is committed in [`AIM`].

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long a transaction should take.
const AIM: Duration = Duration::from_millis(500);

/// The rows that the next batch should have. Shared by whoever applies batches and whoever reads them.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    rows: Arc<AtomicUsize>,
    bounds: RangeInclusive<usize>,
}

impl Pace {
    /// `fixed` rows, or within `bounds` where that is 0.
    pub(super) fn new(fixed: usize, bounds: RangeInclusive<usize>) -> Self {
        let bounds = if fixed == 0 { bounds } else { fixed..=fixed };
        Self { rows: Arc::new(AtomicUsize::new(*bounds.start())), bounds }
    }

    /// Rows of the next batch, at least 1.
    pub(super) fn rows(&self) -> usize {
        self.rows.load(Ordering::Relaxed).max(1)
    }

    /// Learns how long a batch of `rows` took.
    pub(super) fn learn(&self, rows: usize, took: Duration) {
        self.rows.store(next(self.rows(), rows, took, &self.bounds), Ordering::Relaxed);
    }
}

/// The size after one of `rows` that took `took`. It at most doubles or halves, and a batch of less than half the present
/// size (the last one, or one of large rows) says nothing.
fn next(present: usize, rows: usize, took: Duration, bounds: &RangeInclusive<usize>) -> usize {
    if rows * 2 < present {
        return present;
    }
    let fitting = rows as f64 * AIM.as_secs_f64() / took.as_secs_f64().max(1e-3);
    (fitting as usize).clamp(present / 2, present * 2).clamp(*bounds.start(), *bounds.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_follows_the_speed_within_its_bounds() {
        let ms = Duration::from_millis;
        let bounds = 5_000..=20_000;
        assert_eq!(next(5_000, 5_000, ms(250), &bounds), 10_000);
        assert_eq!(next(5_000, 5_000, ms(50), &bounds), 10_000);
        assert_eq!(next(16_000, 16_000, ms(250), &bounds), 20_000);
        assert_eq!(next(20_000, 20_000, ms(1_000), &bounds), 10_000);
        assert_eq!(next(5_000, 5_000, ms(9_000), &bounds), 5_000);
        assert_eq!(next(20_000, 300, ms(900), &bounds), 20_000);
    }

    #[test]
    fn a_size_that_is_given_stays() {
        let pace = Pace::new(20, 5_000..=20_000);
        pace.learn(20, Duration::from_millis(1));
        assert_eq!(pace.rows(), 20);
    }
}
