//! What level 1 stores.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::Expiry;

use crate::epochs::Ticket;
use crate::{Key, Packed};

/// Estimate of what moka and the allocator spend on an entry beside key and value.
const OVERHEAD_BYTES: u64 = 288;

/// An entry; clones are the same one.
pub(crate) type Entry = Arc<Body>;

/// A value, or that there is none, and until when. Times are by the cache's clock.
#[derive(Debug)]
pub(crate) struct Body {
    /// `None`: there is no such thing.
    pub(crate) value: Option<Packed>,
    pub(crate) weight: u64,
    /// Rises with every entry made.
    pub(crate) sequence: u64,
    /// Counters when the value was asked for; it is outdated once its kind has moved on.
    pub(crate) ticket: Ticket,
    made_at: Duration,
    /// From then on it is served only to those who can do with an old one.
    pub(crate) fresh_until: Duration,
    /// From then on to nobody.
    pub(crate) ends_at: Duration,
    /// Milliseconds.
    used_at: AtomicU64,
    uses: AtomicU32,
    /// Somebody makes a new one.
    renewing: AtomicBool,
}

/// How long something may be served from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) fresh: Duration,
    /// After that, to those who can do with an old one.
    pub(crate) stale: Duration,
}

impl Body {
    pub(crate) fn new(
        key: &Key,
        value: Option<Packed>,
        ticket: Ticket,
        now: Duration,
        span: Span,
        sequence: u64,
    ) -> Self {
        let weight = weight(key, value.as_ref());
        let fresh_until = now.saturating_add(span.fresh);
        Self {
            value,
            weight,
            sequence,
            ticket,
            made_at: now,
            fresh_until,
            ends_at: fresh_until.saturating_add(span.stale),
            used_at: AtomicU64::new(now.as_millis() as u64),
            uses: AtomicU32::new(0),
            renewing: AtomicBool::new(false),
        }
    }

    /// What it holds.
    pub(crate) fn bytes(&self) -> Option<Bytes> {
        self.value.as_ref().map(Packed::unpack)
    }

    /// Whether it has this tag.
    pub(crate) fn has_tag(&self, tag: &str) -> bool {
        self.value.as_ref().is_some_and(|value| value.tags().contains(tag))
    }

    /// Notes that it was read.
    pub(crate) fn touch(&self, now: Duration) {
        self.used_at.store(now.as_millis() as u64, Ordering::Relaxed);
        let uses = self.uses.load(Ordering::Relaxed);
        // Two at once may count as one: this only ranks.
        self.uses.store(uses.saturating_add(1), Ordering::Relaxed);
    }

    pub(crate) fn used_at(&self) -> Duration {
        Duration::from_millis(self.used_at.load(Ordering::Relaxed))
    }

    pub(crate) fn uses(&self) -> u32 {
        self.uses.load(Ordering::Relaxed)
    }

    /// True for the first who asks: that one makes a new one.
    pub(crate) fn begin_renewal(&self) -> bool {
        !self.renewing.swap(true, Ordering::AcqRel)
    }

    /// The new one could not be made: the next who asks may try.
    pub(crate) fn renewal_failed(&self) {
        self.renewing.store(false, Ordering::Release);
    }
}

/// Weight of an entry in bytes.
pub(crate) fn weight(key: &Key, value: Option<&Packed>) -> u64 {
    let bytes = value.map_or(0, |value| {
        value.bytes().len() + value.tags().iter().map(|tag| tag.len() + size_of::<Box<str>>()).sum::<usize>()
    });
    OVERHEAD_BYTES + (key.id().len() + bytes) as u64
}

/// Frees the memory of ended entries by moka's own clock. Whether an entry may still be served is decided by its own
/// times; this only sweeps.
pub(crate) struct Sweep;

impl Expiry<Key, Entry> for Sweep {
    fn expire_after_create(&self, _: &Key, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.ends_at.saturating_sub(entry.made_at))
    }

    fn expire_after_update(
        &self,
        _: &Key,
        entry: &Entry,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.ends_at.saturating_sub(entry.made_at))
    }
}
