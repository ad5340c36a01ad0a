//! Level 1: a bounded map in the process.
//!
//! moka is the map for every policy, and evicts by itself under LFU (`TinyLFU`) and LRU. Under FIFO and TTL it is
//! unbounded and [`Order`] says who leaves.

mod order;
mod victims;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use moka::future::Cache;
use moka::notification::RemovalCause;

use crate::entry::{Entry, Sweep};
use crate::statistics::{Counters, count};
use crate::{CacheOptions, EvictionPolicy, Key};

use order::{Leaving, Order};
use victims::{Candidate, victims};

pub(crate) struct Level1 {
    /// For look-ups and loads; whoever inserts asks [`Level1::admit`] first.
    pub(crate) map: Cache<Key, Entry>,
    order: Option<Arc<Mutex<Order>>>,
    policy: EvictionPolicy,
    /// Most bytes while memory is short.
    ceiling: AtomicU64,
    max_bytes: u64,
    counters: Arc<Counters>,
}

impl Level1 {
    pub(crate) fn new(options: &CacheOptions, counters: Arc<Counters>) -> Self {
        let order = match options.eviction {
            EvictionPolicy::Lfu | EvictionPolicy::Lru => None,
            EvictionPolicy::Fifo => Some(Order::by_arrival(options.max_bytes)),
            EvictionPolicy::Ttl => Some(Order::by_end(options.max_bytes)),
        };
        let order = order.map(|order| Arc::new(Mutex::new(order)));
        let builder = match options.eviction {
            EvictionPolicy::Lfu => bounded(options, moka::policy::EvictionPolicy::tiny_lfu()),
            EvictionPolicy::Lru => bounded(options, moka::policy::EvictionPolicy::lru()),
            EvictionPolicy::Fifo | EvictionPolicy::Ttl => Cache::builder(),
        };
        let (noted, ordered) = (counters.clone(), order.clone());
        let map = builder
            .expire_after(Sweep)
            .support_invalidation_closures()
            .eviction_listener(move |key: Arc<Key>, entry: Entry, cause| {
                noted.left(key.kind(), entry.weight);
                if cause == RemovalCause::Size {
                    count(&noted.of(key.kind()).evictions);
                }
                if let Some(order) = &ordered {
                    locked(order).remove(&key, entry.sequence);
                }
            })
            .build();
        let (policy, max_bytes) = (options.eviction, options.max_bytes);
        Self { map, order, policy, ceiling: AtomicU64::new(max_bytes), max_bytes, counters }
    }

    /// Makes room for an entry that is about to be inserted. False when there is none, because memory is short or the
    /// entry is larger than all of level 1; then whatever is there under its key must go.
    pub(crate) async fn admit(&self, key: &Key, entry: &Entry) -> bool {
        let ceiling = self.ceiling.load(Ordering::Relaxed);
        if ceiling < self.max_bytes && self.counters.bytes() + entry.weight > ceiling {
            count(&self.counters.of(key.kind()).evictions);
            return false;
        }
        if let Some(order) = &self.order {
            let leaving = locked(order).insert(key, entry.sequence, entry.ends_at, entry.weight);
            for leaving in leaving {
                count(&self.counters.of(leaving.key.kind()).evictions);
                if leaving.sequence == entry.sequence {
                    return false;
                }
                self.remove_one(&leaving).await;
            }
        }
        self.counters.entered(key.kind(), entry.weight);
        true
    }

    /// Frees at least `bytes`, or all there is, in the order of the policy. Returns what it came to.
    pub(crate) async fn free(&self, bytes: u64) -> u64 {
        let candidates = self
            .map
            .iter()
            .map(|(key, entry)| Candidate {
                key: Key::clone(&key),
                sequence: entry.sequence,
                weight: entry.weight,
                used_at: entry.used_at(),
                uses: entry.uses(),
                ends_at: entry.ends_at,
            })
            .collect();
        let mut freed = 0;
        for victim in victims(self.policy, candidates, bytes) {
            count(&self.counters.of(victim.key.kind()).evictions);
            self.remove_one(&Leaving { key: victim.key, sequence: victim.sequence }).await;
            freed += victim.weight;
        }
        self.map.run_pending_tasks().await;
        freed
    }

    /// Most bytes from now on; no more than the bound it was made with.
    pub(crate) fn set_ceiling(&self, bytes: u64) {
        self.ceiling.store(bytes.min(self.max_bytes), Ordering::Relaxed);
    }

    /// Removes the entry that is meant, not one that has taken its key since.
    async fn remove_one(&self, leaving: &Leaving) {
        use moka::ops::compute::Op;
        self.map
            .entry_by_ref(&leaving.key)
            .and_compute_with(async |present| match present {
                Some(present) if present.value().sequence == leaving.sequence => Op::Remove,
                _ => Op::Nop,
            })
            .await;
    }
}

/// A panic elsewhere leaves at worst a sum that is wrong by one entry.
fn locked(order: &Mutex<Order>) -> std::sync::MutexGuard<'_, Order> {
    order.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bounded(
    options: &CacheOptions,
    policy: moka::policy::EvictionPolicy,
) -> moka::future::CacheBuilder<Key, Entry, Cache<Key, Entry>> {
    Cache::builder()
        .max_capacity(options.max_bytes)
        .weigher(|_, entry: &Entry| u32::try_from(entry.weight).unwrap_or(u32::MAX))
        .eviction_policy(policy)
}

#[cfg(test)]
mod tests;
