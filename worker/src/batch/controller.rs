//! The adaptive size: sees numbers, answers a limit.

use super::StopReason;
use backstock_queue::BatchLimits;
use std::time::Duration;

/// What one call looked like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallSample {
    /// Jobs in it; zero is ignored.
    pub jobs: usize,
    /// Jobs that ended in an error.
    pub failures: usize,
    /// How long it took.
    pub duration: Duration,
    /// What its jobs tallied as the kind's [`Load`](backstock_queue::Load), in sum.
    pub load: u64,
}

/// Looks for the smallest batch that is about as fast as any, and whose calls stay under the latency ceiling.
///
/// A call above the ceiling, or with more failures than successes, shrinks the size at once by up to a half. Otherwise
/// the size doubles while that raises the rate (jobs per second of full calls) by at least 5 %. When it no longer does,
/// the smaller size is kept and, every 32 full calls, a quarter more or a quarter less is tried in turn: more must pay
/// 5 %, less may cost 3 %. Sizes whose expected duration is above 90 % of the ceiling are not tried.
///
/// Where the kind bounds a load, no call gets more jobs than are likely to stay within it by the mean of the last jobs;
/// while that is what bounds it, the size behind it rests as it is.
#[derive(Clone, Debug)]
pub struct BatchController {
    limits: BatchLimits,
    /// What is measured now; `level.jobs` is the limit.
    level: Level,
    /// What it is compared with.
    before: Option<Level>,
    bound: StopReason,
    /// Load of one job.
    job_load: Mean,
    /// Full calls until the next try.
    hold: u32,
    climbing: bool,
    try_less: bool,
}

/// Rate of full calls of one size.
#[derive(Clone, Copy, Debug)]
struct Level {
    jobs: usize,
    jobs_per_second: Mean,
}

impl Level {
    const fn new(jobs: usize) -> Self {
        Self { jobs, jobs_per_second: Mean::NONE }
    }
}

/// A mean over calls at first, then one that forgets.
#[derive(Clone, Copy, Debug)]
struct Mean {
    calls: u32,
    value: f64,
}

impl Mean {
    const NONE: Self = Self { calls: 0, value: 0.0 };

    fn add(&mut self, value: f64) {
        self.calls = self.calls.saturating_add(1);
        self.value += (value - self.value) / f64::from(self.calls.min(8));
    }
}

impl BatchController {
    const HOLD: u32 = 32;
    const MORE_MUST_PAY: f64 = 1.05;
    const LESS_MAY_COST: f64 = 0.97;
    const CEILING_SHARE: f64 = 0.9;

    /// Starts at the kind's smallest size. Bounds out of order are put right: at least 1, at most
    /// [`Claim::MAX`](backstock_queue::Claim::MAX).
    pub fn new(limits: BatchLimits) -> Self {
        let max_jobs = limits.max_jobs.clamp(1, backstock_queue::Claim::MAX);
        let limits = BatchLimits { min_jobs: limits.min_jobs.clamp(1, max_jobs), max_jobs, ..limits };
        Self {
            limits,
            level: Level::new(limits.min_jobs),
            before: None,
            bound: Self::bound_of(limits.min_jobs, &limits),
            job_load: Mean::NONE,
            hold: 0,
            climbing: true,
            try_less: true,
        }
    }

    /// How many jobs the next call may get.
    pub fn limit(&self) -> usize {
        self.level.jobs.min(self.most_by_load())
    }

    /// Why a call with [`BatchController::limit`] jobs gets no more.
    pub fn bound(&self) -> StopReason {
        if self.most_by_load() < self.level.jobs { StopReason::MaxLoad } else { self.bound }
    }

    fn most_by_load(&self) -> usize {
        match self.limits.load {
            // Nothing known yet, or jobs that weigh nothing: a division by zero is more than any size.
            Some(load) => ((load.most as f64 / self.job_load.value) as usize).max(self.limits.min_jobs),
            None => usize::MAX,
        }
    }

    /// The bounds it keeps.
    pub const fn limits(&self) -> &BatchLimits {
        &self.limits
    }

    /// Learns from a call.
    pub fn observe(&mut self, sample: CallSample) {
        let CallSample { jobs, failures, duration, load } = sample;
        if jobs == 0 || self.limits.min_jobs == self.limits.max_jobs {
            return;
        }
        self.job_load.add(load as f64 / jobs as f64);
        let seconds = duration.as_secs_f64().max(1e-6);
        let ceiling = self.limits.latency_ceiling.as_secs_f64();
        if seconds > ceiling {
            self.shrink(Self::CEILING_SHARE * ceiling / seconds, StopReason::Ceiling);
        } else if failures * 2 > jobs {
            self.shrink(0.0, StopReason::LimitReached);
        } else if jobs >= self.level.jobs {
            self.level.jobs_per_second.add(jobs as f64 / seconds);
            self.judge();
        }
    }

    /// Goes on with `share` of the size: at least one job less, at most half.
    fn shrink(&mut self, share: f64, why: StopReason) {
        let wanted = (self.limit() as f64 * share.max(0.5)) as usize;
        let jobs = wanted.min(self.limit() - 1).max(self.limits.min_jobs);
        self.settle_at(jobs);
        self.bound = why;
    }

    fn judge(&mut self) {
        if self.hold > 0 {
            self.hold -= 1;
            if self.hold == 0 {
                self.try_another();
            }
            return;
        }
        let enough = if self.climbing { 2 } else { 4 };
        if self.level.jobs_per_second.calls < enough {
            return;
        }
        let Some(before) = self.before else { return self.grow() };
        let gain = self.level.jobs_per_second.value / before.jobs_per_second.value;
        if self.level.jobs > before.jobs && gain >= Self::MORE_MUST_PAY {
            self.grow();
        } else if self.level.jobs < before.jobs && gain >= Self::LESS_MAY_COST {
            self.settle_at(self.level.jobs);
        } else {
            self.settle_at(before.jobs);
        }
    }

    fn try_another(&mut self) {
        let less = self.level.jobs - (self.level.jobs / 4).max(1).min(self.level.jobs - self.limits.min_jobs);
        if self.try_less && less < self.level.jobs {
            self.before = Some(self.level);
            self.level = Level::new(less);
            self.bound = StopReason::LimitReached;
        } else {
            self.grow();
        }
        self.try_less = !self.try_less;
    }

    fn grow(&mut self) {
        let jobs = self.level.jobs;
        let step = if self.climbing { jobs } else { (jobs / 4).max(1) };
        let under_ceiling = Self::CEILING_SHARE
            * self.limits.latency_ceiling.as_secs_f64()
            * self.level.jobs_per_second.value;
        let wanted = (jobs + step).min(self.limits.max_jobs);
        let target = wanted.min(under_ceiling as usize);
        if target <= jobs {
            self.settle_at(jobs);
            if jobs < self.limits.max_jobs {
                self.bound = StopReason::Ceiling;
            }
            return;
        }
        self.before = Some(self.level);
        self.level = Level::new(target);
        self.bound = if target < wanted { StopReason::Ceiling } else { Self::bound_of(target, &self.limits) };
    }

    fn settle_at(&mut self, jobs: usize) {
        self.level = Level::new(jobs);
        self.before = None;
        self.hold = Self::HOLD;
        self.climbing = false;
        self.bound = Self::bound_of(jobs, &self.limits);
    }

    const fn bound_of(jobs: usize, limits: &BatchLimits) -> StopReason {
        if jobs >= limits.max_jobs { StopReason::MaxJobs } else { StopReason::LimitReached }
    }
}

#[cfg(test)]
#[path = "controller_tests.rs"]
mod tests;
