//! The queue contract: what a job is, what a handler is, what a store promises.
//!
//! * [`Job`] is a typed, versioned payload; [`Handler`] performs one kind, one job or one batch a call.
//! * [`Store`] is the object-safe contract of queue storage: every call takes and returns many.
//! * A [`Claim`] asks for work, a [`Lease`] is a job held under a fencing token, a [`Settlement`] says how it ended.
//! * [`KeyLimits`] bound what one fairness key of a queue may have; [`order`] says whose turn it is.
//! * [`RetryPolicy`] is the pure rule from a [`JobError`] to an [`Outcome`]; stores only obey outcomes.
//!
//! Nothing here knows products, and nothing here knows how a worker loops.

mod adopt;
mod clock;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
mod examine;
#[cfg(any(test, feature = "conformance"))]
mod faulty;
mod group;
pub mod handler;
mod inspect;
mod job;
mod lease;
pub mod life;
mod limits;
mod locks;
mod memory;
mod new_job;
pub mod order;
mod outcome;
mod rabbit;
mod random;
mod redis;
mod retry;
mod sealed;
mod sql;
mod store;

pub use adopt::{MAX_ADOPTED, outside_fence};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use error::StoreError;
pub use examine::{Examined, Finding, Flaw, Remedy};
#[cfg(any(test, feature = "conformance"))]
pub use faulty::{Faults, Faulty, Retrying};
pub use group::{GroupId, GroupStatus, NewGroup};
pub use handler::{Batch, Context, Handler, Item, One, Registry};
pub use inspect::{
    Edit, JobFilter, JobRecord, Page, QueueStatus, Replay, StateCounts, WorkerInfo, WorkerStatus,
};
pub use job::{BatchLimits, Job, JobId, Load, Priority, UpcastError};
pub use lease::{
    Claim, Claimed, Fence, KindRange, Lease, LeaseKey, PriorityOrder, Renewal, Settled, Settlement, WorkerId,
};
pub use limits::{KeyLimits, Rate, RateError, Tat};
pub use locks::{KeyLock, Locks, Released, RoleLock};
pub use memory::MemoryStore;
pub use new_job::{Enqueued, NewJob, OnConflict, Unique, UniqueScope};
pub use outcome::{JobError, JobState, Outcome};
pub use rabbit::{QueueType, RabbitOptions, RabbitStore, Record};
pub use random::Draws;
pub use redis::{RedisOptions, RedisStore};
pub use retry::RetryPolicy;
pub use sealed::{Encrypted, KeyError, OpenError, SealingKeys};
pub use sql::{Durability, PostgresOptions, PostgresStore, SqlStore, SqliteOptions, SqliteStore};
pub use store::{Capabilities, Leadership, Promoted, Pruned, Rescued, Retention, Store, StoreExt};
