//! Why an image could not be made.

use std::io;
use std::path::{Path, PathBuf};

use crate::Format;

/// Why an image was refused or could not be stored. Only [`MediaError::Io`] may pass by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The bytes are not a JPEG, PNG, WebP or GIF.
    #[error("unsupported format: this is {found}; use JPEG, PNG, WebP or GIF")]
    UnsupportedFormat {
        /// What the first bytes look like, as a noun phrase.
        found: &'static str,
    },
    /// The format is known, but not this variety of it.
    #[error("unsupported {format} variety: {reason}")]
    UnsupportedVariety {
        /// Format told by the first bytes.
        format: Format,
        /// What the decoder said.
        reason: String,
    },
    /// The file is longer than the limit.
    #[error("file of {bytes} bytes is larger than the limit of {max} bytes")]
    TooLargeFile {
        /// Length found.
        bytes: u64,
        /// Length allowed.
        max: u64,
    },
    /// The header announces more pixels, or a longer side, than the limit.
    #[error("{width}×{height} pixels are more than the limit of {max_pixels} pixels, {max_side} a side")]
    TooManyPixels {
        /// Width in the header.
        width: u32,
        /// Height in the header.
        height: u32,
        /// Pixels allowed.
        max_pixels: u64,
        /// Side allowed, in pixels.
        max_side: u32,
    },
    /// A progressive JPEG with so many scans that decoding it would be an attack on the processor.
    #[error("JPEG with more than {max} scans")]
    TooManyScans {
        /// Scans allowed.
        max: u32,
    },
    /// The image was not done when its time was over.
    #[error("given up after {max_ms} ms")]
    TookTooLong {
        /// Milliseconds allowed.
        max_ms: u64,
    },
    /// The file ends before the image does.
    #[error("truncated {format}: the file ends before the image does")]
    Truncated {
        /// Format told by the first bytes.
        format: Format,
    },
    /// The bytes are damaged.
    #[error("corrupt {format}: {reason}")]
    Corrupt {
        /// Format told by the first bytes.
        format: Format,
        /// What the decoder said.
        reason: String,
    },
    /// A decoder or encoder panicked on these bytes; the panic was contained.
    #[error("the {format} decoder failed on this file: {reason}")]
    DecoderPanicked {
        /// Format told by the first bytes.
        format: Format,
        /// The panic's message.
        reason: String,
    },
    /// An encoder refused the pixels.
    #[error("encoding failed: {reason}")]
    EncodeFailed {
        /// What the encoder said.
        reason: String,
    },
    /// There is no such file.
    #[error("image not found: {}", path.display())]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A link that does not stay below the images folder, or is no path at all.
    #[error("unsafe image path {link:?}: {reason}")]
    UnsafePath {
        /// The link as it was given, cut to 200 characters.
        link: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A recipe with no sizes, a size or a quality out of bounds.
    #[error("invalid recipe: {reason}")]
    InvalidRecipe {
        /// What is wrong with it.
        reason: String,
    },
    /// Reading or writing failed.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was being done, as a participle: `reading`, `writing`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl MediaError {
    /// Stable `snake_case` code for reports and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnsupportedFormat { .. } => "unsupported_format",
            Self::UnsupportedVariety { .. } => "unsupported_variety",
            Self::TooLargeFile { .. } => "too_large_file",
            Self::TooManyPixels { .. } => "too_many_pixels",
            Self::TooManyScans { .. } => "too_many_scans",
            Self::TookTooLong { .. } => "took_too_long",
            Self::Truncated { .. } => "truncated",
            Self::Corrupt { .. } => "corrupt",
            Self::DecoderPanicked { .. } => "decoder_panicked",
            Self::EncodeFailed { .. } => "encode_failed",
            Self::NotFound { .. } => "not_found",
            Self::UnsafePath { .. } => "unsafe_path",
            Self::InvalidRecipe { .. } => "invalid_recipe",
            Self::Io { .. } => "io",
        }
    }

    /// Whether the same call may succeed later without a change to the image or the recipe.
    ///
    /// True for input and output errors, except those that only a person can lift (permission, read-only disk).
    pub fn is_transient(&self) -> bool {
        use io::ErrorKind as Kind;
        match self {
            Self::Io { source, .. } => !matches!(
                source.kind(),
                Kind::PermissionDenied | Kind::ReadOnlyFilesystem | Kind::NotADirectory | Kind::IsADirectory
            ),
            _ => false,
        }
    }

    /// Whether there is no room, or no quota, left where thumbnails go. Passes once there is.
    pub fn is_disk_full(&self) -> bool {
        use io::ErrorKind as Kind;
        matches!(self, Self::Io { source, .. } if matches!(source.kind(), Kind::StorageFull | Kind::QuotaExceeded))
    }

    /// An error of the system; a missing file becomes [`MediaError::NotFound`].
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        if action == "reading" && source.kind() == io::ErrorKind::NotFound {
            return Self::NotFound { path: path.to_owned() };
        }
        Self::Io { action, path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io_error(kind: io::ErrorKind) -> MediaError {
        MediaError::io("writing", Path::new("x"), kind.into())
    }

    #[test]
    fn a_full_disk_passes_and_a_forbidden_folder_does_not() {
        assert!(io_error(io::ErrorKind::StorageFull).is_transient());
        assert!(io_error(io::ErrorKind::StorageFull).is_disk_full());
        assert!(!io_error(io::ErrorKind::PermissionDenied).is_transient());
    }

    #[test]
    fn a_missing_source_is_not_found_and_stays_so() {
        let error = MediaError::io("reading", Path::new("x"), io::ErrorKind::NotFound.into());
        assert_eq!(error.code(), "not_found");
        assert!(!error.is_transient());
    }
}
