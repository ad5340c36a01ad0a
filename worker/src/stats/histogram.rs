//! Counts by duration.

use std::time::Duration;

/// How many durations fell into each bucket. Bounds are the same for all histograms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; Histogram::BOUNDS_MS.len() + 1],
    sum_ms: u64,
}

impl Histogram {
    /// Upper bounds of the buckets, in milliseconds, inclusive; the last bucket has none.
    pub const BOUNDS_MS: [u64; 15] =
        [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 60_000, 600_000];

    /// Counts `duration`, which happened `times` times.
    pub fn record(&mut self, duration: Duration, times: u64) {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let bucket = Self::BOUNDS_MS.partition_point(|&bound| bound < millis);
        self.counts[bucket] += times;
        self.sum_ms = self.sum_ms.saturating_add(millis.saturating_mul(times));
    }

    /// Counts by bucket: one more than [`Histogram::BOUNDS_MS`].
    pub const fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum, in milliseconds.
    pub const fn sum_ms(&self) -> u64 {
        self.sum_ms
    }
}

#[cfg(test)]
mod tests {
    use super::Histogram;
    use std::time::Duration;

    #[test]
    fn a_duration_falls_into_the_first_bucket_that_holds_it() {
        let mut histogram = Histogram::default();
        for millis in [0, 1, 2, 3, 600_000, 600_001, u64::MAX] {
            histogram.record(Duration::from_millis(millis), 1);
        }
        assert_eq!(histogram.counts()[..3], [2, 1, 1]);
        assert_eq!(histogram.counts()[14..], [1, 2]);
        assert_eq!(histogram.count(), 7);
        assert_eq!(histogram.sum_ms(), u64::MAX);
    }
}
