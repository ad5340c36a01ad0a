//! How large the cache is and how long its entries live.

use std::time::Duration;

use crate::Kind;

/// Size and lifetimes of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// Bound on keys, values and an estimate of the bookkeeping, in bytes. Default 64 MiB.
    pub max_bytes: u64,
    /// Lifetime of each kind.
    pub lifetimes: Lifetimes,
}

/// Lifetime of each kind, before the spread of ±10 %. Zero keeps nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Default one hour: product entries are invalidated when their product changes.
    pub product: Duration,
    /// Default five minutes: nobody can tell which searches a change touches.
    pub search: Duration,
    /// Default fifteen minutes.
    pub view: Duration,
    /// Default one day: the vector of a text changes with the model only.
    pub query_vector: Duration,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self { max_bytes: 64 << 20, lifetimes: Lifetimes::default() }
    }
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            product: Duration::from_hours(1),
            search: Duration::from_mins(5),
            view: Duration::from_mins(15),
            query_vector: Duration::from_hours(24),
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
}
