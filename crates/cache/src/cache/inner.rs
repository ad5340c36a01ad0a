//! What the levels do for each other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::flights::Flights;
use crate::dictionary::Dictionaries;
use crate::entry::{Birth, Body, Entry, Span, least_weight};
use crate::epochs::{Epochs, Ticket};
use crate::held::{Held, shortest};
use crate::level1::{Level1, Look, View};
use crate::promise::Promises;
use crate::statistics::{Counters, count};
use crate::{
    Clock, Found, Invalidation, Key, Kind, Lifetimes, Packed, SecondLevel, SecondLevelError, Stored, Tags,
    Value,
};

pub(crate) struct Inner {
    pub(crate) level1: Level1,
    pub(crate) level2: Option<Arc<dyn SecondLevel>>,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) compress_above: usize,
    pub(crate) lead: Duration,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) epochs: Epochs,
    pub(crate) counters: Arc<Counters>,
    pub(crate) promises: Promises,
    pub(super) flights: Flights,
    pub(super) dictionaries: Dictionaries,
    /// Dictionaries in the making, at most one a kind.
    pub(super) learning: Mutex<Vec<JoinHandle<()>>>,
    /// Of the entry made last.
    pub(crate) sequence: AtomicU64,
}

impl Inner {
    pub(crate) fn view(&self) -> View<'_> {
        View { now: self.clock.now(), epochs: &self.epochs }
    }

    /// What level 1 has for a reader. An entry that may not be served is removed, unless another has replaced it.
    pub(crate) fn look(&self, key: &Key) -> Option<(Look, Entry)> {
        let view = self.view();
        let entry = self.level1.get(key, view)?;
        let look = view.look(&entry);
        if look == Look::Dead {
            self.level1.remove_one(&entry);
            return None;
        }
        Some((look, entry))
    }

    pub(crate) fn fresh(&self, key: &Key) -> Option<Entry> {
        self.look(key).and_then(|(look, entry)| (look == Look::Fresh).then_some(entry))
    }

    /// As [`Inner::fresh`], for nobody: it does not count as asked for.
    pub(crate) fn holds(&self, key: &Key) -> bool {
        self.level1.peek(key).is_some_and(|entry| self.view().look(&entry) == Look::Fresh)
    }

    pub(crate) fn hit(&self, key: &Key, entry: &Entry) -> Option<Bytes> {
        let bytes = entry.bytes();
        self.count_hit(key, bytes.is_some());
        bytes
    }

    pub(crate) fn count_hit(&self, key: &Key, is_there: bool) {
        let counters = self.counters.of(key.kind());
        count(&counters.hits);
        if !is_there {
            count(&counters.absent_hits);
        }
    }

    /// A miss that level 2 answers.
    pub(crate) fn count_level2_hit(&self, key: &Key) {
        count(&self.counters.of(key.kind()).level2_hits);
    }

    pub(crate) fn count_miss(&self, key: &Key) {
        count(&self.counters.of(key.kind()).misses);
        self.level1.missed(key);
    }

    /// An entry as level 1 would keep it. `None` when it lives for no time, or what it holds may be outdated.
    pub(crate) fn make(&self, key: &Key, value: Option<Value>, span: Span, ticket: Ticket) -> Option<Entry> {
        if span.is_zero() || !self.epochs.holds(key, ticket) {
            return None;
        }
        let (held, tags) = match value {
            Some(Value { bytes, tags }) => {
                let dictionary = self.dictionaries.of(key.kind(), bytes.len());
                (Some(Held::pack(&bytes, self.compress_above, dictionary)), tags)
            }
            None => (None, Tags::default()),
        };
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let birth = Birth { now: self.clock.now(), sequence, generation: ticket.generation };
        Some(Arc::new(Body::new(key, held, tags, span, birth)))
    }

    /// Looks at a value before it is kept: the first of a kind say what all of it have in common.
    pub(crate) fn show(self: &Arc<Self>, kind: Kind, value: &Value) {
        if value.bytes.len() > shortest(self.compress_above)
            && let Some(samples) = self.dictionaries.show(kind, &value.bytes)
        {
            self.learn(kind, samples);
        }
    }

    /// Makes a dictionary, where nobody waits for it if there is such a place.
    fn learn(self: &Arc<Self>, kind: Kind, samples: Vec<Bytes>) {
        let inner = Arc::clone(self);
        let learn = move || {
            let bytes = inner.dictionaries.learn(kind, &samples);
            inner.level1.share(bytes);
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                let learning = runtime.spawn_blocking(learn);
                self.learning.lock().unwrap_or_else(PoisonError::into_inner).push(learning);
            }
            Err(_) => learn(),
        }
    }

    /// Waits for dictionaries that are being made.
    pub(crate) async fn learnt(&self) {
        let learning = std::mem::take(&mut *self.learning.lock().unwrap_or_else(PoisonError::into_inner));
        for learning in learning {
            // Cut off with the runtime: then there is none.
            let _ = learning.await;
        }
    }

    /// Puts an entry into level 1, in place of what is there. `expected`: requests for it, if somebody knows. False when
    /// it was not let in, or was forgotten meanwhile; what is there goes then, too.
    pub(crate) fn admit(&self, entry: &Entry, ticket: Ticket, expected: u32) -> bool {
        // The second look closes the gap between the first and the insert.
        let kept = self.level1.insert(entry, expected, self.view()) && self.epochs.holds(&entry.key, ticket);
        if !kept {
            self.level1.remove(&entry.key);
        }
        kept
    }

    /// Makes an entry and puts it in. What cannot be kept takes what is there along.
    pub(crate) fn keep(self: &Arc<Self>, key: &Key, value: Option<Value>, span: Span, ticket: Ticket) {
        if let Some(value) = &value {
            self.show(key.kind(), value);
        }
        let least = least_weight(key, value.as_ref().map_or(0, |value| value.bytes.len()));
        let worth_making = !span.is_zero() && self.level1.might_take(key, least, self.view());
        let entry = worth_making.then(|| self.make(key, value, span, ticket)).flatten();
        if let Some(entry) = entry {
            self.admit(&entry, ticket, 0);
        } else {
            self.level1.remove(key);
        }
    }

    /// What is found lives on for the time it has left.
    pub(crate) fn span_of(&self, found: &Found) -> Span {
        let stale = if found.value.is_some() { self.lifetimes.stale.min(found.left) } else { Duration::ZERO };
        Span { fresh: found.left.saturating_sub(stale), stale }
    }

    /// What level 2 has, fresh or stale.
    pub(crate) async fn ask_level2(&self, key: &Key) -> Option<Found> {
        let mut found = self.ask_level2_for(std::slice::from_ref(key)).await;
        found.pop().flatten()
    }

    /// What level 2 has, in the order of `keys`; nothing when there is no such level.
    pub(crate) async fn ask_level2_for(&self, keys: &[Key]) -> Vec<Option<Found>> {
        let Some(level2) = self.level2.as_ref().filter(|_| !keys.is_empty()) else { return Vec::new() };
        self.note(level2.get(keys).await).unwrap_or_default()
    }

    pub(crate) async fn tell_level2(&self, entries: Vec<Stored>) {
        if let Some(level2) = self.level2.as_ref().filter(|_| !entries.is_empty()) {
            self.note(level2.put(&entries).await);
        }
    }

    /// As level 2 is to keep it; `None` when it lives for no time, or there is no such level.
    pub(crate) fn stored(&self, key: &Key, value: Option<&Value>) -> Option<Stored> {
        let span = self.lifetimes.span(key, value.is_some());
        if self.level2.is_none() || span.is_zero() {
            return None;
        }
        let value = value.map(|value| Packed::new(value.clone(), self.compress_above));
        Some(Stored { key: key.clone(), value, lives: span.fresh + span.stale })
    }

    /// Tells level 2 of entries.
    pub(crate) async fn store(&self, entries: &[(Key, Value)]) {
        let stored = entries.iter().filter_map(|(key, value)| self.stored(key, Some(value)));
        self.tell_level2(stored.collect()).await;
    }

    /// Counts a failure.
    pub(crate) fn note<T>(&self, result: Result<T, SecondLevelError>) -> Option<T> {
        result
            .inspect_err(|error| {
                let skipped = *error == SecondLevelError::Skipped;
                count(if skipped { &self.counters.level2_skipped } else { &self.counters.level2_errors });
            })
            .ok()
    }

    /// Forgets in both levels, level 1 twice: what was read from level 2 meanwhile may be old.
    pub(crate) async fn forget(&self, what: Invalidation) {
        self.forget_here(&what);
        if let Some(level2) = &self.level2 {
            self.note(level2.invalidate(std::slice::from_ref(&what)).await);
            self.forget_here(&what);
        }
        self.count_invalidation(&what);
    }

    pub(crate) fn count_invalidation(&self, what: &Invalidation) {
        for kind in Kind::ALL.into_iter().filter(|kind| what.concerns(*kind)) {
            count(&self.counters.of(kind).invalidations);
        }
    }

    /// Forgets in level 1. A kind is out of reach at once and its memory is freed bit by bit; for a tag or pattern all
    /// entries are looked at.
    pub(crate) fn forget_here(&self, what: &Invalidation) {
        match what {
            Invalidation::Entry(key) => {
                self.epochs.bump_key(key);
                self.level1.remove(key);
            }
            Invalidation::Kind(kind) => self.epochs.bump_kind(*kind),
            Invalidation::Everything => Kind::ALL.into_iter().for_each(|kind| self.epochs.bump_kind(kind)),
            Invalidation::Tag(tag) => {
                self.epochs.bump_sweeps();
                self.level1.remove_all(|entry| entry.has_tag(tag));
            }
            Invalidation::Pattern(kind, pattern) => {
                self.epochs.bump_sweeps();
                let meant = |key: &Key| key.kind() == *kind && pattern.matches(key.id());
                self.level1.remove_all(|entry| meant(&entry.key));
            }
        }
    }
}
