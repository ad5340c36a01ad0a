//! Claims jobs, runs their handlers, settles them.
//!
//! A [`WorkerPool`] is one worker process. It has a *lane* for every queue of its registered kinds:
//!
//! * the **driver** of a lane talks to the store: it claims as many jobs as there are free places, sends what calls
//!   gave back together with the next claim, and sleeps until something wakes it;
//! * the **run loop** ([apalis](https://docs.rs/apalis)) takes calls from the lane and performs each on a task of its own;
//! * the **keeper**, on a thread of its own, renews every lease and says that the worker lives.
//!
//! The parts that decide are pure: what forms a call, how much to claim, how large a batch may be
//! ([`BatchController`]). Nothing is lost when a part fails: settlements are kept until the store confirms them, a
//! crashed run loop or driver is started again, a call that crashes settles its jobs as failed.

mod apalis;
mod batch;
mod keeper;
mod lane;
mod options;
mod pool;
mod stats;

pub use batch::{BatchController, CallSample, StopReason};
pub use options::{InvalidOptions, KeeperHome, LaneOptions, PoolOptions};
pub use pool::{Health, PoolHandle, PoolReport, WorkerPool};
pub use stats::{Histogram, KindStats, LaneStats, PoolStats, Tally};

#[cfg(test)]
mod tests;
