//! Claimed jobs that are not in a call yet, and which of them form the next call.

use crate::{BatchController, KindStats, StopReason};
use backstock_queue::{
    BatchLimits, Lease, LeaseKey, PriorityOrder, Timestamp, handler::KindInfo, order::aged_level,
};
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// Claimed jobs by kind: the more urgent first, else in the order they were claimed.
#[derive(Debug)]
pub(super) struct Buffer {
    kinds: Vec<Kind>,
    order: PriorityOrder,
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
    waiting: Waiting,
    more: More,
}

/// Jobs of one kind, by how urgent they were when they were claimed: a high job must not wait behind the low ones that
/// were claimed ahead.
#[derive(Debug, Default)]
struct Waiting {
    levels: [VecDeque<Job>; 4],
}

#[derive(Debug)]
struct Job {
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
        Self { info, controller, stats, waiting: Waiting::default(), more: More::No }
    }

    fn limit(&self) -> usize {
        if self.info.batched { self.controller.limit() } else { 1 }
    }

    /// Whether a call of this kind can start, and why it would have no more jobs.
    fn ready(&self, now: Instant) -> Option<StopReason> {
        let since = self.waiting.since()?;
        if !self.info.batched {
            return Some(StopReason::MaxJobs);
        }
        if self.waiting.len() >= self.limit() {
            return Some(self.controller.bound());
        }
        let max_wait = self.controller.limits().max_wait;
        let waited = now.duration_since(since) >= max_wait;
        match self.more {
            More::Maybe => None,
            More::No | More::Unavailable if !waited => None,
            More::Unavailable => Some(StopReason::StoreUnavailable),
            More::No if max_wait.is_zero() => Some(StopReason::QueueEmpty),
            More::No => Some(StopReason::MaxWait),
        }
    }
}

impl Waiting {
    fn len(&self) -> usize {
        self.levels.iter().map(VecDeque::len).sum()
    }

    fn is_empty(&self) -> bool {
        self.levels.iter().all(VecDeque::is_empty)
    }

    /// Place of the first job among those of all kinds.
    fn rank(&self) -> Option<(usize, u64)> {
        let mut firsts = self.levels.iter().enumerate();
        firsts.find_map(|(level, jobs)| Some((level, jobs.front()?.sequence)))
    }

    /// How long the oldest has waited here.
    fn since(&self) -> Option<Instant> {
        self.levels.iter().filter_map(|jobs| jobs.front()).map(|job| job.since).min()
    }

    /// Takes out the first `count`.
    fn take(&mut self, mut count: usize) -> Vec<Lease> {
        let mut taken = Vec::with_capacity(count.min(self.len()));
        for jobs in &mut self.levels {
            let from_here = count.min(jobs.len());
            count -= from_here;
            taken.extend(jobs.drain(..from_here).map(|job| job.lease));
        }
        taken
    }

    fn remove(&mut self, key: LeaseKey) -> Option<Lease> {
        self.levels.iter_mut().find_map(|jobs| {
            let index = jobs.iter().position(|job| job.lease.key() == key)?;
            jobs.remove(index).map(|job| job.lease)
        })
    }
}

impl Buffer {
    pub fn new(kinds: impl IntoIterator<Item = (KindInfo, BatchLimits)>, order: PriorityOrder) -> Self {
        let kinds: Vec<Kind> = kinds.into_iter().map(|(info, limits)| Kind::new(info, limits)).collect();
        Self { mix: vec![0; kinds.len()], kinds, order, sequence: 0 }
    }

    /// How urgent a job is now: 0 to 3. With weights the store has drawn the order, and it stays.
    pub fn level(&self, lease: &Lease, wall: Timestamp) -> usize {
        match self.order {
            PriorityOrder::Strict { aging } => {
                usize::from(aged_level(lease.priority, lease.due_at, aging, wall)).min(3)
            }
            PriorityOrder::Weighted { .. } => 0,
        }
    }

    /// The level of the least urgent job here.
    pub fn least_urgent(&self) -> Option<usize> {
        let last = |kind: &Kind| kind.waiting.levels.iter().rposition(|jobs| !jobs.is_empty());
        self.kinds.iter().filter_map(last).max()
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
    pub fn add(&mut self, ask: Ask, leases: Vec<Lease>, now: Instant, wall: Timestamp) -> Vec<Lease> {
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
            let job = Job { sequence: self.sequence, since: now, lease };
            let level = self.level(&job.lease, wall);
            self.kinds[index].waiting.levels[level].push_back(job);
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

    /// The call to start now: of the kind with the most urgent first job among those that are ready; between equals, the
    /// one that was claimed first.
    pub fn form(&mut self, now: Instant) -> Option<Formed> {
        let ready = self
            .kinds
            .iter()
            .enumerate()
            .filter_map(|(index, kind)| Some((kind.waiting.rank()?, index, kind.ready(now)?)));
        let (_, kind, reason) = ready.min_by_key(|&(rank, ..)| rank)?;
        let chosen = &mut self.kinds[kind];
        let jobs = chosen.limit().min(chosen.waiting.len());
        let leases = chosen.waiting.take(jobs);
        let reason = chosen.info.batched.then_some(reason);
        if let Some(reason) = reason {
            *chosen.stats.stopped.entry(reason).or_default() += 1;
        }
        Some(Formed { kind, leases, reason })
    }

    /// When the first batch that waits for more jobs goes anyway.
    pub fn deadline(&self) -> Option<Instant> {
        let waits = self.kinds.iter().filter(|kind| kind.info.batched);
        waits.filter_map(|kind| Some(kind.waiting.since()? + kind.controller.limits().max_wait)).min()
    }

    /// Takes out one job; `None` when it is not here.
    pub fn remove(&mut self, key: LeaseKey) -> Option<Lease> {
        self.kinds.iter_mut().find_map(|kind| kind.waiting.remove(key))
    }

    /// Takes out the jobs that wait here for longer than `age` (and longer than their batch waits for more).
    pub fn take_older(&mut self, age: Duration, now: Instant) -> Vec<Lease> {
        let mut old = Vec::new();
        for kind in &mut self.kinds {
            let age = age + kind.controller.limits().max_wait;
            for jobs in &mut kind.waiting.levels {
                let fresh = jobs.partition_point(|job| now.duration_since(job.since) > age);
                old.extend(jobs.drain(..fresh).map(|job| job.lease));
            }
        }
        old
    }

    /// The leases of all.
    pub fn keys(&self) -> impl Iterator<Item = LeaseKey> {
        let levels = self.kinds.iter().flat_map(|kind| &kind.waiting.levels);
        levels.flatten().map(|job| job.lease.key())
    }

    /// Takes out everything.
    pub fn take_all(&mut self) -> Vec<Lease> {
        self.kinds.iter_mut().flat_map(|kind| kind.waiting.take(usize::MAX)).collect()
    }
}

#[cfg(test)]
#[path = "buffer_tests.rs"]
mod tests;
