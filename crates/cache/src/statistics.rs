//! What the cache did, by kind.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::Kind;

/// Counters since the cache was made, at one moment. Counters of different kinds may be a few operations apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    kinds: [KindStatistics; Kind::ALL.len()],
    /// Calls that the second level did not answer or refused.
    pub level2_errors: u64,
    /// Calls that were not made because the second level was known to be away.
    pub level2_skipped: u64,
}

/// Counters of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindStatistics {
    /// Look-ups answered from level 1, those that waited for another's load included.
    pub hits: u64,
    /// Of the hits, those whose answer was that there is no such thing.
    pub absent_hits: u64,
    /// Of the hits, those that got an old entry while a new one was made.
    pub stale_hits: u64,
    /// Of the hits, those that waited for another's load of the same entry.
    pub waits: u64,
    /// Look-ups that level 1 could not answer.
    pub misses: u64,
    /// Of the misses, those that the second level answered; what it gave to warm-ups and renewals is not among them.
    pub level2_hits: u64,
    /// Entries put or loaded into level 1.
    pub inserts: u64,
    /// Entries that left, or were not admitted, for want of space.
    pub evictions: u64,
    /// Loads, those that make a new entry for an old one included.
    pub loads: u64,
    /// Old entries in whose place a new one came while they were served, by a load or from the second level.
    pub renewals: u64,
    /// Loads that failed.
    pub load_errors: u64,
    /// Invalidations that concerned the kind, those of other processes included.
    pub invalidations: u64,
    /// Entries now.
    pub entries: u64,
    /// Weight of these entries in bytes.
    pub bytes: u64,
}

impl KindStatistics {
    /// Share of look-ups answered from level 1, 0 to 1; 0 before the first look-up.
    pub fn hit_rate(&self) -> f64 {
        let all = self.hits + self.misses;
        if all == 0 { 0.0 } else { self.hits as f64 / all as f64 }
    }
}

impl Statistics {
    /// What was counted since `earlier`; entries and bytes are those of now.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut since = self.clone();
        since.level2_errors -= earlier.level2_errors.min(self.level2_errors);
        since.level2_skipped -= earlier.level2_skipped.min(self.level2_skipped);
        for (now, then) in since.kinds.iter_mut().zip(&earlier.kinds) {
            for (now, then) in [
                (&mut now.hits, then.hits),
                (&mut now.absent_hits, then.absent_hits),
                (&mut now.stale_hits, then.stale_hits),
                (&mut now.waits, then.waits),
                (&mut now.misses, then.misses),
                (&mut now.level2_hits, then.level2_hits),
                (&mut now.inserts, then.inserts),
                (&mut now.evictions, then.evictions),
                (&mut now.loads, then.loads),
                (&mut now.renewals, then.renewals),
                (&mut now.load_errors, then.load_errors),
                (&mut now.invalidations, then.invalidations),
            ] {
                *now = now.saturating_sub(then);
            }
        }
        since
    }

    /// The counters of one kind.
    pub fn kind(&self, kind: Kind) -> &KindStatistics {
        &self.kinds[kind.index()]
    }

    /// All kinds with their counters.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, &KindStatistics)> {
        Kind::ALL.into_iter().zip(&self.kinds)
    }

    /// The sum over all kinds.
    pub fn total(&self) -> KindStatistics {
        self.kinds.iter().fold(KindStatistics::default(), |sum, kind| KindStatistics {
            hits: sum.hits + kind.hits,
            absent_hits: sum.absent_hits + kind.absent_hits,
            stale_hits: sum.stale_hits + kind.stale_hits,
            waits: sum.waits + kind.waits,
            misses: sum.misses + kind.misses,
            level2_hits: sum.level2_hits + kind.level2_hits,
            inserts: sum.inserts + kind.inserts,
            evictions: sum.evictions + kind.evictions,
            loads: sum.loads + kind.loads,
            renewals: sum.renewals + kind.renewals,
            load_errors: sum.load_errors + kind.load_errors,
            invalidations: sum.invalidations + kind.invalidations,
            entries: sum.entries + kind.entries,
            bytes: sum.bytes + kind.bytes,
        })
    }
}

/// The live counters.
#[derive(Default)]
pub(crate) struct Counters {
    kinds: [KindCounters; Kind::ALL.len()],
    pub(crate) level2_errors: AtomicU64,
    pub(crate) level2_skipped: AtomicU64,
}

#[derive(Default)]
pub(crate) struct KindCounters {
    pub(crate) hits: AtomicU64,
    pub(crate) absent_hits: AtomicU64,
    pub(crate) stale_hits: AtomicU64,
    pub(crate) waits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) level2_hits: AtomicU64,
    pub(crate) inserts: AtomicU64,
    pub(crate) evictions: AtomicU64,
    pub(crate) loads: AtomicU64,
    pub(crate) renewals: AtomicU64,
    pub(crate) load_errors: AtomicU64,
    pub(crate) invalidations: AtomicU64,
    /// Signed: a removal may be noted a moment before the insert that it undoes.
    pub(crate) entries: AtomicI64,
    pub(crate) bytes: AtomicI64,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn of(&self, kind: Kind) -> &KindCounters {
        &self.kinds[kind.index()]
    }

    pub(crate) fn entered(&self, kind: Kind, weight: u64) {
        let counters = self.of(kind);
        count(&counters.inserts);
        counters.entries.fetch_add(1, Ordering::Relaxed);
        counters.bytes.fetch_add(weight as i64, Ordering::Relaxed);
    }

    pub(crate) fn left(&self, kind: Kind, weight: u64) {
        let counters = self.of(kind);
        counters.entries.fetch_sub(1, Ordering::Relaxed);
        counters.bytes.fetch_sub(weight as i64, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Statistics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let gauge = |counter: &AtomicI64| u64::try_from(counter.load(Ordering::Relaxed)).unwrap_or(0);
        let kinds = Kind::ALL.map(|kind| {
            let counters = self.of(kind);
            KindStatistics {
                hits: read(&counters.hits),
                absent_hits: read(&counters.absent_hits),
                stale_hits: read(&counters.stale_hits),
                waits: read(&counters.waits),
                misses: read(&counters.misses),
                level2_hits: read(&counters.level2_hits),
                inserts: read(&counters.inserts),
                evictions: read(&counters.evictions),
                loads: read(&counters.loads),
                renewals: read(&counters.renewals),
                load_errors: read(&counters.load_errors),
                invalidations: read(&counters.invalidations),
                entries: gauge(&counters.entries),
                bytes: gauge(&counters.bytes),
            }
        });
        Statistics {
            kinds,
            level2_errors: read(&self.level2_errors),
            level2_skipped: read(&self.level2_skipped),
        }
    }
}
