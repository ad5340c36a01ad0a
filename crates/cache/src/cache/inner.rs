//! What the levels do for each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use moka::ops::compute::Op;

use crate::entry::{Body, Entry, Span};
use crate::epochs::{Epochs, Ticket};
use crate::level1::Level1;
use crate::statistics::{Counters, count};
use crate::{
    Clock, Found, Invalidation, Key, Kind, Lifetimes, Packed, SecondLevel, SecondLevelError, Stored,
};

pub(crate) struct Inner {
    pub(crate) level1: Level1,
    pub(super) level2: Option<Arc<dyn SecondLevel>>,
    pub(super) lifetimes: Lifetimes,
    pub(super) compress_above: usize,
    pub(super) lead: Duration,
    pub(super) clock: Box<dyn Clock>,
    pub(super) epochs: Epochs,
    pub(super) counters: Arc<Counters>,
    /// Of the entry made last.
    pub(super) sequence: AtomicU64,
}

/// What level 1 has.
pub(super) enum Look {
    Fresh(Entry),
    Stale(Entry),
    Nothing,
}

/// A value that is handed out and not kept: it may be outdated, its kind lives for no time, or there is no room.
pub(super) struct Unkept(pub(super) Option<Packed>);

impl Inner {
    /// What level 1 has. An entry that may not be served is removed, unless another has replaced it already.
    pub(super) async fn look(&self, key: &Key) -> Look {
        let Some(entry) = self.level1.map.get(key).await else { return Look::Nothing };
        let now = self.clock.now();
        if !self.alive(key, &entry, now) {
            self.remove(key, &entry).await;
            return Look::Nothing;
        }
        entry.touch(now);
        if now < entry.fresh_until { Look::Fresh(entry) } else { Look::Stale(entry) }
    }

    pub(super) async fn fresh(&self, key: &Key) -> Option<Entry> {
        match self.look(key).await {
            Look::Fresh(entry) => Some(entry),
            Look::Stale(_) | Look::Nothing => None,
        }
    }

    /// As [`Inner::fresh`], and what is stale is removed to make way for a load.
    pub(super) async fn fresh_or_removed(&self, key: &Key) -> Option<Entry> {
        match self.look(key).await {
            Look::Fresh(entry) => Some(entry),
            Look::Stale(entry) => {
                self.remove(key, &entry).await;
                None
            }
            Look::Nothing => None,
        }
    }

    async fn remove(&self, key: &Key, entry: &Entry) {
        self.level1
            .map
            .entry_by_ref(key)
            .and_compute_with(async |present| match present {
                Some(present) if present.value().sequence == entry.sequence => Op::Remove,
                _ => Op::Nop,
            })
            .await;
    }

    fn alive(&self, key: &Key, entry: &Entry, now: Duration) -> bool {
        now < entry.ends_at && entry.ticket.generation == self.epochs.generation(key.kind())
    }

    pub(super) fn hit(&self, key: &Key, entry: &Entry) -> Option<Bytes> {
        let counters = self.counters.of(key.kind());
        count(&counters.hits);
        if entry.value.is_none() {
            count(&counters.absent_hits);
        }
        entry.bytes()
    }

    /// An entry of level 1, room made for it; to be inserted at once.
    pub(super) async fn make(
        &self,
        key: &Key,
        value: Option<Packed>,
        span: Span,
        ticket: Ticket,
    ) -> Result<Entry, Unkept> {
        if (span.fresh + span.stale).is_zero() || !self.epochs.holds(key, ticket) {
            return Err(Unkept(value));
        }
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let entry = Arc::new(Body::new(key, value, ticket, self.clock.now(), span, sequence));
        if self.level1.admit(key, &entry).await { Ok(entry) } else { Err(Unkept(entry.value.clone())) }
    }

    /// Puts an entry into level 1, in place of what is there.
    pub(super) async fn keep(&self, key: &Key, value: Option<Packed>, span: Span, ticket: Ticket) {
        match self.make(key, value, span, ticket).await {
            Ok(entry) => {
                self.level1.map.insert(key.clone(), entry).await;
                self.drop_if_outdated(key, ticket).await;
            }
            Err(_) => self.level1.map.invalidate(key).await,
        }
    }

    /// Closes the gap between the last look at the ticket and the insert.
    pub(super) async fn drop_if_outdated(&self, key: &Key, ticket: Ticket) {
        if !self.epochs.holds(key, ticket) {
            self.level1.map.invalidate(key).await;
        }
    }

    /// What is found lives on for the time it has left.
    pub(super) fn span_of(&self, found: &Found) -> Span {
        let stale = if found.value.is_some() { self.lifetimes.stale.min(found.left) } else { Duration::ZERO };
        Span { fresh: found.left.saturating_sub(stale), stale }
    }

    /// What level 2 has, fresh or stale.
    pub(super) async fn ask_level2(&self, key: &Key) -> Option<Found> {
        let mut found = self.ask_level2_for(std::slice::from_ref(key)).await;
        found.pop().flatten()
    }

    /// What level 2 has, in the order of `keys`; nothing when there is no such level.
    pub(super) async fn ask_level2_for(&self, keys: &[Key]) -> Vec<Option<Found>> {
        let Some(level2) = self.level2.as_ref().filter(|_| !keys.is_empty()) else { return Vec::new() };
        let found = self.note(level2.get(keys).await).unwrap_or_default();
        for (key, _) in keys.iter().zip(&found).filter(|(_, found)| found.is_some()) {
            count(&self.counters.of(key.kind()).level2_hits);
        }
        found
    }

    pub(super) async fn tell_level2(&self, entries: Vec<Stored>) {
        if let Some(level2) = self.level2.as_ref().filter(|_| !entries.is_empty()) {
            self.note(level2.put(&entries).await);
        }
    }

    /// As level 2 is to keep it; `None` when it lives for no time.
    pub(super) fn stored(&self, key: &Key, value: Option<Packed>) -> Option<Stored> {
        let span = self.lifetimes.span(key, value.is_some());
        let lives = span.fresh + span.stale;
        (!lives.is_zero()).then(|| Stored { key: key.clone(), value, lives })
    }

    /// Counts a failure.
    pub(super) fn note<T>(&self, result: Result<T, SecondLevelError>) -> Option<T> {
        result
            .inspect_err(|error| {
                let skipped = *error == SecondLevelError::Skipped;
                count(if skipped { &self.counters.level2_skipped } else { &self.counters.level2_errors });
            })
            .ok()
    }

    /// Forgets in both levels, level 1 twice: what was read from level 2 meanwhile may be old.
    pub(super) async fn forget(&self, what: Invalidation) {
        self.forget_here(&what).await;
        if let Some(level2) = &self.level2 {
            self.note(level2.invalidate(std::slice::from_ref(&what)).await);
            self.forget_here(&what).await;
        }
        self.count_invalidation(&what);
    }

    pub(super) fn count_invalidation(&self, what: &Invalidation) {
        for kind in Kind::ALL.into_iter().filter(|kind| what.concerns(*kind)) {
            count(&self.counters.of(kind).invalidations);
        }
    }

    /// Forgets in level 1: at once for every later look-up; the memory is freed bit by bit.
    pub(super) async fn forget_here(&self, what: &Invalidation) {
        match what {
            Invalidation::Entry(key) => {
                self.epochs.bump_key(key);
                self.level1.map.invalidate(key).await;
            }
            Invalidation::Kind(kind) => self.forget_kind(*kind),
            Invalidation::Everything => Kind::ALL.into_iter().for_each(|kind| self.forget_kind(kind)),
            Invalidation::Tag(tag) => {
                let (now, tag) = (self.epochs.bump_sweeps(), tag.clone());
                self.sweep(move |_, entry| entry.ticket.sweeps < now && entry.has_tag(&tag));
            }
            Invalidation::Pattern(kind, pattern) => {
                let (now, kind, pattern) = (self.epochs.bump_sweeps(), *kind, pattern.clone());
                self.sweep(move |key, entry| {
                    key.kind() == kind && entry.ticket.sweeps < now && pattern.matches(key.id())
                });
            }
        }
    }

    fn forget_kind(&self, kind: Kind) {
        let now = self.epochs.bump_kind(kind);
        self.sweep(move |key, entry| key.kind() == kind && entry.ticket.generation < now);
    }

    fn sweep(&self, outdated: impl Fn(&Key, &Entry) -> bool + Send + Sync + 'static) {
        // The error says that closures are not supported; they were switched on when the cache was built.
        let _ = self.level1.map.invalidate_entries_if(outdated);
    }
}
