//! Product images: decode, orient, resize, encode, store by content.
//!
//! One source image becomes a few smaller files. The way there is a list of small steps, one file each:
//!
//! ```text
//! sniff ─► header ─► limits ─► plan ─► decode, reduced ─► trim ─► crop and shrink to the largest size ─► orient
//!       ─► colour to sRGB ─► pad ─► pyramid ─► encode ─► name by content ─► rename into place
//! ```
//!
//! * Formats are told by their first bytes, never by a name. JPEG, PNG, WebP and GIF (its first frame) are read.
//! * Limits are checked on the header, before any pixel is decoded; a decoder that panics is contained.
//! * Everything but the pixels is dropped: metadata, thumbnails inside metadata, appended archives.
//! * Files are named by their content and renamed into place, so that a run that was killed, repeated or doubled
//!   leaves the same files as one undisturbed run. The same bytes and recipe give byte-identical files.
//!
//! Two engines do the same work ([`Engine`]): Rust alone, and, with the cargo feature `turbo`, libjpeg-turbo and libwebp.
//! Photos stay in luma and chroma from decoder to encoder; a JPEG is decoded at a half, a quarter or an eighth where
//! that is still 1.5 times the largest size.
//!
//! Functions here block and use the processor: call them from a pool of blocking threads, one image a thread.
//!
//! ```
//! # let folder = tempfile::tempdir().unwrap();
//! # let source = {
//! #     let mut bytes = std::io::Cursor::new(Vec::new());
//! #     image::RgbImage::new(640, 480).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
//! #     bytes.into_inner()
//! # };
//! use backstock_media::{Recipe, Thumbnailer};
//!
//! let thumbnailer = Thumbnailer::new(folder.path(), Recipe::default())?;
//! let made = thumbnailer.make(&source)?;
//! assert_eq!(made.manifest.outputs[0].width, 640, "never enlarged to 1200");
//! assert!(thumbnailer.make(&source)?.reused);
//! # Ok::<(), backstock_media::MediaError>(())
//! ```

mod alpha;
mod budget;
mod buffers;
mod colour;
mod deadline;
mod decode;
mod dominant;
mod encode;
mod engine;
mod error;
mod extras;
mod fetch;
mod frame;
mod geometry;
mod limits;
mod local;
mod manifest;
mod orient;
mod pad;
mod pipeline;
mod pixels;
mod planes;
mod recipe;
mod remembered;
mod resize;
mod scratch;
mod similar;
mod sniff;
mod store;
mod thumbnailer;
mod trim;
#[cfg(feature = "turbo")]
mod turbo;

#[cfg(test)]
mod testing;

pub use engine::Engine;
pub use error::MediaError;
pub use fetch::{
    FetchError, Fetched, HttpImages, HttpOptions, Next, RemoteImages, RequestLimits, Validators, is_remote,
};
#[cfg(feature = "s3")]
pub use fetch::{InvalidS3Options, S3Credentials, S3Images, S3Options};
pub use limits::Limits;
pub use local::LocalImages;
pub use manifest::{Made, Manifest, OutputFile, Picture};
pub use recipe::{Fit, Output, Recipe};
pub use similar::near_duplicates;
pub use sniff::Format;
pub use thumbnailer::Thumbnailer;
