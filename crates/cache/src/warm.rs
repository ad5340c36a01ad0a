//! Filling the cache before anybody asks, most popular first, within a budget.

use std::collections::HashMap;
use std::time::Duration;

use crate::entry::Entry;
use crate::epochs::Ticket;
use crate::level1::REQUEST;
use crate::{Cache, Key, Packed, Value};

/// Requests that a warmed entry counts as: who passes by once does not take its place before its first reader comes.
const EXPECTED: u32 = 2 * REQUEST;

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
    /// The next entry would have exceeded the bytes, or all of level 1.
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
    /// Entries that were there already, whose kind is not kept, or that were not let in, because those that would leave for
    /// them are asked for more often.
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
    /// Keys found missing last, and the state of things then.
    asked: HashMap<Key, Ticket>,
}

impl Cache {
    /// Begins a warm-up.
    pub fn warmer(&self, budget: WarmBudget) -> Warmer<'_> {
        let deadline = budget.max_duration.map(|duration| self.now().saturating_add(duration));
        let report =
            WarmReport { warmed: 0, from_level2: 0, bytes: 0, skipped: 0, stopped: StopReason::Finished };
        Warmer { cache: self, budget, deadline, report, asked: HashMap::new() }
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
    /// look-ups.
    pub async fn missing(&mut self, keys: Vec<Key>) -> Vec<Key> {
        if !self.is_open() {
            return Vec::new();
        }
        let inner = &self.cache.inner;
        let mut absent = Vec::with_capacity(keys.len());
        for key in keys {
            if !self.cache.keeps(key.kind()) || inner.holds(&key) {
                self.report.skipped += 1;
            } else {
                absent.push(key);
            }
        }
        let tickets: Vec<_> = absent.iter().map(|key| inner.epochs.ticket(key)).collect();
        let mut found = inner.ask_level2_for(&absent).await.into_iter();
        let mut missing = Vec::with_capacity(absent.len());
        self.asked.clear();
        for (key, ticket) in absent.into_iter().zip(tickets) {
            let found = found.next().flatten().map(|found| (inner.span_of(&found), found));
            let Some((span, found)) = found.filter(|(span, _)| !span.fresh.is_zero()) else {
                self.asked.insert(key.clone(), ticket);
                missing.push(key);
                continue;
            };
            if let Some(entry) = inner.make(&key, found.value.map(Packed::into_value), span, ticket) {
                if !self.takes(&entry) {
                    return Vec::new();
                }
                if self.admit(&entry, ticket) {
                    self.report.from_level2 += 1;
                }
            }
        }
        missing
    }

    /// Adds entries that were [`missing`](Self::missing), in their order, until one does not fit or the time is over.
    /// Returns for how many there was room.
    pub async fn offer(&mut self, entries: Vec<(Key, Value)>) -> usize {
        let inner = &self.cache.inner;
        for (key, value) in &entries {
            inner.show(key.kind(), value);
        }
        // There is time: what is packed with a dictionary takes half the room.
        inner.learnt().await;
        let (mut fitting, mut told) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
        for (key, value) in entries {
            let span = inner.lifetimes.span(&key, true);
            let ticket = self.asked.get(&key).copied().unwrap_or_else(|| inner.epochs.ticket(&key));
            // What was forgotten since it was missing may have been rendered before.
            let Some(entry) = inner.make(&key, Some(value.clone()), span, ticket) else { continue };
            if !self.is_open() || !self.takes(&entry) {
                break;
            }
            fitting.push((entry, ticket));
            told.push((key, value));
        }
        inner.store(&told).await;
        for (entry, ticket) in &fitting {
            self.admit(entry, *ticket);
        }
        fitting.len()
    }

    /// Puts in an entry that [`takes`](Self::takes) has counted; it counts no more if it is not let in.
    fn admit(&mut self, entry: &Entry, ticket: Ticket) -> bool {
        let admitted = self.cache.inner.admit(entry, ticket, EXPECTED);
        if !admitted {
            self.report.warmed -= 1;
            self.report.bytes -= entry.weight;
            self.report.skipped += 1;
        }
        admitted
    }

    /// Counts an entry if it fits.
    fn takes(&mut self, entry: &Entry) -> bool {
        if self.report.bytes + entry.weight > self.budget.max_bytes.min(self.cache.inner.level1.room()) {
            self.report.stopped = StopReason::Bytes;
            return false;
        }
        self.report.warmed += 1;
        self.report.bytes += entry.weight;
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
        let each = cache.weigh(&keys(1)[0], vec![7; 100].into());
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
    async fn a_warm_up_can_go_on_in_another_thread() {
        let (cache, clock) = cache();
        let task = tokio::spawn(async move { warm(&cache, &clock, ALL, 30, Duration::ZERO).await.0 });
        assert_eq!(task.await.unwrap().warmed, 30);
    }

    #[tokio::test]
    async fn what_is_forgotten_while_it_is_rendered_is_not_added() {
        let (cache, _) = cache();
        let mut warmer = cache.warmer(ALL);
        let missing = warmer.missing(keys(2)).await;
        cache.invalidate(&missing[0]).await;
        let entries = missing.iter().map(|key| (key.clone(), "from before".into())).collect();
        assert_eq!(warmer.offer(entries).await, 1);
        assert_eq!(cache.get(&missing[0]).await, None);
        assert_eq!(cache.get(&missing[1]).await.unwrap(), "from before");
    }

    #[tokio::test]
    async fn a_warmed_entry_is_not_driven_out_by_what_is_asked_for_once() {
        let (cache, _) = full_of_warmed().await;
        for n in 100..200 {
            let key = Key::new(Kind::Product, 1, n.to_string());
            let load = async || Ok::<_, std::io::Error>(Some(vec![7; 100].into()));
            cache.get_or_load(&key, load).await.unwrap();
        }
        assert!(keys(20).iter().all(|key| cache.inner.holds(key)));
    }

    #[tokio::test]
    async fn a_new_version_takes_the_place_of_the_old_one_in_a_full_cache() {
        let (cache, _) = full_of_warmed().await;
        for key in keys(20).iter().flat_map(|key| [key; 9]) {
            cache.get(key).await;
        }
        let next: Vec<Key> = (0..20).map(|n| Key::new(Kind::Product, 2, format!("{n:03}"))).collect();
        let mut warmer = cache.warmer(ALL);
        let missing = warmer.missing(next.clone()).await;
        warmer.offer(missing.into_iter().map(|key| (key, vec![8; 100].into())).collect()).await;
        assert_eq!(next.iter().filter(|key| cache.inner.holds(key)).count(), 20);
    }

    /// Room for twenty entries, and these warmed.
    async fn full_of_warmed() -> (Cache, HandClock) {
        let clock = HandClock::default();
        let each = Cache::new(CacheOptions::default()).weigh(&keys(1)[0], vec![7; 100].into());
        let options = CacheOptions { max_bytes: 20 * each, ..CacheOptions::default() };
        let cache = Cache::with(options, clock.clone(), None);
        let (report, _) = warm(&cache, &clock, ALL, 20, Duration::ZERO).await;
        assert_eq!(report.warmed, 20);
        (cache, clock)
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
