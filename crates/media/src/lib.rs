//! Product images: decode, orient, resize, encode, store by content.
//!
//! One source image becomes a few smaller files. The way there is a list of small steps, one file each:
//!
//! ```text
//! sniff ─► limits ─► decode ─► shrink to the largest size ─► orient ─► colour to sRGB ─► pyramid ─► encode ─► store
//! ```
//!
//! * Formats are told by their first bytes, never by a name. JPEG, PNG, WebP and GIF (its first frame) are read.
//! * Limits are checked on the header, before any pixel is decoded; a decoder that panics is contained.
//! * Everything but the pixels is dropped: metadata, thumbnails inside metadata, appended archives.
//! * Files are named by their content and renamed into place, so that a run that was killed, repeated or doubled
//!   leaves the same files as one undisturbed run. The same bytes and recipe give byte-identical files.
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
mod colour;
mod decode;
mod dominant;
mod encode;
mod error;
mod jpeg_structure;
mod limits;
mod local;
mod manifest;
mod orient;
mod pipeline;
mod pixels;
mod recipe;
mod resize;
mod sniff;
mod store;
mod thumbnailer;

#[cfg(test)]
mod testing;

pub use error::MediaError;
pub use limits::Limits;
pub use local::LocalImages;
pub use manifest::{Made, Manifest, OutputFile};
pub use recipe::{Output, Recipe};
pub use sniff::Format;
pub use thumbnailer::Thumbnailer;
