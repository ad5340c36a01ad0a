//! Pixels to bytes.

use std::io::Cursor;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};
use jpeg_encoder::{ColorType, Encoder as JpegEncoder, SamplingFactor};

use crate::alpha::flatten_on_white;
use crate::pixels::{Layout, Pixels};
use crate::{MediaError, Output};

/// What [`Output`] comes to for one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Jpeg { quality: u8 },
    Png,
    WebP,
}

impl Encoding {
    /// Decides `Auto` by whether the pixels carry alpha.
    pub(crate) fn choose(output: Output, layout: Layout) -> Self {
        match output {
            Output::Png => Self::Png,
            Output::WebP => Self::WebP,
            Output::Auto { .. } if layout == Layout::Rgba => Self::WebP,
            Output::Jpeg { quality } | Output::Auto { quality } => Self::Jpeg { quality },
        }
    }

    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Jpeg { .. } => "jpg",
            Self::Png => "png",
            Self::WebP => "webp",
        }
    }

    /// The encoded file, without metadata. The same pixels give the same bytes.
    ///
    /// # Errors
    /// [`MediaError::EncodeFailed`], which sizes within the recipe's bounds never cause.
    pub(crate) fn encode(self, pixels: &Pixels) -> Result<Vec<u8>, MediaError> {
        match self {
            Self::Jpeg { quality } => jpeg(pixels, quality),
            Self::Png => png(pixels),
            Self::WebP => webp(pixels),
        }
        .map_err(|reason| MediaError::EncodeFailed { reason })
    }
}

/// 4:2:0, a fifth smaller than 4:4:4. Huffman tables made for the image would save 8 % more, but this encoder then
/// writes each colour in a scan of its own, which some decoders read as garbage.
fn jpeg(pixels: &Pixels, quality: u8) -> Result<Vec<u8>, String> {
    let flat;
    let pixels = if pixels.layout == Layout::Rgba {
        flat = flatten_on_white(pixels);
        &flat
    } else {
        pixels
    };
    let colour = if pixels.layout == Layout::Grey { ColorType::Luma } else { ColorType::Rgb };
    let side = |length: u32| u16::try_from(length).map_err(|_| format!("a side of {length} pixels"));
    let mut bytes = Vec::with_capacity(pixels.data.len() / 12 + 1024);
    let mut encoder = JpegEncoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    encoder
        .encode(&pixels.data, side(pixels.width)?, side(pixels.height)?, colour)
        .map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn png(pixels: &Pixels) -> Result<Vec<u8>, String> {
    let mut bytes = Cursor::new(Vec::new());
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive)
        .write_image(&pixels.data, pixels.width, pixels.height, extended(pixels.layout))
        .map_err(|error| error.to_string())?;
    Ok(bytes.into_inner())
}

fn webp(pixels: &Pixels) -> Result<Vec<u8>, String> {
    let mut bytes = Cursor::new(Vec::new());
    WebPEncoder::new_lossless(&mut bytes)
        .encode(&pixels.data, pixels.width, pixels.height, extended(pixels.layout))
        .map_err(|error| error.to_string())?;
    Ok(bytes.into_inner())
}

fn extended(layout: Layout) -> ExtendedColorType {
    match layout {
        Layout::Grey => ExtendedColorType::L8,
        Layout::Rgb => ExtendedColorType::Rgb8,
        Layout::Rgba => ExtendedColorType::Rgba8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, decode::decode, sniff::sniff};

    fn checker(layout: Layout) -> Pixels {
        let pixel = |at: u32| match layout {
            Layout::Grey => vec![(at % 7 * 30) as u8],
            Layout::Rgb => vec![(at % 7 * 30) as u8, 9, 200],
            Layout::Rgba => vec![(at % 7 * 30) as u8, 9, 200, (at % 5 * 60) as u8],
        };
        Pixels { width: 12, height: 9, layout, data: (0..12 * 9).flat_map(pixel).collect() }
    }

    #[test]
    fn lossless_formats_give_every_pixel_back() {
        for encoding in [Encoding::Png, Encoding::WebP] {
            for layout in [Layout::Rgb, Layout::Rgba] {
                let bytes = encoding.encode(&checker(layout)).unwrap();
                let back = decode(&bytes, sniff(&bytes).unwrap(), &Limits::default()).unwrap().pixels;
                assert_eq!(back, checker(layout), "{encoding:?} {layout:?}");
            }
        }
    }

    #[test]
    fn a_jpeg_of_transparent_pixels_shows_white() {
        let clear = Pixels { width: 8, height: 8, layout: Layout::Rgba, data: vec![0; 256] };
        let bytes = Encoding::Jpeg { quality: 80 }.encode(&clear).unwrap();
        let back = decode(&bytes, sniff(&bytes).unwrap(), &Limits::default()).unwrap().pixels;
        assert!(back.data.iter().all(|&sample| sample > 250));
    }

    #[test]
    fn grey_stays_one_channel_in_jpeg() {
        let bytes = Encoding::Jpeg { quality: 80 }.encode(&checker(Layout::Grey)).unwrap();
        let back = decode(&bytes, sniff(&bytes).unwrap(), &Limits::default()).unwrap().pixels;
        assert_eq!(back.layout, Layout::Grey);
    }

    #[test]
    fn auto_keeps_alpha_and_else_saves_bytes() {
        let auto = Output::Auto { quality: 70 };
        assert_eq!(Encoding::choose(auto, Layout::Rgba), Encoding::WebP);
        assert_eq!(Encoding::choose(auto, Layout::Rgb), Encoding::Jpeg { quality: 70 });
    }
}
