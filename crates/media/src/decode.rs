//! Header, then pixels: the only file that talks to the pixel decoders.

use std::error::Error as _;
use std::io::{self, Cursor};

use image::codecs::{gif::GifDecoder, jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError};

use crate::pixels::{Layout, Pixels};
use crate::{Format, Limits, MediaError, jpeg_structure};

/// A source that was decoded, with what its metadata says about showing it.
pub(crate) struct Decoded {
    pub(crate) pixels: Pixels,
    pub(crate) orientation: Orientation,
    /// Embedded ICC profile, at most 4 MiB.
    pub(crate) icc: Option<Vec<u8>>,
}

const MAX_ICC_BYTES: usize = 4 << 20;

/// Reads the header, checks the limits, then decodes the first frame to 8 bits a sample.
///
/// # Errors
/// Every variant that speaks of the source; none of them passes. May panic on damaged bytes: the caller contains it.
pub(crate) fn decode(bytes: &[u8], format: Format, limits: &Limits) -> Result<Decoded, MediaError> {
    if format == Format::Jpeg {
        jpeg_structure::check(bytes, limits)?;
    }
    let fail = |error| from_image(error, format, limits);
    let mut decoder = open(bytes, format).map_err(fail)?;
    let (width, height) = decoder.dimensions();
    limits.check_size(width, height)?;
    if width == 0 || height == 0 {
        return Err(MediaError::Corrupt { format, reason: "an image without pixels".to_owned() });
    }
    decoder.set_limits(limits.for_decoder()).map_err(fail)?;
    // Metadata is optional: a damaged profile or EXIF block must not cost the picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let icc = decoder.icc_profile().ok().flatten().filter(|icc| icc.len() <= MAX_ICC_BYTES);
    let image = DynamicImage::from_decoder(decoder).map_err(fail)?;
    Ok(Decoded { pixels: to_pixels(image), orientation, icc })
}

fn open(bytes: &[u8], format: Format) -> Result<Box<dyn ImageDecoder + '_>, ImageError> {
    let reader = Cursor::new(bytes);
    Ok(match format {
        Format::Jpeg => Box::new(JpegDecoder::new(reader)?),
        Format::Png => Box::new(PngDecoder::new(reader)?),
        Format::WebP => Box::new(WebPDecoder::new(reader)?),
        Format::Gif => Box::new(GifDecoder::new(reader)?),
    })
}

/// To the layouts of this crate. 16-bit samples are rounded to 8; grey with alpha becomes RGBA.
fn to_pixels(image: DynamicImage) -> Pixels {
    let (width, height) = (image.width(), image.height());
    let (layout, data) = match image {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageLuma16(_) => {
            (Layout::Grey, image.into_luma8().into_raw())
        }
        _ if image.color().has_alpha() => (Layout::Rgba, image.into_rgba8().into_raw()),
        _ => (Layout::Rgb, image.into_rgb8().into_raw()),
    };
    Pixels { width, height, layout, data }
}

/// By meaning: the end came too early, too big, a variety we do not read, or damaged.
fn from_image(error: ImageError, format: Format, limits: &Limits) -> MediaError {
    if ends_early(&error) {
        return MediaError::Truncated { format };
    }
    match error {
        ImageError::Limits(_) => limits.too_many_pixels(0, 0),
        ImageError::Unsupported(error) => {
            MediaError::UnsupportedVariety { format, reason: one_line(&error.to_string()) }
        }
        other => MediaError::Corrupt { format, reason: one_line(&other.to_string()) },
    }
}

fn ends_early(error: &ImageError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = match error {
        ImageError::IoError(error) => Some(error),
        other => other.source(),
    };
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::UnexpectedEof) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Decoders' messages may quote the file: one line, at most 200 characters.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

#[cfg(test)]
mod tests {
    use image::ImageFormat;

    use super::*;
    use crate::testing;

    fn decode_as(bytes: &[u8], format: Format) -> Result<Decoded, MediaError> {
        decode(bytes, format, &Limits::default())
    }

    fn layout_of(image: DynamicImage) -> Layout {
        decode_as(&testing::encode(image, ImageFormat::Png), Format::Png).unwrap().pixels.layout
    }

    #[test]
    fn every_sample_depth_ends_in_one_of_three_layouts() {
        assert_eq!(layout_of(DynamicImage::new_luma8(3, 3)), Layout::Grey);
        assert_eq!(layout_of(DynamicImage::new_luma16(3, 3)), Layout::Grey);
        assert_eq!(layout_of(DynamicImage::new_luma_a8(3, 3)), Layout::Rgba);
        assert_eq!(layout_of(DynamicImage::new_rgb8(3, 3)), Layout::Rgb);
        assert_eq!(layout_of(DynamicImage::new_rgb16(3, 3)), Layout::Rgb);
        assert_eq!(layout_of(DynamicImage::new_rgba16(3, 3)), Layout::Rgba);
    }

    #[test]
    fn sixteen_bits_keep_their_brightness() {
        let image = image::ImageBuffer::from_pixel(2, 2, image::Rgb([0x8000_u16, 0xFFFF, 0]));
        let bytes = testing::encode(DynamicImage::ImageRgb16(image), ImageFormat::Png);
        assert_eq!(decode_as(&bytes, Format::Png).unwrap().pixels.data[..3], [0x80, 0xFF, 0]);
    }

    #[test]
    fn a_cmyk_jpeg_becomes_rgb_with_its_colours() {
        let bytes = testing::cmyk_jpeg(16, 16, [0, 255, 255, 0]);
        let pixels = decode_as(&bytes, Format::Jpeg).unwrap().pixels;
        assert_eq!(pixels.layout, Layout::Rgb);
        let [red, green, blue] = pixels.data[..3] else { panic!("three samples") };
        assert!(red > 200 && green < 60 && blue < 60, "expected red, got {red} {green} {blue}");
    }

    #[test]
    fn a_header_of_fifty_thousand_squared_is_refused_before_decoding() {
        let bomb = testing::png_header(50_000, 50_000);
        match decode_as(&bomb, Format::Png) {
            Err(MediaError::TooManyPixels { width: 50_000, height: 50_000, .. }) => {}
            other => panic!("{:?}", other.map(|decoded| decoded.pixels.data.len())),
        }
    }

    #[test]
    fn a_gif_gives_its_first_frame() {
        let bytes = testing::gif(&[[255, 0, 0], [0, 0, 255]]);
        assert_eq!(decode_as(&bytes, Format::Gif).unwrap().pixels.data[..4], [255, 0, 0, 255]);
    }

    #[test]
    fn a_file_cut_in_half_is_truncated_in_every_format() {
        for (format, image_format) in [
            (Format::Png, ImageFormat::Png),
            (Format::WebP, ImageFormat::WebP),
            (Format::Gif, ImageFormat::Gif),
        ] {
            let whole = testing::encode(testing::gradient(80, 60), image_format);
            let error = decode_as(&whole[..whole.len() / 2], format).err().expect("half a file");
            assert!(["truncated", "corrupt"].contains(&error.code()), "{format}: {error}");
        }
        let whole = testing::jpeg(80, 60);
        let error = decode_as(&whole[..whole.len() / 2], Format::Jpeg).err().expect("half a file");
        assert_eq!(error.code(), "truncated");
    }
}
