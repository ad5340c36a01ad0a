//! What a pool is told at start.

use backstock_queue::{BatchLimits, Claim, Clock, Draws, PriorityOrder, SystemClock};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// Settings of a [`crate::WorkerPool`]; plain values, checked by [`crate::WorkerPool::new`].
#[derive(Clone, Debug)]
pub struct PoolOptions {
    /// Readable part of the worker's identity. Default `worker`.
    pub name: String,
    /// Host it runs on, shown to operators. Default `localhost`.
    pub host: String,
    /// Settings of single queues; a queue with registered kinds that is not named here gets a lane, too.
    pub lanes: Vec<LaneOptions>,
    /// Calls in parallel in lanes not named in `lanes`, 1 to 1024. Default 4.
    pub concurrency: usize,
    /// Batch sizes by kind, instead of the kind's own.
    pub batch: BTreeMap<String, BatchLimits>,
    /// How long a lease lasts unless renewed. Default 10 s.
    pub lease_for: Duration,
    /// How often leases are renewed; at most half of `lease_for`. Default 3 s.
    pub renew_every: Duration,
    /// How often the worker says that it lives; it counts as gone after three times as long. Default 1 s.
    pub check_in_every: Duration,
    /// How long a shutdown waits for running calls; half of it unasked, then asking them to stop. Default 25 s.
    pub grace: Duration,
    /// How long a call that was asked to stop (job cancelled, leases lost) may go on before it is dropped. Default 1 s.
    pub stop_patience: Duration,
    /// How often an idle lane looks for work when nothing wakes it. Default 1 s.
    pub fallback_poll: Duration,
    /// Where leases are renewed. Default [`KeeperHome::OwnThread`].
    pub keeper: KeeperHome,
    /// For due times and start latencies. Default the system's.
    pub clock: Arc<dyn Clock>,
    /// For the jitter of retries and weighted priorities. Default seeded by the operating system.
    pub draws: Arc<Draws>,
}

/// Where leases are renewed and check-ins are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeeperHome {
    /// On a thread with a runtime of its own: handlers that keep the main runtime busy lose no lease.
    #[default]
    OwnThread,
    /// On the runtime that runs the pool; for tests with a paused clock.
    SameRuntime,
}

/// Settings of one queue.
#[derive(Clone, Debug)]
pub struct LaneOptions {
    /// The named queue.
    pub queue: String,
    /// Calls in parallel, 1 to 1024.
    pub concurrency: usize,
    /// Which priorities first.
    pub order: PriorityOrder,
}

impl LaneOptions {
    /// Strict priorities with the default aging.
    pub fn new(queue: impl Into<String>, concurrency: usize) -> Self {
        Self { queue: queue.into(), concurrency, order: PriorityOrder::default() }
    }
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            name: "worker".into(),
            host: "localhost".into(),
            lanes: Vec::new(),
            concurrency: 4,
            batch: BTreeMap::new(),
            lease_for: Duration::from_secs(10),
            renew_every: Duration::from_secs(3),
            check_in_every: Duration::from_secs(1),
            grace: Duration::from_secs(25),
            stop_patience: Duration::from_secs(1),
            fallback_poll: Duration::from_secs(1),
            keeper: KeeperHome::default(),
            clock: Arc::new(SystemClock),
            draws: Arc::new(Draws::from_os()),
        }
    }
}

/// Options that cannot work. Does not pass: correct the setting.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidOptions {
    /// Too few or too many calls in parallel.
    #[error("queue {queue:?}: concurrency is {concurrency}, must be 1 to 1024")]
    Concurrency {
        /// The queue.
        queue: String,
        /// What was given.
        concurrency: usize,
    },
    /// Two settings for one queue.
    #[error("queue {0:?} has two lanes; keep one")]
    DuplicateLane(String),
    /// Weights that choose nothing.
    #[error("queue {0:?}: all priority weights are zero; at least one must be above")]
    Weights(String),
    /// Leases would end before they are renewed.
    #[error(
        "leases of {lease_for:?} renewed every {renew_every:?} would be lost; renew at least twice a lease"
    )]
    Renewal {
        /// Length of a lease.
        lease_for: Duration,
        /// Time between renewals.
        renew_every: Duration,
    },
    /// A time that must be above zero is zero.
    #[error("{0} must be above zero")]
    Zero(&'static str),
    /// A batch size out of bounds.
    #[error("kind {kind:?}: batches of {min_jobs} to {max_jobs} jobs; must be 1 to 500, least first")]
    Batch {
        /// The kind.
        kind: String,
        /// Smallest.
        min_jobs: usize,
        /// Largest.
        max_jobs: usize,
    },
    /// Nothing to do.
    #[error("no job kind is registered")]
    NoKinds,
}

impl PoolOptions {
    /// Checks what can be checked without a registry.
    ///
    /// # Errors
    /// The first setting that cannot work.
    pub fn validate(&self) -> Result<(), InvalidOptions> {
        let mut seen = std::collections::BTreeSet::new();
        for lane in &self.lanes {
            check_concurrency(&lane.queue, lane.concurrency)?;
            if !seen.insert(&lane.queue) {
                return Err(InvalidOptions::DuplicateLane(lane.queue.clone()));
            }
            if matches!(lane.order, PriorityOrder::Weighted { weights: [0, 0, 0, 0] }) {
                return Err(InvalidOptions::Weights(lane.queue.clone()));
            }
        }
        check_concurrency("(default)", self.concurrency)?;
        for (name, time) in [
            ("renew_every", self.renew_every),
            ("check_in_every", self.check_in_every),
            ("fallback_poll", self.fallback_poll),
        ] {
            if time.is_zero() {
                return Err(InvalidOptions::Zero(name));
            }
        }
        if self.renew_every > self.lease_for / 2 {
            let (lease_for, renew_every) = (self.lease_for, self.renew_every);
            return Err(InvalidOptions::Renewal { lease_for, renew_every });
        }
        self.batch.iter().try_for_each(|(kind, limits)| check_batch(kind, limits))
    }

    /// The settings of `queue`'s lane.
    pub(crate) fn lane(&self, queue: &str) -> LaneOptions {
        let named = self.lanes.iter().find(|lane| lane.queue == queue).cloned();
        named.unwrap_or_else(|| LaneOptions::new(queue, self.concurrency))
    }
}

fn check_concurrency(queue: &str, concurrency: usize) -> Result<(), InvalidOptions> {
    if (1..=1024).contains(&concurrency) {
        return Ok(());
    }
    Err(InvalidOptions::Concurrency { queue: queue.to_owned(), concurrency })
}

pub(crate) fn check_batch(kind: &str, limits: &BatchLimits) -> Result<(), InvalidOptions> {
    let BatchLimits { min_jobs, max_jobs, .. } = *limits;
    if min_jobs >= 1 && min_jobs <= max_jobs && max_jobs <= Claim::MAX {
        return Ok(());
    }
    Err(InvalidOptions::Batch { kind: kind.to_owned(), min_jobs, max_jobs })
}

#[cfg(test)]
mod tests {
    use super::{InvalidOptions, LaneOptions, PoolOptions};
    use backstock_queue::{BatchLimits, PriorityOrder};
    use std::time::Duration;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(PoolOptions::default().validate(), Ok(()));
    }

    #[test]
    fn each_setting_that_cannot_work_is_named() {
        let with = |change: fn(&mut PoolOptions)| {
            let mut options = PoolOptions::default();
            change(&mut options);
            options.validate().unwrap_err()
        };
        assert!(matches!(with(|o| o.concurrency = 0), InvalidOptions::Concurrency { .. }));
        assert!(matches!(
            with(|o| o.lanes = vec![LaneOptions::new("a", 0)]),
            InvalidOptions::Concurrency { .. }
        ));
        let twice = with(|o| o.lanes = vec![LaneOptions::new("a", 1), LaneOptions::new("a", 2)]);
        assert_eq!(twice, InvalidOptions::DuplicateLane("a".into()));
        let weights = PriorityOrder::Weighted { weights: [0; 4] };
        let lane = LaneOptions { order: weights, ..LaneOptions::new("a", 1) };
        let options = PoolOptions { lanes: vec![lane], ..PoolOptions::default() };
        assert_eq!(options.validate(), Err(InvalidOptions::Weights("a".into())));
        assert!(matches!(with(|o| o.renew_every = Duration::from_secs(6)), InvalidOptions::Renewal { .. }));
        assert_eq!(with(|o| o.fallback_poll = Duration::ZERO), InvalidOptions::Zero("fallback_poll"));
        let batch = with(|o| {
            o.batch.insert("k".into(), BatchLimits::up_to(501, Duration::from_secs(1)));
        });
        assert!(matches!(batch, InvalidOptions::Batch { .. }), "{batch}");
    }
}
