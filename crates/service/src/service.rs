//! The loop body.

use std::{fmt, future::Future, time::Duration};

/// When a service wants its next tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At once: there is more to do. Other tasks get a turn in between.
    Now,
    /// After this long, or earlier when a wake-up arrives.
    After(Duration),
}

/// One background loop, as its body. [`crate::run`] calls it until shutdown is requested.
pub trait Service: Send + 'static {
    /// Name in spans and log lines, `snake_case`.
    const NAME: &'static str;

    /// Longest time one tick may take, default 1 minute; then it is dropped and counts as an error. A tick does a bounded
    /// piece of work, so this only ends one that hangs.
    const TICK_LIMIT: Duration = Duration::from_mins(1);

    /// Why a tick failed. Every error counts as one that may pass: the tick is repeated after a delay.
    type Error: fmt::Display + Send;

    /// Does one bounded piece of work. Never called concurrently with itself. After an error, a panic or a drop (limit
    /// reached, shutdown overdue) it is called again on the same value, so it must leave `self` fit for that.
    fn tick(&mut self) -> impl Future<Output = Result<Next, Self::Error>> + Send;

    /// Called once, after the last tick; at most [`Shutdown::PATIENCE`](crate::Shutdown::PATIENCE) long, then dropped.
    fn stop(&mut self) -> impl Future<Output = ()> + Send {
        async {}
    }
}
