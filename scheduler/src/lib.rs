//! The scheduler: cron, due work and maintenance, done by one leader.
//!
//! * [`Schedule`] is the pure part of cron: from an expression and a time zone to instants, with one rule for the two
//!   days of the year on which the clock is changed.
//! * [`Entry`] is a schedule with a job, a rule for missed slots ([`Misfire`]) and a spread; [`next_fires`] previews it.
//! * [`Scheduler`] runs cron, promotion, rescue and pruning while it leads; any number may run, one leads.
//!
//! A slot is enqueued exactly once, whoever leads: the store moves the entry's cursor and stores the jobs in one
//! transaction, and the ids of the jobs follow from entry and slot.

mod cron;
mod duties;
mod leader;
mod options;
mod scheduler;
mod stats;
#[cfg(test)]
mod testing;

pub use cron::{Entry, ExpressionError, Misfire, NextFire, Schedule, ScheduleError, Template, next_fires};
pub use options::Options;
pub use scheduler::Scheduler;
pub use stats::{SchedulerHandle, SchedulerStats};
