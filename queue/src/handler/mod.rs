//! Performing jobs: the [`Handler`] trait and the [`Registry`] of everything a worker can do.
//!
//! ```
//! use backstock_queue::{Batch, Context, Handler, Job, JobError};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Greet { name: String }
//! impl Job for Greet { const KIND: &'static str = "greet"; }
//!
//! struct Greeter;
//! impl Handler for Greeter {
//!     type Work = Batch<Greet>;
//!     async fn handle(&self, batch: &mut Batch<Greet>, _: &Context) -> Result<(), JobError> {
//!         for item in batch.iter_mut() {
//!             if item.name.is_empty() {
//!                 item.fail(JobError::discard("nobody to greet"));
//!             }
//!         }
//!         Ok(()) // completes every item that was not settled by hand
//!     }
//! }
//! let registry = backstock_queue::Registry::default().register(Greeter);
//! assert!(registry.kind("greet").is_some());
//! ```

mod context;
mod item;
mod registry;
mod run;

pub use context::{Context, Stop};
pub use item::{Batch, Item, One};
pub use registry::{KindInfo, Registry};

use crate::{Job, JobError};
use std::future::Future;

/// What a handler is given: [`One`] job or a [`Batch`] of one kind. Sealed.
pub trait Work: sealed::Pack<Self::Job> + Send + 'static {
    /// The payload.
    type Job: Job;
    /// Whether a call takes many jobs.
    const BATCHED: bool;
}

impl<J: Job> Work for One<J> {
    type Job = J;
    const BATCHED: bool = false;
}

impl<J: Job> Work for Batch<J> {
    type Job = J;
    const BATCHED: bool = true;
}

/// Performs jobs of one kind; owns its dependencies as fields.
///
/// A job may be handed to a handler more than once (a crash, a lost lease), so the work must be idempotent; writes
/// that must not happen twice show [`Item::fence`].
pub trait Handler: Send + Sync + 'static {
    /// One job or a batch.
    type Work: Work;

    /// Does the work. `Ok` completes, and `Err` applies to, every item not settled by hand; a panic or a timeout is
    /// an error that passes, for the items not yet settled. The future is dropped on timeout, on cancellation and when
    /// the grace time of a shutdown is over.
    fn handle(
        &self,
        work: &mut Self::Work,
        context: &Context,
    ) -> impl Future<Output = Result<(), JobError>> + Send;
}

#[cfg(test)]
mod tests;

pub(crate) mod sealed {
    use super::Item;
    /// How leased items become calls, and calls become items again.
    pub trait Pack<J>: Sized {
        fn pack(items: Vec<Item<J>>) -> Vec<Self>;
        fn unpack(self) -> Vec<Item<J>>;
    }
}
