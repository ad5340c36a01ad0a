//! Filling the cache before anybody asks, most popular first, within a budget.

use std::time::Duration;

use crate::entry::weight;
use crate::{Cache, Key, Value};

/// What a warm-up may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmBudget {
    /// Weight of the entries added to level 1, in bytes.
    pub max_bytes: u64,
    /// Time from the making of the [`Warmer`], by the cache's clock. None means no bound.
    pub max_duration: Option<Duration>,
}

/// Why a warm-up ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// All entries were offered.
    Finished,
    /// The next entry would have exceeded the bytes.
    Bytes,
    /// The time was over.
    Deadline,
}

/// What a warm-up did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmReport {
    /// Entries added.
    pub warmed: u64,
    /// Of these, those that the second level had.
    pub from_level2: u64,
    /// Weight in bytes of those added.
    pub bytes: u64,
    /// Entries that were there already, or whose kind is not kept.
    pub skipped: u64,
    /// Why it ended.
    pub stopped: StopReason,
}

/// A warm-up in progress, for callers whose entries come in portions, most popular first: ask for the keys that are
/// [`missing`](Self::missing), render these, and [`offer`](Self::offer) them. The first that does not fit ends it.
pub struct Warmer<'a> {
    cache: &'a Cache,
    budget: WarmBudget,
    deadline: Option<Duration>,
    report: WarmReport,
}

impl Cache {
    /// Begins a warm-up.
    pub fn warmer(&self, budget: WarmBudget) -> Warmer<'_> {
        let deadline = budget.max_duration.map(|duration| self.now().saturating_add(duration));
        let report =
            WarmReport { warmed: 0, from_level2: 0, bytes: 0, skipped: 0, stopped: StopReason::Finished };
        Warmer { cache: self, budget, deadline, report }
    }
}

impl Warmer<'_> {
    /// Whether more may be offered. False once the time is over or an entry did not fit.
    pub fn is_open(&mut self) -> bool {
        if self.report.stopped == StopReason::Finished
            && self.deadline.is_some_and(|at| self.cache.now() >= at)
        {
            self.report.stopped = StopReason::Deadline;
        }
        self.report.stopped == StopReason::Finished
    }

    /// Those of `keys` that have to be rendered, in their order: neither level has them, and their kind is kept. What
    /// only level 2 has is taken from there. Empty once the warm-up is over. Nothing of this is in the statistics of
    /// look-ups, save what level 2 answered.
    pub async fn missing(&mut self, keys: Vec<Key>) -> Vec<Key> {
        if !self.is_open() {
            return Vec::new();
        }
        let mut absent = Vec::with_capacity(keys.len());
        for key in keys {
            if !self.cache.keeps(key.kind()) || self.cache.holds(&key).await {
                self.report.skipped += 1;
            } else {
                absent.push(key);
            }
        }
        let found = self.cache.found_below(&absent).await;
        let mut missing = Vec::with_capacity(absent.len());
        for (at, key) in absent.into_iter().enumerate() {
            let Some(found) = found.get(at).and_then(Option::as_ref) else {
                missing.push(key);
                continue;
            };
            if !self.takes(weight(&key, found.found.value.as_ref())) {
                return Vec::new();
            }
            self.report.from_level2 += 1;
            self.cache.keep_found(&key, found.clone()).await;
        }
        missing
    }

    /// Adds entries that were [`missing`](Self::missing), in their order, until one does not fit or the time is over.
    /// Returns how many.
    pub async fn offer(&mut self, entries: Vec<(Key, Value)>) -> usize {
        let mut fitting = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let packed = self.cache.pack(value);
            if !self.is_open() || !self.takes(weight(&key, Some(&packed))) {
                break;
            }
            fitting.push((key, packed));
        }
        let number = fitting.len();
        self.cache.put_packed(fitting).await;
        number
    }

    /// Counts an entry if it fits.
    fn takes(&mut self, bytes: u64) -> bool {
        if self.report.bytes + bytes > self.budget.max_bytes {
            self.report.stopped = StopReason::Bytes;
            return false;
        }
        self.report.warmed += 1;
        self.report.bytes += bytes;
        true
    }

    /// Ends the warm-up.
    pub fn finish(self) -> WarmReport {
        self.report
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::testing::HandClock;
    use crate::{CacheOptions, Kind, Packed};

    const ALL: WarmBudget = WarmBudget { max_bytes: 1 << 20, max_duration: None };

    fn keys(count: usize) -> Vec<Key> {
        (0..count).map(|n| Key::new(Kind::Product, 1, format!("{n:03}"))).collect()
    }

    fn cache() -> (Cache, HandClock) {
        let clock = HandClock::default();
        (Cache::with(CacheOptions::default(), clock.clone(), None), clock)
    }

    /// Warms by tens, `slowness` a portion. Returns the report and how many were rendered.
    async fn warm(
        cache: &Cache,
        clock: &HandClock,
        budget: WarmBudget,
        count: usize,
        slowness: Duration,
    ) -> (WarmReport, usize) {
        let (mut warmer, mut rendered) = (cache.warmer(budget), 0);
        for keys in keys(count).chunks(10) {
            let missing = warmer.missing(keys.to_vec()).await;
            rendered += missing.len();
            clock.advance(slowness);
            let entries = missing.into_iter().map(|key| (key, vec![7; 100].into())).collect();
            warmer.offer(entries).await;
            if !warmer.is_open() {
                break;
            }
        }
        (warmer.finish(), rendered)
    }

    #[tokio::test]
    async fn a_warm_up_adds_what_is_missing_and_skips_the_rest() {
        let (cache, clock) = cache();
        cache.put(&keys(3)[1], "fresh").await;
        let (report, _) = warm(&cache, &clock, ALL, 3, Duration::ZERO).await;
        assert_eq!((report.warmed, report.skipped, report.stopped), (2, 1, StopReason::Finished));
        assert_eq!(cache.get(&keys(3)[1]).await.unwrap(), "fresh");
        assert_eq!(warm(&cache, &clock, ALL, 3, Duration::ZERO).await.0.warmed, 0);
    }

    #[tokio::test]
    async fn the_bytes_are_never_exceeded_and_no_further_portion_is_rendered() {
        let (cache, clock) = cache();
        let each = weight(&keys(1)[0], Some(&Packed::new(vec![7; 100].into(), usize::MAX)));
        let budget = WarmBudget { max_bytes: each * 14 + 1, ..ALL };
        let (report, rendered) = warm(&cache, &clock, budget, 50, Duration::ZERO).await;
        assert_eq!((report.warmed, report.bytes, report.stopped), (14, each * 14, StopReason::Bytes));
        assert_eq!(rendered, 20);
        assert_eq!(cache.settled_statistics().await.kind(Kind::Product).bytes, each * 14);
    }

    #[tokio::test]
    async fn the_deadline_ends_it() {
        let (cache, clock) = cache();
        let budget = WarmBudget { max_duration: Some(Duration::from_secs(3)), ..ALL };
        let (report, rendered) = warm(&cache, &clock, budget, 50, Duration::from_secs(1)).await;
        assert_eq!((report.warmed, report.stopped, rendered), (20, StopReason::Deadline, 30));
    }

    #[tokio::test]
    async fn kinds_that_are_not_kept_are_skipped() {
        let mut options = CacheOptions::default();
        options.lifetimes.product = Duration::ZERO;
        let (report, rendered) =
            warm(&Cache::new(options), &HandClock::default(), ALL, 2, Duration::ZERO).await;
        assert_eq!((report.warmed, report.skipped, rendered), (0, 2, 0));
    }
}
