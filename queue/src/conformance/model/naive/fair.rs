//! Whose turn it is among fairness keys, and which of them are held back.

use super::Naive;
use crate::JobState::{Available, Running};
use crate::{JobRecord, KeyLimits, Priority, Timestamp};
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Keys {
    fair: bool,
    /// Last turn served, by queue and priority.
    served: BTreeMap<(String, Priority), u64>,
    /// Next turn of each key that has available jobs.
    turns: BTreeMap<(String, Priority, String), u64>,
    limits: BTreeMap<String, KeyLimits>,
    /// Rates as leaky buckets: what is in the bucket of each queue and key, in microseconds, and since when.
    buckets: BTreeMap<(String, String), (i64, Timestamp)>,
}

impl Keys {
    pub(super) fn new(fair: bool) -> Self {
        Self { fair, ..Self::default() }
    }

    pub(super) fn limits(&self, queue: &str) -> KeyLimits {
        self.limits.get(queue).copied().unwrap_or_default()
    }

    fn level(&self, queue: &str, key: &str, now: Timestamp) -> i64 {
        let bucket = self.buckets.get(&(queue.to_owned(), key.to_owned()));
        bucket.map_or(0, |(level, at)| (level - 1000 * (now.0 - at.0)).max(0))
    }
}

/// Jobs without a key and with an empty one are alike.
pub(super) fn share(job: &JobRecord) -> &str {
    job.fairness_key.as_deref().unwrap_or("")
}

impl Naive {
    /// After every call: keys that got available jobs join, those that have none any more are forgotten.
    pub(in super::super) fn meet_keys(&mut self) {
        if !self.keys.fair {
            return;
        }
        let mut turns = BTreeMap::new();
        for job in self.jobs.iter().map(|job| &job.record).filter(|job| job.state == Available) {
            let name = (job.queue.clone(), job.priority, share(job).to_owned());
            let served = self.keys.served.get(&(job.queue.clone(), job.priority)).copied().unwrap_or(0);
            let turn = self.keys.turns.get(&name).copied().unwrap_or(served + 1);
            turns.insert(name, turn);
        }
        self.keys.turns = turns;
    }

    /// What decides between the keys of a priority. All the same where keys mean nothing.
    pub(super) fn turn_of<'j>(&self, job: &'j JobRecord) -> Option<(u64, &'j str)> {
        let turn = self.keys.turns.get(&(job.queue.clone(), job.priority, share(job).to_owned()))?;
        Some((*turn, share(job)))
    }

    pub(super) fn is_held_back(&self, queue: &str, key: &str) -> bool {
        let KeyLimits { running, rate } = self.keys.limits(queue);
        if key.is_empty() {
            return false;
        }
        let runs = |job: &&JobRecord| job.state == Running && job.queue == queue && share(job) == key;
        let count = self.jobs.iter().map(|job| &job.record).filter(runs).count();
        let full = rate.is_some_and(|rate| {
            let burst = i64::from(rate.jobs.get());
            self.keys.level(queue, key, self.now) > (burst - 1) * rate.interval()
        });
        full || running.is_some_and(|most| count >= most.get() as usize)
    }

    /// A job is going to be leased.
    pub(super) fn take_turn(&mut self, index: usize) {
        let job = &self.jobs[index].record;
        let (queue, key) = (job.queue.clone(), share(job).to_owned());
        if let Some(turn) = self.keys.turns.get_mut(&(queue.clone(), job.priority, key.clone())) {
            let served = self.keys.served.entry((queue.clone(), job.priority)).or_default();
            *served = (*served).max(*turn);
            *turn = *served + 1;
        }
        if let (Some(rate), false) = (self.keys.limits(&queue).rate, key.is_empty()) {
            let level = self.keys.level(&queue, &key, self.now) + rate.interval();
            self.keys.buckets.insert((queue, key), (level, self.now));
        }
    }

    pub(in super::super) fn set_limits(&mut self, queue: &str, limits: KeyLimits) {
        if self.keys.limits(queue).rate != limits.rate {
            self.keys.buckets.retain(|(limited, _), _| limited != queue);
        }
        if !limits.is_none() {
            self.queues.entry(queue.to_owned()).or_default();
        }
        self.keys.limits.insert(queue.to_owned(), limits);
    }
}
