//! What a warm-up promised, and what came of it.

use std::sync::{Mutex, PoisonError};

use crate::{Cache, Kind, Statistics, WarmReport};

/// The latest warm-up, and how look-ups of products went since.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarmUp {
    /// What it did.
    pub report: WarmReport,
    /// Share of look-ups of products that it should answer, 0 to 1; none where nobody knew what is asked for.
    pub expected_hit_rate: Option<f64>,
    /// Look-ups of products since.
    pub lookups: u64,
    /// Share of them that level 1 answered; none before the first.
    pub measured_hit_rate: Option<f64>,
}

/// The latest warm-up, with the counters at its end.
#[derive(Debug, Default)]
pub(crate) struct Promises(Mutex<Option<(WarmReport, Option<f64>, Statistics)>>);

impl Cache {
    /// Notes that a warm-up ended, and what it should answer. Returns the one before with what came of it.
    pub fn promise(&self, report: WarmReport, expected_hit_rate: Option<f64>) -> Option<WarmUp> {
        let before = self.latest_warm_up();
        let now = self.statistics();
        let mut latest = self.inner.promises.0.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = Some((report, expected_hit_rate, now));
        before
    }

    /// The latest warm-up and what came of it so far; none before the first.
    pub fn latest_warm_up(&self) -> Option<WarmUp> {
        let latest = self.inner.promises.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (report, expected_hit_rate, then) = latest?;
        let since = self.statistics().since(&then);
        let products = since.kind(Kind::Product);
        let lookups = products.hits + products.misses;
        let measured_hit_rate = (lookups > 0).then(|| products.hit_rate());
        Some(WarmUp { report, expected_hit_rate, lookups, measured_hit_rate })
    }
}

#[cfg(test)]
mod tests {
    use crate::{CacheOptions, Key, WarmBudget};

    use super::*;

    #[tokio::test]
    async fn a_promise_is_held_against_what_came_of_it() {
        let cache = Cache::new(CacheOptions::default());
        let key = |id: &str| Key::new(Kind::Product, 1, id);
        cache.get(&key("before")).await;
        let mut warmer = cache.warmer(WarmBudget { max_bytes: 1 << 20, max_duration: None });
        warmer.offer(vec![(key("a"), "warm".into())]).await;
        let report = warmer.finish();
        assert_eq!(cache.promise(report, Some(0.8)), None);
        let at_once = WarmUp { report, expected_hit_rate: Some(0.8), lookups: 0, measured_hit_rate: None };
        assert_eq!(cache.latest_warm_up(), Some(at_once));
        for id in ["a", "a", "a", "b"] {
            cache.get(&key(id)).await;
        }
        let kept = WarmUp { lookups: 4, measured_hit_rate: Some(0.75), ..at_once };
        assert_eq!(cache.promise(report, None), Some(kept));
        assert_eq!(cache.latest_warm_up().unwrap().lookups, 0);
    }
}
