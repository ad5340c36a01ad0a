//! Claimed jobs that are not in a call yet, and which of them form the next call.

use crate::{BatchController, KindStats, StopReason};
use backstock_queue::{BatchLimits, Lease, LeaseKey, handler::KindInfo};
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// Claimed jobs by kind, in the order they were claimed.
#[derive(Debug)]
pub(super) struct Buffer {
    kinds: Vec<Kind>,
    sequence: u64,
    /// Jobs of each kind in the last claim that found any.
    mix: Vec<u32>,
}

/// One kind of the lane.
#[derive(Debug)]
pub(super) struct Kind {
    pub info: KindInfo,
    pub controller: BatchController,
    pub stats: KindStats,
    waiting: VecDeque<Waiting>,
    more: More,
}

#[derive(Debug)]
struct Waiting {
    sequence: u64,
    since: Instant,
    lease: Lease,
}

/// Whether the store has more jobs of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum More {
    Maybe,
    No,
    Unavailable,
}

/// Leases that go into one call.
#[derive(Debug)]
pub(super) struct Formed {
    pub kind: usize,
    pub leases: Vec<Lease>,
    /// `None` for handlers of single jobs.
    pub reason: Option<StopReason>,
}

/// What a claim asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    /// Only this kind, to fill a batch; else all kinds of the lane.
    pub kind: Option<usize>,
    /// At most this many jobs.
    pub max: usize,
}

impl Kind {
    fn new(info: KindInfo, limits: BatchLimits) -> Self {
        let controller = BatchController::new(limits);
        let stats = KindStats { kind: info.kind, ..KindStats::default() };
        Self { info, controller, stats, waiting: VecDeque::new(), more: More::No }
    }

    fn limit(&self) -> usize {
        if self.info.batched { self.controller.limit() } else { 1 }
    }

    /// Whether a call of this kind can start, and why it would have no more jobs.
    fn ready(&self, now: Instant) -> Option<StopReason> {
        let first = self.waiting.front()?;
        if !self.info.batched {
            return Some(StopReason::MaxJobs);
        }
        if self.waiting.len() >= self.limit() {
            return Some(self.controller.bound());
        }
        let max_wait = self.controller.limits().max_wait;
        let waited = now.duration_since(first.since) >= max_wait;
        match self.more {
            More::Maybe => None,
            More::No | More::Unavailable if !waited => None,
            More::Unavailable => Some(StopReason::StoreUnavailable),
            More::No if max_wait.is_zero() => Some(StopReason::QueueEmpty),
            More::No => Some(StopReason::MaxWait),
        }
    }
}

impl Buffer {
    pub fn new(kinds: impl IntoIterator<Item = (KindInfo, BatchLimits)>) -> Self {
        let kinds: Vec<Kind> = kinds.into_iter().map(|(info, limits)| Kind::new(info, limits)).collect();
        Self { mix: vec![0; kinds.len()], kinds, sequence: 0 }
    }

    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    pub fn kind_mut(&mut self, kind: usize) -> &mut Kind {
        &mut self.kinds[kind]
    }

    pub fn len(&self) -> usize {
        self.kinds.iter().map(|kind| kind.waiting.len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.kinds.iter().all(|kind| kind.waiting.is_empty())
    }

    /// Adds what a claim gave; gives back jobs of kinds that were not asked for.
    pub fn add(&mut self, ask: Ask, leases: Vec<Lease>, now: Instant) -> Vec<Lease> {
        let more = if leases.len() < ask.max { More::No } else { More::Maybe };
        let mut strangers = Vec::new();
        let mut mix = vec![0; self.kinds.len()];
        for lease in leases {
            let Some(index) = self.kinds.iter().position(|kind| kind.info.kind == lease.kind) else {
                strangers.push(lease);
                continue;
            };
            mix[index] += 1;
            self.sequence += 1;
            self.kinds[index].waiting.push_back(Waiting { sequence: self.sequence, since: now, lease });
        }
        if let Some(kind) = ask.kind {
            self.kinds[kind].more = more;
        } else {
            self.kinds.iter_mut().for_each(|kind| kind.more = more);
            if mix.iter().any(|&jobs| jobs > 0) {
                self.mix = mix;
            }
        }
        strangers
    }

    /// The store may have more than it had.
    pub fn may_have_more(&mut self) {
        self.kinds.iter_mut().for_each(|kind| kind.more = More::Maybe);
    }

    /// The store does not answer: what is here has to do.
    pub fn has_no_store(&mut self) {
        self.kinds.iter_mut().for_each(|kind| kind.more = More::Unavailable);
    }

    /// How many calls the jobs here make.
    pub fn calls(&self) -> usize {
        self.kinds.iter().map(|kind| kind.waiting.len().div_ceil(kind.limit())).sum()
    }

    /// How many claimed jobs make one call, going by the kinds that were claimed last.
    pub fn jobs_per_call(&self) -> f64 {
        let claimed: u32 = self.mix.iter().sum();
        if claimed == 0 {
            return self.kinds.iter().map(Kind::limit).min().unwrap_or(1) as f64;
        }
        let pairs = self.mix.iter().zip(&self.kinds);
        let calls: f64 = pairs.map(|(&jobs, kind)| f64::from(jobs) / kind.limit() as f64).sum();
        f64::from(claimed) / calls
    }

    /// A batch that is begun and may find more jobs in the store.
    pub fn unfilled(&self) -> Option<Ask> {
        let open = |kind: &Kind| {
            let begun = kind.info.batched && !kind.waiting.is_empty() && kind.waiting.len() < kind.limit();
            begun && kind.more == More::Maybe
        };
        let index = self.kinds.iter().position(open)?;
        let max = self.kinds[index].limit() - self.kinds[index].waiting.len();
        Some(Ask { kind: Some(index), max })
    }

    /// The call to start now: of the kind whose first job was claimed first among those that are ready.
    pub fn form(&mut self, now: Instant) -> Option<Formed> {
        let ready = self
            .kinds
            .iter()
            .enumerate()
            .filter_map(|(index, kind)| Some((kind.waiting.front()?.sequence, index, kind.ready(now)?)));
        let (_, kind, reason) = ready.min_by_key(|&(sequence, ..)| sequence)?;
        let chosen = &mut self.kinds[kind];
        let jobs = chosen.limit().min(chosen.waiting.len());
        let leases = chosen.waiting.drain(..jobs).map(|waiting| waiting.lease).collect();
        let reason = chosen.info.batched.then_some(reason);
        if let Some(reason) = reason {
            *chosen.stats.stopped.entry(reason).or_default() += 1;
        }
        Some(Formed { kind, leases, reason })
    }

    /// When the first batch that waits for more jobs goes anyway.
    pub fn deadline(&self) -> Option<Instant> {
        let waits = self.kinds.iter().filter(|kind| kind.info.batched);
        waits.filter_map(|kind| Some(kind.waiting.front()?.since + kind.controller.limits().max_wait)).min()
    }

    /// Takes out one job; `None` when it is not here.
    pub fn remove(&mut self, key: LeaseKey) -> Option<Lease> {
        self.kinds.iter_mut().find_map(|kind| {
            let index = kind.waiting.iter().position(|waiting| waiting.lease.key() == key)?;
            kind.waiting.remove(index).map(|waiting| waiting.lease)
        })
    }

    /// Takes out the jobs that wait here for longer than `age` (and longer than their batch waits for more).
    pub fn take_older(&mut self, age: Duration, now: Instant) -> Vec<Lease> {
        let mut old = Vec::new();
        for kind in &mut self.kinds {
            let age = age + kind.controller.limits().max_wait;
            let fresh = kind.waiting.partition_point(|waiting| now.duration_since(waiting.since) > age);
            old.extend(kind.waiting.drain(..fresh).map(|waiting| waiting.lease));
        }
        old
    }

    /// The leases of all.
    pub fn keys(&self) -> impl Iterator<Item = LeaseKey> {
        self.kinds.iter().flat_map(|kind| kind.waiting.iter().map(|waiting| waiting.lease.key()))
    }

    /// Takes out everything.
    pub fn take_all(&mut self) -> Vec<Lease> {
        self.kinds.iter_mut().flat_map(|kind| kind.waiting.drain(..).map(|waiting| waiting.lease)).collect()
    }
}

#[cfg(test)]
#[path = "buffer_tests.rs"]
mod tests;
