//! How large the cache is, who leaves it, and how long its entries live.

use std::time::Duration;

use crate::{Key, Kind};

/// Size and lifetimes of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// Bound on the memory of level 1 in bytes: keys, values, bookkeeping and dictionaries as the allocator counts them.
    /// Beside it, under LFU, four bytes for each KiB say what was asked for. Default 64 MiB.
    pub max_bytes: u64,
    /// Who leaves level 1 for want of space. Default LFU.
    pub eviction: EvictionPolicy,
    /// How long entries live.
    pub lifetimes: Lifetimes,
    /// Longer values are kept compressed in both levels, if that gains a tenth: in level 2 each alone (lz4), in level 1
    /// with a dictionary of what the first values of their kind have in common (zstd), once there is one, and then from
    /// an eighth of this length. Default 1024 bytes.
    pub compress_above: usize,
    /// How long one process may load an entry that is costly to make while others wait for it to appear in level 2;
    /// then they load it themselves. Zero: none waits. Default 2 s.
    pub lead: Duration,
}

/// Who leaves level 1 for want of space: of sixteen entries drawn at random the first in this order. Those that ended go
/// before all others, then those of a version that a later one of their kind has come after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EvictionPolicy {
    /// The least often read for the bytes it takes, by counts that fade; and newcomers that were not asked for more often
    /// than those who would leave for them (`TinyLFU`). Best for skewed reading.
    #[default]
    Lfu,
    /// The one not read for longest.
    Lru,
    /// The one that came first.
    Fifo,
    /// The one that ends first.
    Ttl,
}

/// How long entries live, before the spread of ±10 %.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Documents of products; default one hour: they are invalidated when their product changes. Zero keeps none.
    pub product: Duration,
    /// Hits of searches; default five minutes: nobody can tell which searches a change touches. Zero keeps none.
    pub search: Duration,
    /// Pages of views; default fifteen minutes. Zero keeps none.
    pub view: Duration,
    /// Vectors of search texts; default one day: they change with the model only. Zero keeps none.
    pub query_vector: Duration,
    /// That there is no such thing; default ten seconds. Zero: it is not remembered.
    pub absent: Duration,
    /// How much longer an entry may be served while a new one is made, by
    /// [`Cache::get_or_renew`](crate::Cache::get_or_renew); default one minute.
    pub stale: Duration,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            max_bytes: 64 << 20,
            eviction: EvictionPolicy::default(),
            lifetimes: Lifetimes::default(),
            compress_above: 1024,
            lead: Duration::from_secs(2),
        }
    }
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            product: Duration::from_hours(1),
            search: Duration::from_mins(5),
            view: Duration::from_mins(15),
            query_vector: Duration::from_hours(24),
            absent: Duration::from_secs(10),
            stale: Duration::from_mins(1),
        }
    }
}

impl Lifetimes {
    /// The lifetime of one kind.
    pub fn of(&self, kind: Kind) -> Duration {
        match kind {
            Kind::Product => self.product,
            Kind::Search => self.search,
            Kind::View => self.view,
            Kind::QueryVector => self.query_vector,
        }
    }

    /// How long a value under this key may be served, or that there is none.
    pub(crate) fn span(&self, key: &Key, is_there: bool) -> crate::entry::Span {
        let kept = self.of(key.kind());
        let (fresh, stale) =
            if is_there { (kept, self.stale) } else { (self.absent.min(kept), Duration::ZERO) };
        let fresh = crate::lifetime::jittered(fresh, key.stable_hash());
        crate::entry::Span { fresh, stale: if fresh.is_zero() { Duration::ZERO } else { stale } }
    }
}
