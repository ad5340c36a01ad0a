//! Requests (orders, views) by product, which say what a cache should be warmed with: counted from files, fading with time.

mod counts;
mod file;
mod row;
#[cfg(test)]
mod tests;

pub(crate) use counts::halves;
pub use counts::{MAX_PRODUCTS, RequestCounts, TooManyProducts};
pub use file::{BadRow, RequestFile, RequestReadOptions, RequestReport, read_requests};
