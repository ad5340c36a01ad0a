//! Pictures from the network, over HTTP(S) and from S3-compatible stores, with every way in which a server can lie,
//! stall or flood bounded.

mod address;
mod client;
mod error;
mod hosts;
mod http;
mod remote;
mod resolver;
#[cfg(feature = "s3")]
mod s3;

pub use client::RequestLimits;
pub use error::{FetchError, Next};
pub use http::{Fetched, HttpImages, HttpOptions, Validators};
pub use remote::{RemoteImages, is_remote};
#[cfg(feature = "s3")]
pub use s3::{InvalidS3Options, S3Credentials, S3Images, S3Options};
