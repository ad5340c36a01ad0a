//! What level 1 stores.

use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::Expiry;

use crate::Key;

/// Estimate of what moka and the allocator spend on an entry beside key and value.
const OVERHEAD_BYTES: u64 = 192;

/// A value and the time at which it ends.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) value: Bytes,
    /// By the cache's clock.
    pub(crate) expires_at: Duration,
    pub(crate) lives: Duration,
    /// Count of the kind when the value was made; it is outdated once the kind has moved on.
    pub(crate) generation: u64,
}

/// Weight of an entry in bytes.
pub(crate) fn weight(key: &Key, value: &[u8]) -> u64 {
    OVERHEAD_BYTES + key.id().len() as u64 + value.len() as u64
}

/// Frees the memory of expired entries by moka's own clock. Whether an entry may still be served is decided by
/// `expires_at`; this only sweeps.
pub(crate) struct Sweep;

impl Expiry<Key, Entry> for Sweep {
    fn expire_after_create(&self, _: &Key, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.lives)
    }

    fn expire_after_update(
        &self,
        _: &Key,
        entry: &Entry,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.lives)
    }
}
