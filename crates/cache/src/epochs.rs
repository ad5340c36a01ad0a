//! Who was invalidated while being loaded.
//!
//! A load that began before an invalidation may bring the value from before it. It takes a ticket first and keeps what
//! it brought only if the ticket still holds. Keys share 256 counters by their hash, and all tags and patterns share
//! one: a collision makes one load not be kept, never a stale value be kept.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Key, Kind};

const SHARDS: usize = 256;

pub(crate) struct Epochs {
    keys: Box<[AtomicU64]>,
    kinds: [AtomicU64; Kind::ALL.len()],
    /// Tags and patterns.
    sweeps: AtomicU64,
}

/// The counters as they were when a load began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    key: u64,
    pub(crate) generation: u64,
    sweeps: u64,
}

impl Epochs {
    pub(crate) fn new() -> Self {
        let keys = (0..SHARDS).map(|_| AtomicU64::new(0)).collect();
        Self { keys, kinds: Default::default(), sweeps: AtomicU64::new(0) }
    }

    pub(crate) fn ticket(&self, key: &Key) -> Ticket {
        Ticket {
            key: self.shard(key).load(Ordering::SeqCst),
            generation: self.generation(key.kind()),
            sweeps: self.sweeps.load(Ordering::SeqCst),
        }
    }

    pub(crate) fn holds(&self, key: &Key, ticket: Ticket) -> bool {
        self.ticket(key) == ticket
    }

    pub(crate) fn generation(&self, kind: Kind) -> u64 {
        self.kinds[kind.index()].load(Ordering::SeqCst)
    }

    pub(crate) fn bump_key(&self, key: &Key) {
        self.shard(key).fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn bump_kind(&self, kind: Kind) {
        self.kinds[kind.index()].fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn bump_sweeps(&self) {
        self.sweeps.fetch_add(1, Ordering::SeqCst);
    }

    fn shard(&self, key: &Key) -> &AtomicU64 {
        &self.keys[key.stable_hash() as usize % SHARDS]
    }
}
