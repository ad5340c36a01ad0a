//! `[media]`: thumbnails and where their pictures come from.

use super::within;
use crate::{ConfigError, Secret};
use serde::{Deserialize, Serialize};

/// Thumbnails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// 1 to 16 sizes of 16 to 8192 pixels.
    pub sizes: Vec<u32>,
    /// Output format.
    pub format: ImageFormat,
    /// 1 to 100.
    pub quality: u8,
    /// What is shown of a picture that has another shape.
    pub fit: ImageFit,
    /// Width and height of the shape that `cover` cuts to, each 1 to 10,000.
    pub aspect: [u16; 2],
    /// What `cover` keeps in the middle, in percent from the left and the top, each 0 to 100.
    pub focus: [u8; 2],
    /// Red, green and blue of the bars that `pad` adds.
    pub background: [u8; 3],
    /// Whether a border of one colour is cut off first.
    pub trim: bool,
    /// Which codecs do the work.
    pub engine: ImageEngine,
    /// 1 to 1000.
    pub max_megapixels: u64,
    /// 1 to 1024.
    pub max_file_mib: u64,
    /// For one picture, 1 to 3600.
    pub max_seconds: u64,
    /// For all pictures that are decoded at a time, 64 to 1,048,576 MiB.
    pub memory_mib: u64,
    /// Pictures named by URL.
    pub fetch: Fetch,
    /// Pictures in an S3-compatible store.
    pub s3: S3,
}

/// Pictures named by `s3://BUCKET/KEY`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct S3 {
    /// Buckets that links may name; none: nothing is read.
    pub buckets: Vec<String>,
    /// Address of the store; empty: Amazon's in `region`.
    pub endpoint: String,
    /// Region that requests are signed for.
    pub region: String,
    /// Name of the key; empty: requests are not signed.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: Secret,
    /// Goes with keys that are lent for a time; empty: none.
    pub session_token: Secret,
    /// Whether the endpoint may be without TLS.
    pub allow_http: bool,
}

/// Pictures named by URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// Whether they are fetched.
    pub enabled: bool,
    /// For one picture, redirects included, 1 to 600.
    pub timeout_seconds: u64,
    /// 0 to 20.
    pub max_redirects: u32,
    /// Requests to one host at a time, 1 to 64.
    pub per_host: usize,
    /// Whether hosts may be inside the house.
    pub allow_private_addresses: bool,
}

/// What is shown of a picture that has another shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageFit {
    /// All of it, in its own shape.
    Contain,
    /// As much as fills the shape.
    Cover,
    /// All of it, in a square.
    Pad,
}

/// Which codecs do the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageEngine {
    /// The fastest of this build.
    Auto,
    /// Rust alone.
    Rust,
    /// libjpeg-turbo and libwebp.
    Turbo,
}

/// Output format of thumbnails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageFormat {
    /// WebP where there is transparency, else JPEG.
    Auto,
    /// On white.
    Jpeg,
    /// Lossless.
    Png,
    /// With loss, except by the engine `rust`.
    Webp,
    /// Needs a build with the feature `avif`.
    Avif,
}

impl Media {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        within("media.sizes (how many)", self.sizes.len() as u64, 1, 16)?;
        for size in &self.sizes {
            within("media.sizes", u64::from(*size), 16, 8192)?;
        }
        within("media.quality", u64::from(self.quality), 1, 100)?;
        within("media.max_megapixels", self.max_megapixels, 1, 1000)?;
        within("media.max_file_mib", self.max_file_mib, 1, 1024)?;
        for part in self.aspect {
            within("media.aspect", part.into(), 1, 10_000)?;
        }
        for percent in self.focus {
            within("media.focus", percent.into(), 0, 100)?;
        }
        within("media.max_seconds", self.max_seconds, 1, 3600)?;
        within("media.memory_mib", self.memory_mib, 64, 1 << 20)?;
        within("media.fetch.timeout_seconds", self.fetch.timeout_seconds, 1, 600)?;
        within("media.fetch.max_redirects", self.fetch.max_redirects.into(), 0, 20)?;
        within("media.fetch.per_host", self.fetch.per_host as u64, 1, 64)?;
        within("media.s3.buckets (how many)", self.s3.buckets.len() as u64, 0, 100)
    }
}
