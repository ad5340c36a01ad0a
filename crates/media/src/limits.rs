//! What a source image may ask of this machine, checked before a pixel is decoded.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::MediaError;

/// Bounds on one source image. They are no part of [`Recipe::id`](crate::Recipe::id): they decide whether an image is
/// made, never what it looks like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Length of the file in bytes. Default 32 MiB.
    pub max_file_bytes: u64,
    /// Width × height. Default 50 million: about 200 MB while an image with alpha is decoded.
    pub max_pixels: u64,
    /// Longer side in pixels. Default 16,384.
    pub max_side: u32,
    /// Scans of a progressive JPEG. Default 100; encoders write about 10.
    pub max_scans: u32,
    /// Time that one image may take from its first byte to its last output. Default 30 seconds. Looked at between steps
    /// and, in JPEGs, between rows of blocks: what another decoder has begun it may finish, which the other limits bound to
    /// seconds.
    pub max_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_file_bytes: 32 << 20,
            max_pixels: 50_000_000,
            max_side: 16_384,
            max_scans: 100,
            max_time: Duration::from_secs(30),
        }
    }
}

impl Limits {
    pub(crate) fn check_file(&self, bytes: u64) -> Result<(), MediaError> {
        if bytes > self.max_file_bytes {
            return Err(MediaError::TooLargeFile { bytes, max: self.max_file_bytes });
        }
        Ok(())
    }

    pub(crate) fn check_size(&self, width: u32, height: u32) -> Result<(), MediaError> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels > self.max_pixels || width.max(height) > self.max_side {
            return Err(self.too_many_pixels(width, height));
        }
        Ok(())
    }

    pub(crate) fn too_many_pixels(&self, width: u32, height: u32) -> MediaError {
        MediaError::TooManyPixels { width, height, max_pixels: self.max_pixels, max_side: self.max_side }
    }

    /// The same bounds in the decoders' words. The memory bound leaves room for 16-bit samples with alpha.
    pub(crate) fn for_decoder(&self) -> image::Limits {
        let mut limits = image::Limits::default();
        limits.max_image_width = Some(self.max_side);
        limits.max_image_height = Some(self.max_side);
        limits.max_alloc = Some(self.max_pixels.saturating_mul(12).saturating_add(64 << 20));
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_is_allowed_and_one_more_is_not() {
        let limits = Limits { max_file_bytes: 10, max_pixels: 100, max_side: 20, ..Limits::default() };
        assert!(limits.check_file(10).is_ok());
        assert_eq!(limits.check_file(11).unwrap_err().code(), "too_large_file");
        assert!(limits.check_size(10, 10).is_ok());
        assert!(limits.check_size(20, 5).is_ok());
        assert_eq!(limits.check_size(21, 1).unwrap_err().code(), "too_many_pixels");
        assert_eq!(limits.check_size(11, 10).unwrap_err().code(), "too_many_pixels");
    }

    #[test]
    fn the_product_of_two_huge_sides_does_not_overflow() {
        let limits = Limits { max_side: u32::MAX, ..Limits::default() };
        assert_eq!(limits.check_size(u32::MAX, u32::MAX).unwrap_err().code(), "too_many_pixels");
    }
}
