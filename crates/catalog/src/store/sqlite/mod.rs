//! Products in one SQLite file, one writing connection. All statements are constants next to the code that runs them;
//! a test prepares each of them against a fresh file.

mod apply;
mod bulk;
mod dirty;
mod dry_run;
#[cfg(test)]
mod dump;
mod error;
mod find;
mod finish;
mod images;
mod imports;
mod open;
mod popular;
mod products;
mod published;
mod read;
mod seen;
#[cfg(test)]
mod tests;
mod views;

pub(super) use open::SqliteCatalog;
