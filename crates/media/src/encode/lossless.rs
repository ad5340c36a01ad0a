//! PNG and lossless WebP, in Rust.

use std::io::Cursor;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::MediaError;
use crate::pixels::{Layout, Pixels};

pub(super) fn png(pixels: &Pixels) -> Result<Vec<u8>, MediaError> {
    let mut bytes = Cursor::new(Vec::new());
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive)
        .write_image(&pixels.data, pixels.width, pixels.height, extended(pixels.layout))
        .map_err(failed)?;
    Ok(bytes.into_inner())
}

pub(super) fn webp(pixels: &Pixels) -> Result<Vec<u8>, MediaError> {
    let mut bytes = Cursor::new(Vec::new());
    WebPEncoder::new_lossless(&mut bytes)
        .encode(&pixels.data, pixels.width, pixels.height, extended(pixels.layout))
        .map_err(failed)?;
    Ok(bytes.into_inner())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn failed(error: image::ImageError) -> MediaError {
    MediaError::EncodeFailed { reason: error.to_string() }
}

fn extended(layout: Layout) -> ExtendedColorType {
    match layout {
        Layout::Grey => ExtendedColorType::L8,
        Layout::Rgb => ExtendedColorType::Rgb8,
        Layout::Rgba => ExtendedColorType::Rgba8,
    }
}
