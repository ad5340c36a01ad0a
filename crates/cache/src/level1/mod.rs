//! Level 1: a bounded map in the process.
//!
//! Shards under locks of their own, each held for less than a microsecond. Who leaves is drawn: of [`SAMPLE`] entries of
//! one shard the one that the policy values least. A policy is an order of entries ([`rank`]), nothing else, and needs
//! nothing to be kept up when an entry is read. Under LFU a newcomer that was asked for no more often than the one that
//! would leave for it is not let in.

mod frequency;
mod rank;
mod shard;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::entry::{Body, Entry, nanos};
use crate::epochs::Epochs;
use crate::statistics::{Counters, count};
use crate::{CacheOptions, EvictionPolicy, Key, Kind};

pub(crate) use frequency::REQUEST;
use rank::{Rank, Standing};
use shard::Shard;

const SHARDS: usize = 32;
/// Entries of which one leaves. With 16 it is among the lowest eighth in nine of ten cases.
const SAMPLE: usize = 16;
/// Bytes of level 1 for each key that is counted; a count takes four.
const BYTES_A_KEY: u64 = 1024;
/// Most keys that are counted.
const MOST_KEYS: u64 = 4 << 20;

pub(crate) struct Level1 {
    shards: Box<[Mutex<Shard>]>,
    policy: EvictionPolicy,
    max_bytes: u64,
    /// Most bytes while memory is short.
    ceiling: AtomicU64,
    /// Of entries, those about to enter included, and of what they share.
    held: AtomicU64,
    /// Of what they share.
    shared: AtomicU64,
    /// By kind: the latest version that came.
    latest: [AtomicU64; Kind::ALL.len()],
    draws: AtomicU64,
    counters: Arc<Counters>,
}

/// When and in which state of things entries are looked at.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) now: std::time::Duration,
    pub(crate) epochs: &'a Epochs,
}

/// What may be done with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Fresh,
    Stale,
    Dead,
}

impl View<'_> {
    pub(crate) fn look(&self, entry: &Body) -> Look {
        let now = nanos(self.now);
        if now >= entry.ends_at || entry.generation != self.epochs.generation(entry.key.kind()) {
            Look::Dead
        } else if now >= entry.fresh_until {
            Look::Stale
        } else {
            Look::Fresh
        }
    }
}

impl Level1 {
    pub(crate) fn new(options: &CacheOptions, counters: Arc<Counters>) -> Self {
        let (policy, max_bytes) = (options.eviction, options.max_bytes);
        let keys = if policy == EvictionPolicy::Lfu { (max_bytes / BYTES_A_KEY).min(MOST_KEYS) } else { 0 };
        let shard = |_| Mutex::new(Shard::new(keys as usize / SHARDS));
        Self {
            shards: (0..SHARDS).map(shard).collect(),
            policy,
            max_bytes,
            ceiling: AtomicU64::new(max_bytes),
            held: AtomicU64::new(0),
            shared: AtomicU64::new(0),
            latest: Default::default(),
            draws: AtomicU64::new(0),
            counters,
        }
    }

    /// The entry of a key, alive or not; counted as asked for.
    pub(crate) fn get(&self, key: &Key, view: View<'_>) -> Option<Entry> {
        self.shard(key).get(key, nanos(view.now))
    }

    /// The entry of a key, alive or not; not counted.
    pub(crate) fn peek(&self, key: &Key) -> Option<Entry> {
        self.shard(key).peek(key).map(Arc::clone)
    }

    /// A request for a key that is not there.
    pub(crate) fn missed(&self, key: &Key) {
        if self.policy == EvictionPolicy::Lfu {
            self.shard(key).missed(key);
        }
    }

    /// Whether an entry that weighs at least so much might be let in. Spares the making of most that would not.
    pub(crate) fn might_take(&self, key: &Key, least: u64, view: View<'_>) -> bool {
        let might = if least > self.room() {
            false
        } else if self.policy != EvictionPolicy::Lfu
            || self.held() + least <= self.ceiling.load(Ordering::Relaxed)
        {
            true
        } else {
            let shard = self.shard(key);
            let (replaces, heat) = (shard.peek(key).is_some(), shard.known(key));
            drop(shard);
            replaces || self.worst(view).is_none_or(|(rank, _)| rank.might_yield(heat, least))
        };
        if !might {
            count(&self.counters.of(key.kind()).evictions);
        }
        might
    }

    /// Puts an entry in, in place of what is under its key; others leave for it. `expected`: how often it will be asked
    /// for, in [`REQUEST`]s, if somebody knows. False when it is not let in: then whatever is there under its key must
    /// go.
    pub(crate) fn insert(&self, entry: &Entry, expected: u32, view: View<'_>) -> bool {
        self.latest[entry.key.kind().index()].fetch_max(entry.key.version(), Ordering::Relaxed);
        if !self.make_room(entry, expected, view) {
            count(&self.counters.of(entry.key.kind()).evictions);
            return false;
        }
        let mut shard = self.shard(&entry.key);
        let (old, dead) = (shard.insert(Arc::clone(entry)), shard.sweep_on(&view));
        drop(shard);
        self.counters.entered(entry.key.kind(), entry.weight);
        self.left(old.iter().chain(&dead));
        true
    }

    /// Reserves the weight of a newcomer.
    fn make_room(&self, entry: &Entry, expected: u32, view: View<'_>) -> bool {
        if entry.weight > self.room() {
            return false;
        }
        let shard = self.shard(&entry.key);
        shard.introduce(entry, expected);
        let own = shard.rank(self.policy, entry, self.standing(entry, view));
        // What replaces an entry is let in as that one was.
        let replaces = shard.peek(&entry.key).is_some();
        drop(shard);
        self.held.fetch_add(entry.weight, Ordering::Relaxed);
        while self.held.load(Ordering::Relaxed) > self.ceiling.load(Ordering::Relaxed) {
            let leaves = self.worst(view).filter(|(rank, _)| replaces || own.displaces(self.policy, rank));
            let Some((_, leaves)) = leaves else {
                self.held.fetch_sub(entry.weight, Ordering::Relaxed);
                return false;
            };
            self.evict(&leaves);
        }
        true
    }

    /// Of some entries drawn at random the one to leave first; of all when there are few.
    fn worst(&self, view: View<'_>) -> Option<(Rank, Entry)> {
        let draw = self.draw();
        let (mut seen, mut worst) = (0, None);
        for step in 0..SHARDS {
            let shard = locked(&self.shards[(draw as usize % SHARDS + step) % SHARDS]);
            for entry in shard.sample(SAMPLE - seen, draw >> 32) {
                seen += 1;
                let rank = shard.rank(self.policy, entry, self.standing(entry, view));
                if worst.as_ref().is_none_or(|(least, _)| rank < *least) {
                    worst = Some((rank, Arc::clone(entry)));
                }
            }
            if seen >= SAMPLE {
                break;
            }
        }
        worst
    }

    fn standing(&self, entry: &Body, view: View<'_>) -> Standing {
        let latest = &self.latest[entry.key.kind().index()];
        if view.look(entry) == Look::Dead {
            Standing::Dead
        } else if entry.key.version() < latest.load(Ordering::Relaxed) {
            Standing::Past
        } else {
            Standing::Present
        }
    }

    /// Takes out the entry that is meant, not one that has taken its key since. Whether it was there.
    fn evict(&self, entry: &Entry) -> bool {
        let gone = self.shard(&entry.key).evict(entry);
        if let Some(gone) = &gone {
            count(&self.counters.of(gone.key.kind()).evictions);
            self.left([gone]);
        }
        gone.is_some()
    }

    /// Takes out the entry of a key.
    pub(crate) fn remove(&self, key: &Key) {
        let gone = self.shard(key).remove(key, |_| true);
        self.left(&gone);
    }

    /// Takes out this entry, not one that has taken its key since.
    pub(crate) fn remove_one(&self, entry: &Entry) {
        let gone = self.shard(&entry.key).remove(&entry.key, |present| Arc::ptr_eq(present, entry));
        self.left(&gone);
    }

    /// Takes out all entries that `go`; looks at every one.
    pub(crate) fn remove_all(&self, go: impl Fn(&Entry) -> bool) {
        for shard in &self.shards {
            let gone = locked(shard).remove_all(&go);
            self.left(&gone);
        }
    }

    /// Takes out all that are dead; looks at every one.
    pub(crate) fn sweep(&self, view: View<'_>) {
        self.remove_all(|entry| view.look(entry) == Look::Dead);
    }

    /// Frees at least `bytes`, or all there is, in the order of the policy. Returns what it came to.
    pub(crate) fn free(&self, bytes: u64, view: View<'_>) -> u64 {
        let mut ranked = Vec::new();
        for shard in &self.shards {
            let shard = locked(shard);
            let rank = |entry: &Entry| shard.rank(self.policy, entry, self.standing(entry, view));
            ranked.extend(shard.iter().map(|entry| (rank(entry), Arc::clone(entry))));
        }
        ranked.sort_unstable_by_key(|(rank, _)| *rank);
        let mut freed = 0;
        for (_, entry) in ranked {
            if freed >= bytes {
                break;
            }
            freed += if self.evict(&entry) { entry.weight } else { 0 };
        }
        freed
    }

    /// Most bytes from now on; no more than the bound it was made with.
    pub(crate) fn set_ceiling(&self, bytes: u64) {
        self.ceiling.store(bytes.min(self.max_bytes), Ordering::Relaxed);
    }

    /// Counts memory that entries share; it is theirs as long as the cache lives.
    pub(crate) fn share(&self, bytes: u64) {
        self.shared.fetch_add(bytes, Ordering::Relaxed);
        self.held.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Most bytes that entries can have together.
    pub(crate) fn room(&self) -> u64 {
        self.max_bytes.saturating_sub(self.shared.load(Ordering::Relaxed))
    }

    /// Bytes of all entries and of what they share.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Counts entries that were taken out.
    fn left<'a>(&self, gone: impl IntoIterator<Item = &'a Entry>) {
        for entry in gone {
            self.held.fetch_sub(entry.weight, Ordering::Relaxed);
            self.counters.left(entry.key.kind(), entry.weight);
        }
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        locked(&self.shards[(key.stable_hash() >> 48) as usize % SHARDS])
    }

    /// `SplitMix64`: numbers without a pattern.
    fn draw(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut number = self.draws.fetch_add(STEP, Ordering::Relaxed);
        number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        number ^ (number >> 31)
    }
}

/// Nothing that is done under the lock leaves a shard half changed.
fn locked(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
