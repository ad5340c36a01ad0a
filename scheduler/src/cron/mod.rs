//! Cron: expressions, schedules, entries, missed slots, and the loop that fires them.

mod day;
mod entry;
mod expression;
mod fields;
mod fire;
mod misfire;
mod preview;
mod schedule;

pub(crate) use entry::Planned;
pub use entry::{Entry, ScheduleError, Template};
pub use expression::ExpressionError;
pub(crate) use fire::Cron;
pub use misfire::Misfire;
pub use preview::{NextFire, next_fires};
pub use schedule::Schedule;
