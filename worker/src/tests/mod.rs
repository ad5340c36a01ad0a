//! The pool's promises, against the store in memory under a paused clock.

mod batches;
mod flaky;
mod jobs;
mod keeping;
mod outages;
mod rig;
mod shutdown;
