//! AVIF through rav1e, in Rust. Slow beside the others: half a second of processor time for a photo.

use ravif::{Encoder, Img, RGB8, RGBA8};

use super::rgb;
use crate::MediaError;
use crate::pixels::{Layout, Pixels};

/// 1 (best) to 10 (fastest): at 9 the quality of an image is about that of other encoders at theirs, in a twelfth of
/// the time of their defaults and with a fifth more bytes.
const SPEED: u8 = 9;

/// # Errors
/// [`MediaError::EncodeFailed`].
pub(super) fn encode(pixels: &Pixels, quality: u8) -> Result<Vec<u8>, MediaError> {
    let (width, height) = (pixels.width as usize, pixels.height as usize);
    let encoder = Encoder::new().with_quality(quality.into()).with_speed(SPEED).with_num_threads(Some(1));
    let encoded = if pixels.layout == Layout::Rgba {
        let data: Vec<RGBA8> =
            pixels.data.chunks_exact(4).map(|p| RGBA8::new(p[0], p[1], p[2], p[3])).collect();
        encoder.encode_rgba(Img::new(&data, width, height))
    } else {
        let data: Vec<RGB8> = rgb(pixels).into_iter().map(|[r, g, b]| RGB8::new(r, g, b)).collect();
        encoder.encode_rgb(Img::new(&data, width, height))
    };
    encoded
        .map(|image| image.avif_file)
        .map_err(|error| MediaError::EncodeFailed { reason: error.to_string() })
}
