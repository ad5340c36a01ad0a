//! One SQLite file in write-ahead-log mode: how it is opened, migrated and written, and what its errors mean.
//!
//! Catalog and vectors stand on it. The queue does not: it shares its file between processes in ways of its own.

mod database;
mod trouble;

pub use database::{Database, Migrations, Options};
pub use trouble::Trouble;
