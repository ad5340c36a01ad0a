//! Settlements the store has not confirmed yet.

use backstock_queue::{Claim, LeaseKey, Settlement};
use std::collections::VecDeque;
use tokio::time::Instant;

/// In the order the calls ended. Nothing leaves before the store confirmed it.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    settlements: VecDeque<Settlement>,
    since: Option<Instant>,
}

impl Outbox {
    /// Most settlements sent at a time.
    pub const MAX: usize = Claim::MAX;

    pub fn push(&mut self, settlement: Settlement, now: Instant) {
        self.settlements.push_back(settlement);
        self.since.get_or_insert(now);
    }

    pub fn len(&self) -> usize {
        self.settlements.len()
    }

    pub fn is_empty(&self) -> bool {
        self.settlements.is_empty()
    }

    /// When the oldest was put in.
    pub const fn since(&self) -> Option<Instant> {
        self.since
    }

    /// The oldest, to be sent: a copy, because the sending may fail.
    pub fn peek(&self) -> Vec<Settlement> {
        self.settlements.iter().take(Self::MAX).cloned().collect()
    }

    /// The leases of all.
    pub fn keys(&self) -> impl Iterator<Item = LeaseKey> {
        self.settlements.iter().map(|settlement| settlement.lease)
    }

    /// Removes the oldest `sent`, which the store confirmed.
    pub fn confirm(&mut self, sent: usize, now: Instant) -> Vec<Settlement> {
        let confirmed = self.settlements.drain(..sent.min(self.settlements.len())).collect();
        self.since = (!self.settlements.is_empty()).then_some(now);
        confirmed
    }
}
