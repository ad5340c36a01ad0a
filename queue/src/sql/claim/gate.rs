//! What the keys of one queue have and may have, while a claim is made.

use crate::{KeyLimits, Tat, Timestamp};
use std::collections::BTreeMap;

/// Read at the beginning, counted on in memory.
pub(super) struct Gate {
    limits: KeyLimits,
    now: Timestamp,
    used: BTreeMap<String, Used>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Used {
    running: u32,
    tat: Option<Tat>,
    started: bool,
}

impl Gate {
    pub(super) const fn new(limits: KeyLimits, now: Timestamp) -> Self {
        Self { limits, now, used: BTreeMap::new() }
    }

    pub(super) const fn limits(&self) -> KeyLimits {
        self.limits
    }

    /// The greatest arrival time with which a key may have a job now; `None` without a rate.
    pub(super) fn latest_tat(&self) -> Option<i64> {
        self.limits.rate.map(|rate| rate.latest(self.now).0)
    }

    /// What the file says of `key`.
    pub(super) fn read(&mut self, key: &str, running: u32, tat: Option<i64>) {
        if !self.limits.is_none() && !key.is_empty() && !self.used.contains_key(key) {
            self.used.insert(key.to_owned(), Used { running, tat: tat.map(Tat), started: false });
        }
    }

    /// The moment from which `key` may have another job, in the past when it may now; `None` when it must let go of one
    /// first.
    pub(super) fn opens(&self, key: &str) -> Option<Timestamp> {
        const LONG_AGO: Timestamp = Timestamp(i64::MIN);
        let Some(used) = self.used.get(key) else { return Some(LONG_AGO) };
        if !self.limits.has_slot(used.running) {
            return None;
        }
        Some(self.limits.rate.zip(used.tat).map_or(LONG_AGO, |(rate, tat)| rate.free_at(tat)))
    }

    pub(super) fn is_open(&self, key: &str) -> bool {
        self.used.is_empty() || self.opens(key).is_some_and(|at| at <= self.now)
    }

    /// A job of `key` is leased.
    pub(super) fn start(&mut self, key: &str) {
        let Some(used) = self.used.get_mut(key) else { return };
        used.running += 1;
        used.started = true;
        used.tat = self.limits.rate.map(|rate| rate.start(used.tat, self.now));
    }

    /// The arrival times that this claim moved.
    pub(super) fn moved(&self) -> impl Iterator<Item = (&str, i64)> {
        let started = self.used.iter().filter(|(_, used)| used.started);
        started.filter_map(|(key, used)| Some((key.as_str(), used.tat?.0)))
    }
}
