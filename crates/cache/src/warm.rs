//! Filling the cache before anybody asks, most popular first, within a budget.

use std::time::Duration;

use bytes::Bytes;

use crate::entry::weight;
use crate::{Cache, Key};

/// What a warm-up may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmBudget {
    /// Weight of the entries added, in bytes.
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
    /// Their weight in bytes.
    pub bytes: u64,
    /// Entries that were there already, or whose kind is not kept.
    pub skipped: u64,
    /// Why it ended.
    pub stopped: StopReason,
}

/// A warm-up in progress, for callers whose entries come in portions. Entries are best offered most popular first:
/// the first that does not fit ends it.
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
        let report = WarmReport { warmed: 0, bytes: 0, skipped: 0, stopped: StopReason::Finished };
        Warmer { cache: self, budget, deadline, report }
    }

    /// Offers all entries in their order until the budget is spent. Nothing is taken from the iterator after that, so
    /// it may render each value when asked. Run twice, the second run skips what is there.
    pub async fn warm(
        &self,
        entries: impl IntoIterator<Item = (Key, Bytes)>,
        budget: WarmBudget,
    ) -> WarmReport {
        let mut warmer = self.warmer(budget);
        let mut entries = entries.into_iter();
        while warmer.is_open()
            && let Some((key, value)) = entries.next()
        {
            warmer.offer(&key, value).await;
        }
        warmer.finish()
    }
}

impl Warmer<'_> {
    /// Whether more may be offered; ask before rendering the next value. False once the time is over or an entry did
    /// not fit.
    pub fn is_open(&mut self) -> bool {
        if self.report.stopped == StopReason::Finished
            && self.deadline.is_some_and(|at| self.cache.now() >= at)
        {
            self.report.stopped = StopReason::Deadline;
        }
        self.report.stopped == StopReason::Finished
    }

    /// Whether rendering the value of this key would be wasted: it is there, or its kind is not kept.
    pub async fn has(&self, key: &Key) -> bool {
        !self.cache.keeps(key.kind()) || self.cache.holds(key).await
    }

    /// Counts a key as skipped without a value: what [`Warmer::has`] said yes to.
    pub fn skip(&mut self) {
        self.report.skipped += 1;
    }

    /// Adds an entry, unless it is there or the warm-up is over. Returns whether more may be offered.
    pub async fn offer(&mut self, key: &Key, value: Bytes) -> bool {
        if !self.is_open() {
            return false;
        }
        if self.has(key).await {
            self.skip();
            return true;
        }
        let bytes = weight(key, &value);
        if self.report.bytes + bytes > self.budget.max_bytes {
            self.report.stopped = StopReason::Bytes;
            return false;
        }
        self.cache.put(key, value).await;
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
    use crate::{CacheOptions, Kind};

    const ALL: WarmBudget = WarmBudget { max_bytes: 1 << 20, max_duration: None };

    fn entries(count: usize) -> Vec<(Key, Bytes)> {
        (0..count)
            .map(|n| (Key::new(Kind::Product, 1, format!("{n:03}")), Bytes::from(vec![7; 100])))
            .collect()
    }

    fn cache() -> (Cache, HandClock) {
        let clock = HandClock::default();
        (Cache::with(CacheOptions::default(), clock.clone(), None), clock)
    }

    #[tokio::test]
    async fn a_warm_up_adds_what_is_missing_and_skips_the_rest() {
        let (cache, _) = cache();
        cache.put(&entries(3)[1].0, Bytes::from_static(b"fresh")).await;
        let report = cache.warm(entries(3), ALL).await;
        assert_eq!((report.warmed, report.skipped, report.stopped), (2, 1, StopReason::Finished));
        assert_eq!(cache.get(&entries(3)[1].0).await.unwrap(), "fresh");
        assert_eq!(cache.warm(entries(3), ALL).await.warmed, 0);
    }

    #[tokio::test]
    async fn the_bytes_are_never_exceeded_and_nothing_more_is_rendered() {
        let (cache, _) = cache();
        let each = weight(&entries(1)[0].0, &entries(1)[0].1);
        let mut rendered = 0;
        let report = cache
            .warm(
                entries(50).into_iter().inspect(|_| rendered += 1),
                WarmBudget { max_bytes: each * 4 + 1, ..ALL },
            )
            .await;
        assert_eq!(report, WarmReport { warmed: 4, bytes: each * 4, skipped: 0, stopped: StopReason::Bytes });
        assert_eq!(rendered, 5);
        assert_eq!(cache.settled_statistics().await.kind(Kind::Product).bytes, each * 4);
    }

    #[tokio::test]
    async fn the_deadline_ends_it_between_two_entries() {
        let (cache, clock) = cache();
        let slow = entries(50).into_iter().inspect(|_| clock.advance(Duration::from_secs(1)));
        let report = cache.warm(slow, WarmBudget { max_duration: Some(Duration::from_secs(3)), ..ALL }).await;
        assert_eq!((report.warmed, report.stopped), (2, StopReason::Deadline));
    }

    #[tokio::test]
    async fn kinds_that_are_not_kept_are_skipped() {
        let mut options = CacheOptions::default();
        options.lifetimes.product = Duration::ZERO;
        let report = Cache::new(options).warm(entries(2), ALL).await;
        assert_eq!((report.warmed, report.skipped), (0, 2));
    }
}
