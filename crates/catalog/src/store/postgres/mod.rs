//! Products in a PostgreSQL database. All statements are constants next to the code that runs them; a test prepares each
//! of them against a real server.

mod apply;
mod by_product;
mod conn;
mod connect;
mod copy;
mod counted_table;
#[cfg(test)]
mod counted_table_tests;
mod dirty;
mod discover;
mod dry_run;
#[cfg(test)]
mod dump;
mod error;
mod find;
mod finish;
mod images;
mod imports;
mod native;
mod open;
#[cfg(test)]
mod plan_tests;
mod popular;
mod products;
mod published;
mod read;
mod refresh;
#[cfg(test)]
mod refresh_tests;
mod seen;
mod slow;
#[cfg(test)]
mod tests;
mod tx;
mod views;

pub use connect::PostgresOptions;
pub(super) use open::PostgresCatalog;
