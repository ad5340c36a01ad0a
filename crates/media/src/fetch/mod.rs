//! Pictures from the network: over HTTP(S), with every way in which a server can lie, stall or flood bounded.

mod address;
mod error;
mod hosts;
mod http;
mod resolver;

pub use error::{FetchError, Next};
pub use http::{Fetched, HttpImages, HttpOptions, Validators};
