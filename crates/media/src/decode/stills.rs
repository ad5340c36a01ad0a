//! Header and pixels by the decoders of the `image` crate: every format, in Rust, at full size.

use std::error::Error as _;
use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom};

use image::codecs::{gif::GifDecoder, jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError};

use super::Header;
use crate::deadline::Deadline;
use crate::pixels::{Layout, Pixels};
use crate::{Format, Limits, MediaError};

/// Longest colour profile that is looked at.
const MAX_ICC_BYTES: usize = 4 << 20;

/// What the header of a PNG, WebP or GIF says.
pub(super) fn header(bytes: &[u8], format: Format, limits: &Limits) -> Result<Header, MediaError> {
    let fail = |error| from_image(error, format, limits);
    let mut decoder =
        open(Timed { bytes: Cursor::new(bytes), deadline: Deadline::NEVER }, format).map_err(fail)?;
    let (width, height) = decoder.dimensions();
    limits.check_size(width, height)?;
    if width == 0 || height == 0 {
        return Err(MediaError::Corrupt { format, reason: "an image without pixels".to_owned() });
    }
    let pixel_bytes = decoder.color_type().bytes_per_pixel();
    // Metadata is optional: a damaged profile or EXIF block must not cost the picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let icc = decoder.icc_profile().ok().flatten().filter(|icc| icc.len() <= MAX_ICC_BYTES);
    Ok(Header { format, width, height, orientation, icc, pixel_bytes, jpeg: None })
}

/// Decodes the first frame to 8 bits a sample.
pub(super) fn decode(
    bytes: &[u8],
    header: &Header,
    limits: &Limits,
    deadline: Deadline,
) -> Result<Pixels, MediaError> {
    let fail = |error| from_image(error, header.format, limits);
    let reader = Timed { bytes: Cursor::new(bytes), deadline };
    let mut decoder = open(reader, header.format).map_err(fail)?;
    decoder.set_limits(limits.for_decoder()).map_err(fail)?;
    let image = DynamicImage::from_decoder(decoder).map_err(fail);
    deadline.check()?;
    Ok(to_pixels(image?))
}

/// The source's bytes, until the time is over: a decoder that reads as it goes ends there.
struct Timed<'a> {
    bytes: Cursor<&'a [u8]>,
    deadline: Deadline,
}

impl Timed<'_> {
    fn check(&self) -> io::Result<()> {
        self.deadline.check().map_err(|_| io::ErrorKind::TimedOut.into())
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        self.bytes.read(buffer)
    }
}

impl BufRead for Timed<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.check()?;
        // In pieces, so that the check comes again.
        self.bytes.fill_buf().map(|bytes| &bytes[..bytes.len().min(64 << 10)])
    }

    fn consume(&mut self, amount: usize) {
        self.bytes.consume(amount);
    }
}

impl Seek for Timed<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(position)
    }
}

fn open(reader: Timed<'_>, format: Format) -> Result<Box<dyn ImageDecoder + '_>, ImageError> {
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
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

#[cfg(test)]
mod tests {
    use image::ImageFormat;

    use super::*;
    use crate::testing;

    fn decode_as(bytes: &[u8], format: Format) -> Result<Pixels, MediaError> {
        let limits = Limits::default();
        let header = super::super::header(bytes, format, &limits)?;
        decode(bytes, &header, &limits, Deadline::NEVER)
    }

    fn layout_of(image: DynamicImage) -> Layout {
        decode_as(&testing::encode(image, ImageFormat::Png), Format::Png).unwrap().layout
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
        assert_eq!(decode_as(&bytes, Format::Png).unwrap().data[..3], [0x80, 0xFF, 0]);
    }

    #[test]
    fn a_header_of_fifty_thousand_squared_is_refused_before_decoding() {
        let bomb = testing::png_header(50_000, 50_000);
        match decode_as(&bomb, Format::Png) {
            Err(MediaError::TooManyPixels { width: 50_000, height: 50_000, .. }) => {}
            other => panic!("{:?}", other.map(|pixels| pixels.data.len())),
        }
    }

    #[test]
    fn a_gif_gives_its_first_frame() {
        let bytes = testing::gif(&[[255, 0, 0], [0, 0, 255]]);
        assert_eq!(decode_as(&bytes, Format::Gif).unwrap().data[..4], [255, 0, 0, 255]);
    }

    #[test]
    fn a_file_cut_in_half_is_truncated_in_every_format() {
        for (format, image_format) in [
            (Format::Png, ImageFormat::Png),
            (Format::WebP, ImageFormat::WebP),
            (Format::Gif, ImageFormat::Gif),
        ] {
            let whole = testing::encode(testing::gradient(80, 60), image_format);
            let error = decode_as(&whole[..whole.len() / 2], format).unwrap_err();
            assert!(["truncated", "corrupt"].contains(&error.code()), "{format}: {error}");
        }
        let whole = testing::jpeg(80, 60);
        let error = decode_as(&whole[..whole.len() / 2], Format::Jpeg).unwrap_err();
        assert_eq!(error.code(), "truncated");
    }
}
