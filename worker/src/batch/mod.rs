//! How many jobs one call of a batch handler gets.

mod controller;

pub use controller::{BatchController, CallSample};

/// Why a batch stopped growing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// As many jobs as the adaptive size allows: more gave no better rate when it was tried, or was not tried yet.
    LimitReached,
    /// As many jobs as the kind's [`max_jobs`](backstock_queue::BatchLimits::max_jobs).
    MaxJobs,
    /// As many jobs as fit under the kind's [`latency_ceiling`](backstock_queue::BatchLimits::latency_ceiling).
    Ceiling,
    /// As many jobs as are likely to stay within the kind's [`load`](backstock_queue::BatchLimits::load).
    MaxLoad,
    /// The store had no more jobs of the kind.
    QueueEmpty,
    /// More were awaited for the kind's [`max_wait`](backstock_queue::BatchLimits::max_wait), then it was over.
    MaxWait,
    /// The store did not answer, so what was at hand went.
    StoreUnavailable,
}

impl StopReason {
    /// All reasons.
    pub const ALL: [Self; 7] = [
        Self::LimitReached,
        Self::MaxJobs,
        Self::Ceiling,
        Self::MaxLoad,
        Self::QueueEmpty,
        Self::MaxWait,
        Self::StoreUnavailable,
    ];

    /// The name, for metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LimitReached => "limit_reached",
            Self::MaxJobs => "max_jobs",
            Self::Ceiling => "ceiling",
            Self::MaxLoad => "max_load",
            Self::QueueEmpty => "queue_empty",
            Self::MaxWait => "max_wait",
            Self::StoreUnavailable => "store_unavailable",
        }
    }
}
