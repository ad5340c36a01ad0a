//! What level 1 stores.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::held::{Held, block};
use crate::{Key, Tags};

/// What the table of level 1 takes for an entry: hash, pointer and place, and the room it keeps to grow.
const PLACE_BYTES: u64 = 40;
/// The two counters of an [`Arc`].
const COUNTERS_BYTES: usize = 16;

/// An entry; clones are the same one.
pub(crate) type Entry = Arc<Body>;

/// A value, or that there is none, and until when. Times are nanoseconds by the cache's clock.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) key: Key,
    /// `None`: there is no such thing.
    pub(crate) value: Option<Held>,
    tags: Tags,
    pub(crate) weight: u64,
    /// Rises with every entry made.
    pub(crate) sequence: u64,
    /// Of its kind when the value was asked for; it is outdated once its kind has moved on.
    pub(crate) generation: u64,
    /// From then on it is served only to those who can do with an old one.
    pub(crate) fresh_until: u64,
    /// From then on to nobody.
    pub(crate) ends_at: u64,
    used_at: AtomicU64,
    /// How often it was asked for, fading; see [`crate::level1`]. Written under the lock of its shard.
    heat: AtomicU32,
    age: AtomicU32,
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

impl Span {
    pub(crate) fn is_zero(self) -> bool {
        (self.fresh + self.stale).is_zero()
    }
}

/// When and in which order an entry was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Birth {
    pub(crate) now: Duration,
    pub(crate) sequence: u64,
    pub(crate) generation: u64,
}

impl Body {
    pub(crate) fn new(key: &Key, value: Option<Held>, tags: Tags, span: Span, birth: Birth) -> Self {
        let weight = weight(key, value.as_ref(), &tags);
        let fresh_until = birth.now.saturating_add(span.fresh);
        Self {
            key: key.clone(),
            value,
            tags,
            weight,
            sequence: birth.sequence,
            generation: birth.generation,
            fresh_until: nanos(fresh_until),
            ends_at: nanos(fresh_until.saturating_add(span.stale)),
            used_at: AtomicU64::new(nanos(birth.now)),
            heat: AtomicU32::new(0),
            age: AtomicU32::new(0),
            renewing: AtomicBool::new(false),
        }
    }

    /// What it holds.
    pub(crate) fn bytes(&self) -> Option<Bytes> {
        self.value.as_ref().map(Held::bytes)
    }

    /// Whether it has this tag.
    pub(crate) fn has_tag(&self, tag: &str) -> bool {
        self.tags.contains(tag)
    }

    /// Notes that it was read.
    pub(crate) fn touch(&self, now: u64) {
        self.used_at.store(now, Ordering::Relaxed);
    }

    pub(crate) fn used_at(&self) -> u64 {
        self.used_at.load(Ordering::Relaxed)
    }

    /// How often it was asked for as seen at `age`: halved for every age since the last change.
    pub(crate) fn heat(&self, age: u32) -> u32 {
        let passed = age.wrapping_sub(self.age.load(Ordering::Relaxed));
        self.heat.load(Ordering::Relaxed).checked_shr(passed).unwrap_or(0)
    }

    pub(crate) fn set_heat(&self, heat: u32, age: u32) {
        self.heat.store(heat, Ordering::Relaxed);
        self.age.store(age, Ordering::Relaxed);
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

/// A moment as entries keep it: nanoseconds, which last for 584 years.
pub(crate) fn nanos(moment: Duration) -> u64 {
    u64::try_from(moment.as_nanos()).unwrap_or(u64::MAX)
}

/// The least that an entry of a value of this length takes; nobody packs better than one to sixteen, or hardly ever.
pub(crate) fn least_weight(key: &Key, length: usize) -> u64 {
    weight(key, None, &Tags::default()) + length as u64 / 16
}

/// What an entry takes of memory in bytes, the allocator's part included. A test holds it against resident memory.
pub(crate) fn weight(key: &Key, value: Option<&Held>, tags: &Tags) -> u64 {
    PLACE_BYTES
        + block(size_of::<Body>() + COUNTERS_BYTES)
        + block(key.id().len())
        + value.map_or(0, Held::weight)
        + tags.weight()
}
