//! What the fairness keys of one queue have, and what they may have.

use crate::{KeyLimits, Tat, Timestamp};
use std::collections::HashMap;

#[derive(Debug, Default)]
pub(super) struct Gate {
    limits: KeyLimits,
    /// Leased jobs by key.
    running: HashMap<String, u32>,
    /// Keys that have used some of their burst.
    tats: HashMap<String, Tat>,
}

impl Gate {
    pub(super) const fn limits(&self) -> KeyLimits {
        self.limits
    }

    /// Whether anything changed. Another rate starts afresh.
    pub(super) fn set(&mut self, limits: KeyLimits) -> bool {
        if self.limits.rate != limits.rate {
            self.tats.clear();
        }
        std::mem::replace(&mut self.limits, limits) != limits
    }

    /// The moment from which `key` may have another job, in the past when it may now; `None` when it must let go of one
    /// first.
    pub(super) fn opens(&self, key: &str) -> Option<Timestamp> {
        const LONG_AGO: Timestamp = Timestamp(i64::MIN);
        if key.is_empty() {
            return Some(LONG_AGO);
        }
        if !self.limits.has_slot(self.running.get(key).copied().unwrap_or(0)) {
            return None;
        }
        let used = self.limits.rate.zip(self.tats.get(key).copied());
        Some(used.map_or(LONG_AGO, |(rate, tat)| rate.free_at(tat)))
    }

    pub(super) fn is_open(&self, key: &str, now: Timestamp) -> bool {
        self.opens(key).is_some_and(|at| at <= now)
    }

    /// Counts a job of `key` against its rate.
    pub(super) fn start(&mut self, key: &str, now: Timestamp) {
        if let (Some(rate), false) = (self.limits.rate, key.is_empty()) {
            let tat = rate.start(self.tats.get(key).copied(), now);
            self.tats.insert(key.to_owned(), tat);
        }
    }

    /// Drops what no longer matters.
    pub(super) fn forget_idle(&mut self, now: Timestamp) {
        self.tats.retain(|_, tat| !tat.is_idle(now));
    }

    pub(super) fn lease(&mut self, key: &str) {
        *self.running.entry(key.to_owned()).or_default() += 1;
    }

    pub(super) fn let_go(&mut self, key: &str) {
        if let Some(count) = self.running.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.running.remove(key);
            }
        }
    }
}
