//! How long to wait after an error.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Doubles from `first` to `max` while errors follow each other; each delay is drawn from its upper half, so that many
/// processes that failed together do not come back together.
#[derive(Clone, Copy, Debug)]
pub struct ErrorDelay {
    /// After the first error. Default 100 ms.
    pub first: Duration,
    /// Longest. Default 10 s.
    pub max: Duration,
    /// Of the draws; the default differs from value to value.
    pub seed: u64,
}

impl Default for ErrorDelay {
    fn default() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(10))
    }
}

impl ErrorDelay {
    /// From `first` to `max`, with draws of its own.
    pub fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, seed: RandomState::new().hash_one(0) }
    }

    /// The delay after the `failures`-th error in a row (from 1): at least half of, at most `first * 2^(failures-1)`,
    /// never above `max`.
    pub fn after(&self, failures: u32) -> Duration {
        let doubled =
            self.first.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
        let full = doubled.min(self.max);
        let half = full / 2;
        let spread = u64::try_from(full.saturating_sub(half).as_nanos()).unwrap_or(u64::MAX);
        half + Duration::from_nanos(self.draw(failures) % spread.saturating_add(1))
    }

    /// One step of `SplitMix64`.
    fn draw(&self, n: u32) -> u64 {
        let mut z = self.seed.wrapping_add(u64::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorDelay;
    use std::time::Duration;

    #[test]
    fn delays_double_up_to_the_cap_and_never_leave_their_upper_half() {
        let delay = ErrorDelay::new(Duration::from_millis(100), Duration::from_secs(10));
        for failures in [0, 1, 2, 3, 7, 8, 31, 32, 33, u32::MAX] {
            let full = (100_u64 << failures.saturating_sub(1).min(20)).min(10_000);
            let after = delay.after(failures);
            assert!(after <= Duration::from_millis(full), "{failures}: {after:?}");
            assert!(after >= Duration::from_millis(full) / 2, "{failures}: {after:?}");
        }
    }

    #[test]
    fn two_policies_draw_differently() {
        let [a, b] = [ErrorDelay::default(), ErrorDelay::default()];
        assert!((1..20).any(|n| a.after(n) != b.after(n)));
    }
}
