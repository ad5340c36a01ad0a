//! One shape for every background loop.
//!
//! A [`Service`] is a loop body that says when it wants to be called [`Next`]; [`run`] is the loop. Stopping
//! ([`Shutdown`]), waking up early ([`Wake`]), waiting after errors ([`ErrorDelay`]), containing panics, bounding the
//! time of a tick, the tracing span and the logging of outages live here once, and in no service.

mod error_delay;
mod runner;
mod service;
mod shutdown;
mod wake;

pub use error_delay::ErrorDelay;
pub use runner::run;
pub use service::{Next, Service};
pub use shutdown::Shutdown;
pub use wake::Wake;
