//! The cache: level 1 in the process, perhaps a second level below.

mod flights;
mod inner;
mod load;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::dictionary::Dictionaries;
use crate::epochs::Epochs;
use crate::level1::Level1;
use crate::promise::Promises;
use crate::statistics::Counters;
use crate::value::cut;
use crate::{
    CacheOptions, Clock, Invalidation, Key, Kind, MonotonicClock, Packed, Pattern, Relief, SecondLevel,
    Statistics, Value,
};

use flights::Flights;
use inner::Inner;

pub use load::LoadError;

/// A cache of bytes. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Cache {
    pub(crate) inner: Arc<Inner>,
}

impl Cache {
    /// A cache in the process alone, on the system's clock.
    pub fn new(options: CacheOptions) -> Self {
        Self::with(options, MonotonicClock::default(), None)
    }

    /// A cache with a clock and perhaps a second level of the caller's choice. With a second level that hears other
    /// processes it must be called inside a tokio runtime, where a task listens until the last clone is dropped.
    pub fn with(options: CacheOptions, clock: impl Clock, level2: Option<Arc<dyn SecondLevel>>) -> Self {
        let counters = Arc::new(Counters::default());
        let heard = level2.as_ref().and_then(|level2| level2.listen());
        let inner = Arc::new(Inner {
            level1: Level1::new(&options, counters.clone()),
            dictionaries: Dictionaries::new(options.max_bytes),
            learning: Mutex::default(),
            promises: Promises::default(),
            flights: Flights::default(),
            level2,
            lifetimes: options.lifetimes,
            compress_above: options.compress_above,
            lead: options.lead,
            clock: Box::new(clock),
            epochs: Epochs::new(),
            counters,
            sequence: AtomicU64::new(0),
        });
        if let Some(heard) = heard {
            tokio::spawn(obey(heard, Arc::downgrade(&inner)));
        }
        Self { inner }
    }

    /// The value, if level 1 or else level 2 has it alive. `None` also when it is remembered that there is none.
    pub async fn get(&self, key: &Key) -> Option<Bytes> {
        if let Some(entry) = self.inner.fresh(key) {
            return self.inner.hit(key, &entry);
        }
        self.get_many(std::slice::from_ref(key)).await.pop().flatten()
    }

    /// As [`Cache::get`] for many keys, in their order: level 2 is asked once for all that level 1 does not have.
    pub async fn get_many(&self, keys: &[Key]) -> Vec<Option<Bytes>> {
        let inner = &self.inner;
        let mut values = Vec::with_capacity(keys.len());
        let mut missing = Vec::new();
        for (at, key) in keys.iter().enumerate() {
            values.push(if let Some(entry) = inner.fresh(key) {
                inner.hit(key, &entry)
            } else {
                inner.count_miss(key);
                missing.push((at, key, inner.epochs.ticket(key)));
                None
            });
        }
        if inner.level2.is_none() || missing.is_empty() {
            return values;
        }
        let asked: Vec<Key> = missing.iter().map(|(_, key, _)| Key::clone(key)).collect();
        for ((at, key, ticket), found) in missing.into_iter().zip(inner.ask_level2_for(&asked).await) {
            let Some(found) = found else { continue };
            let span = inner.span_of(&found);
            if !span.fresh.is_zero() {
                inner.count_level2_hit(key);
                let value = found.value.map(Packed::into_value);
                values[at] = value.as_ref().map(|value| value.bytes.clone());
                inner.keep(key, value, span, ticket);
            }
        }
        values
    }

    /// Stores a value in both levels, replacing what is there. Other processes keep what they have under this key in
    /// their level 1: where values change under a key, [`Cache::invalidate`] it first.
    pub async fn put(&self, key: &Key, value: impl Into<Value>) {
        self.put_many(vec![(key.clone(), value.into())]).await;
    }

    /// As [`Cache::put`] for many entries: level 2 is told once. Entries whose kind is not kept are left out.
    pub async fn put_many(&self, entries: Vec<(Key, Value)>) {
        let inner = &self.inner;
        let tickets: Vec<_> = entries.iter().map(|(key, _)| inner.epochs.ticket(key)).collect();
        inner.store(&entries).await;
        for ((key, value), ticket) in entries.into_iter().zip(tickets) {
            inner.keep(&key, Some(value), inner.lifetimes.span(&key, true), ticket);
        }
    }

    /// Forgets one entry, here, in level 2 and in other processes, which hear of it within milliseconds. A load of it
    /// that is under way will not be kept. Level 2 being away does not hinder it: what it could not be told is told when
    /// it is back, before it is asked again.
    pub async fn invalidate(&self, key: &Key) {
        self.inner.forget(Invalidation::Entry(key.clone())).await;
    }

    /// As [`Cache::invalidate`], for all entries of a kind. Takes the same time however many there are.
    pub async fn invalidate_kind(&self, kind: Kind) {
        self.inner.forget(Invalidation::Kind(kind)).await;
    }

    /// As [`Cache::invalidate`], for all entries that have this tag, of every kind.
    pub async fn invalidate_tag(&self, tag: &str) {
        self.inner.forget(Invalidation::Tag(cut(tag).into())).await;
    }

    /// As [`Cache::invalidate`], for all entries of a kind whose ids match, of every version. Level 2 looks at all its
    /// keys for that, within a bound: beyond it all of the kind are forgotten.
    pub async fn invalidate_pattern(&self, kind: Kind, pattern: Pattern) {
        self.inner.forget(Invalidation::Pattern(kind, pattern)).await;
    }

    /// Frees memory and bounds level 1 as [`MemoryPressure`](crate::MemoryPressure) decided. Returns the bytes freed.
    pub fn relieve(&self, relief: Relief) -> u64 {
        let inner = &self.inner;
        inner.level1.set_ceiling(relief.ceiling_bytes);
        if relief.free_bytes == 0 { 0 } else { inner.level1.free(relief.free_bytes, inner.view()) }
    }

    /// What an entry would take of level 1, in bytes. The value may become one of the samples from which the cache learns
    /// what values of its kind have in common.
    pub fn weigh(&self, key: &Key, value: Value) -> u64 {
        let span = self.inner.lifetimes.span(key, true);
        let ticket = self.inner.epochs.ticket(key);
        self.inner.show(key.kind(), &value);
        self.inner.make(key, Some(value), span, ticket).map_or(0, |entry| entry.weight)
    }

    /// Bytes of level 1: of its entries, those about to enter included, and of what they share.
    pub fn held_bytes(&self) -> u64 {
        self.inner.level1.held()
    }

    /// The counters now, after dead entries have been swept out and what values have in common has been learnt, if that
    /// was due.
    pub async fn settled_statistics(&self) -> Statistics {
        self.inner.learnt().await;
        self.inner.level1.sweep(self.inner.view());
        self.statistics()
    }

    /// The counters now. Entries that are expired or invalidated may be counted until they are swept.
    pub fn statistics(&self) -> Statistics {
        self.inner.counters.snapshot()
    }

    /// Time since a moment that stays the same while the process lives, by the cache's clock.
    pub fn now(&self) -> Duration {
        self.inner.clock.now()
    }

    /// Whether a kind is kept at all.
    pub(crate) fn keeps(&self, kind: Kind) -> bool {
        !self.inner.lifetimes.of(kind).is_zero()
    }
}

/// Forgets here what other processes forget, until the cache is dropped.
async fn obey(mut heard: Receiver<Invalidation>, cache: Weak<Inner>) {
    loop {
        let what = match heard.recv().await {
            Ok(what) => what,
            Err(RecvError::Lagged(_)) => Invalidation::Everything,
            Err(RecvError::Closed) => return,
        };
        let Some(inner) = cache.upgrade() else { return };
        inner.forget_here(&what);
        inner.count_invalidation(&what);
    }
}

#[cfg(test)]
mod level2_tests;
#[cfg(test)]
mod tests;
