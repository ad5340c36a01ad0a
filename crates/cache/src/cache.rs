//! The cache: level 1 in the process, perhaps a second level below.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moka::notification::RemovalCause;
use moka::ops::compute::Op;

use crate::entry::{Entry, Sweep, weight};
use crate::epochs::{Epochs, Ticket};
use crate::lifetime::jittered;
use crate::statistics::{Counters, count};
use crate::{CacheOptions, Clock, Key, Kind, Lifetimes, MonotonicClock, SecondLevel, Statistics};

/// A cache of bytes. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Cache {
    inner: Arc<Inner>,
}

struct Inner {
    level1: moka::future::Cache<Key, Entry>,
    level2: Option<Arc<dyn SecondLevel>>,
    lifetimes: Lifetimes,
    clock: Box<dyn Clock>,
    epochs: Epochs,
    counters: Arc<Counters>,
}

/// The loader's error. All who waited for the same load share it; nothing is kept, so the next look-up loads again.
#[derive(Debug, thiserror::Error)]
#[error("loading a cache entry: {0}")]
pub struct LoadError<E: Error + 'static>(#[source] pub Arc<E>);

/// Why a load kept nothing.
enum NotKept<E> {
    /// There is no such thing.
    Absent,
    /// It may be outdated, or its kind lives for no time.
    Unkeepable(Bytes),
    Failed(Arc<E>),
}

impl Cache {
    /// A cache in the process alone, on the system's clock.
    pub fn new(options: CacheOptions) -> Self {
        Self::with(options, MonotonicClock::default(), None)
    }

    /// A cache with a clock and perhaps a second level of the caller's choice.
    pub fn with(options: CacheOptions, clock: impl Clock, level2: Option<Arc<dyn SecondLevel>>) -> Self {
        let counters = Arc::new(Counters::default());
        let noted = counters.clone();
        let level1 = moka::future::Cache::builder()
            .max_capacity(options.max_bytes)
            .weigher(|key: &Key, entry: &Entry| u32::try_from(weight(key, &entry.value)).unwrap_or(u32::MAX))
            .expire_after(Sweep)
            .support_invalidation_closures()
            .eviction_listener(move |key: Arc<Key>, entry: Entry, cause| {
                noted.left(key.kind(), weight(&key, &entry.value));
                if cause == RemovalCause::Size {
                    count(&noted.of(key.kind()).evictions);
                }
            })
            .build();
        let (lifetimes, epochs) = (options.lifetimes, Epochs::new());
        Self {
            inner: Arc::new(Inner { level1, level2, lifetimes, clock: Box::new(clock), epochs, counters }),
        }
    }

    /// The value, if level 1 or else level 2 has it alive.
    pub async fn get(&self, key: &Key) -> Option<Bytes> {
        let inner = &*self.inner;
        if let Some(entry) = inner.fresh(key).await {
            count(&inner.counters.of(key.kind()).hits);
            return Some(entry.value);
        }
        count(&inner.counters.of(key.kind()).misses);
        let ticket = inner.epochs.ticket(key);
        let value = inner.ask_level2(key).await?;
        inner.keep(key, value.clone(), ticket).await;
        Some(value)
    }

    /// The value, loaded by `load` if neither level has it. However many ask at the same time, it is loaded once and
    /// all get what it brought. `None` from the loader means that there is no such thing; that is not remembered.
    ///
    /// If the caller that loads is cancelled, the next of those waiting loads in its place. What is invalidated while
    /// it is being loaded is returned and not kept.
    ///
    /// # Errors
    /// [`LoadError`] with the loader's error, for all who waited for it.
    pub async fn get_or_load<E, F>(&self, key: &Key, load: F) -> Result<Option<Bytes>, LoadError<E>>
    where
        E: Error + Send + Sync + 'static,
        F: AsyncFnOnce() -> Result<Option<Bytes>, E>,
    {
        let inner = &*self.inner;
        if let Some(entry) = inner.fresh(key).await {
            count(&inner.counters.of(key.kind()).hits);
            return Ok(Some(entry.value));
        }
        let ticket = inner.epochs.ticket(key);
        let entry = inner.level1.entry_by_ref(key).or_try_insert_with(inner.bring(key, ticket, load)).await;
        match entry {
            Ok(entry) => {
                if entry.is_fresh() {
                    // Invalidated between the last look and the insert: this is the second look.
                    inner.drop_if_outdated(key, ticket).await;
                } else {
                    count(&inner.counters.of(key.kind()).hits);
                }
                Ok(Some(entry.into_value().value))
            }
            Err(reason) => match &*reason {
                NotKept::Absent => Ok(None),
                NotKept::Unkeepable(value) => Ok(Some(value.clone())),
                NotKept::Failed(error) => Err(LoadError(error.clone())),
            },
        }
    }

    /// Stores a value in both levels, replacing what is there.
    pub async fn put(&self, key: &Key, value: Bytes) {
        let inner = &*self.inner;
        let ticket = inner.epochs.ticket(key);
        inner.tell_level2(key, &value).await;
        inner.keep(key, value, ticket).await;
    }

    /// Forgets one entry in both levels. A load of it that is under way will not be kept.
    pub async fn invalidate(&self, key: &Key) {
        let inner = &*self.inner;
        inner.epochs.bump_key(key);
        if let Some(level2) = &inner.level2 {
            inner.note_level2(level2.invalidate(key).await);
        }
        inner.level1.invalidate(key).await;
    }

    /// Forgets all entries of a kind in both levels, at once for every later look-up; the memory is freed bit by bit.
    /// Loads of that kind that are under way will not be kept.
    pub async fn invalidate_kind(&self, kind: Kind) {
        let inner = &*self.inner;
        inner.epochs.bump_kind(kind);
        if let Some(level2) = &inner.level2 {
            inner.note_level2(level2.invalidate_kind(kind).await);
        }
        let generation = inner.epochs.generation(kind);
        let outdated = move |key: &Key, entry: &Entry| key.kind() == kind && entry.generation < generation;
        // The error says that closures are not supported; they were switched on when the cache was built.
        let _ = inner.level1.invalidate_entries_if(outdated);
    }

    /// The counters now, after pending removals have been carried out.
    pub async fn settled_statistics(&self) -> Statistics {
        self.inner.level1.run_pending_tasks().await;
        self.statistics()
    }

    /// The counters now. Entries that are expired or invalidated may be counted until they are swept.
    pub fn statistics(&self) -> Statistics {
        self.inner.counters.snapshot()
    }

    pub(crate) fn now(&self) -> Duration {
        self.inner.clock.now()
    }

    /// Whether level 1 can serve the key now; no look-up in the statistics.
    pub(crate) async fn holds(&self, key: &Key) -> bool {
        self.inner.fresh(key).await.is_some()
    }

    /// Whether a kind is kept at all.
    pub(crate) fn keeps(&self, kind: Kind) -> bool {
        !self.inner.lifetimes.of(kind).is_zero()
    }
}

impl Inner {
    /// The entry of level 1, if it may be served. One that may not is removed, unless another has replaced it already.
    async fn fresh(&self, key: &Key) -> Option<Entry> {
        let entry = self.level1.get(key).await?;
        if self.alive(key, &entry) {
            return Some(entry);
        }
        self.level1
            .entry_by_ref(key)
            .and_compute_with(async |present| match present {
                Some(present) if !self.alive(key, present.value()) => Op::Remove,
                _ => Op::Nop,
            })
            .await;
        None
    }

    fn alive(&self, key: &Key, entry: &Entry) -> bool {
        self.clock.now() < entry.expires_at && entry.generation == self.epochs.generation(key.kind())
    }

    /// What moka runs for one of all who ask: second level, then the loader.
    async fn bring<E, F>(&self, key: &Key, ticket: Ticket, load: F) -> Result<Entry, NotKept<E>>
    where
        F: AsyncFnOnce() -> Result<Option<Bytes>, E>,
    {
        let counters = self.counters.of(key.kind());
        count(&counters.misses);
        let value = if let Some(value) = self.ask_level2(key).await {
            value
        } else {
            let loaded = load().await.map_err(|error| {
                count(&counters.load_errors);
                NotKept::Failed(Arc::new(error))
            })?;
            let value = loaded.ok_or(NotKept::Absent)?;
            if self.epochs.holds(key, ticket) {
                self.tell_level2(key, &value).await;
            }
            value
        };
        let lives = self.lives(key);
        if lives.is_zero() || !self.epochs.holds(key, ticket) {
            return Err(NotKept::Unkeepable(value));
        }
        self.counters.entered(key.kind(), weight(key, &value));
        Ok(self.entry(value, lives, ticket))
    }

    async fn keep(&self, key: &Key, value: Bytes, ticket: Ticket) {
        let lives = self.lives(key);
        if lives.is_zero() || !self.epochs.holds(key, ticket) {
            return;
        }
        self.counters.entered(key.kind(), weight(key, &value));
        self.level1.insert(key.clone(), self.entry(value, lives, ticket)).await;
        self.drop_if_outdated(key, ticket).await;
    }

    /// Closes the gap between the last look at the ticket and the insert.
    async fn drop_if_outdated(&self, key: &Key, ticket: Ticket) {
        if !self.epochs.holds(key, ticket) {
            self.level1.invalidate(key).await;
        }
    }

    fn entry(&self, value: Bytes, lives: Duration, ticket: Ticket) -> Entry {
        Entry { value, expires_at: self.clock.now() + lives, lives, generation: ticket.generation }
    }

    fn lives(&self, key: &Key) -> Duration {
        jittered(self.lifetimes.of(key.kind()), key.stable_hash())
    }

    async fn ask_level2(&self, key: &Key) -> Option<Bytes> {
        let value = self.note_level2(self.level2.as_ref()?.get(key).await)??;
        count(&self.counters.of(key.kind()).level2_hits);
        Some(value)
    }

    async fn tell_level2(&self, key: &Key, value: &Bytes) {
        let lives = self.lives(key);
        if let Some(level2) = self.level2.as_ref().filter(|_| !lives.is_zero()) {
            self.note_level2(level2.put(key, value, lives).await);
        }
    }

    fn note_level2<T>(&self, result: Result<T, crate::SecondLevelError>) -> Option<T> {
        result.inspect_err(|_| count(&self.counters.level2_errors)).ok()
    }
}

#[cfg(test)]
mod tests;
