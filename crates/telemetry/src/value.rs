//! Values of series: a few atomics each.

use crate::catalogue::BUCKETS_MS;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A number that only grows. Clones are the same number.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds `more`.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    /// Takes over a total that is counted elsewhere; a lower one is ignored.
    pub fn raise_to(&self, total: u64) {
        self.0.fetch_max(total, Relaxed);
    }

    /// The present value.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that goes up and down. Clones are the same number.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicU64>);

impl Gauge {
    /// Replaces the value.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Relaxed);
    }

    /// The present value.
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }
}

/// Durations by bucket. Clones are the same histogram.
#[derive(Clone, Debug, Default)]
pub struct Histogram(Arc<Buckets>);

#[derive(Debug, Default)]
struct Buckets {
    counts: [AtomicU64; BUCKETS_MS.len() + 1],
    sum_ms: AtomicU64,
}

impl Histogram {
    /// Counts one duration, in whole milliseconds.
    pub fn record(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let bucket = BUCKETS_MS.partition_point(|&bound| bound < millis);
        self.0.counts[bucket].fetch_add(1, Relaxed);
        self.0.sum_ms.fetch_add(millis, Relaxed);
    }

    /// Takes over a histogram that is counted elsewhere, with the buckets of [`BUCKETS_MS`] and one above; missing
    /// buckets count as zero, further ones are ignored.
    pub fn take_over(&self, counts: &[u64], sum_ms: u64) {
        for (index, count) in self.0.counts.iter().enumerate() {
            count.store(counts.get(index).copied().unwrap_or(0), Relaxed);
        }
        self.0.sum_ms.store(sum_ms, Relaxed);
    }

    /// Counts by bucket and the sum in milliseconds.
    pub(crate) fn get(&self) -> ([u64; BUCKETS_MS.len() + 1], u64) {
        (std::array::from_fn(|index| self.0.counts[index].load(Relaxed)), self.0.sum_ms.load(Relaxed))
    }
}
