//! Images made in code for the tests.

use std::io::Cursor;

use image::codecs::gif::GifEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, Frame, ImageFormat, Rgb, RgbImage, RgbaImage};
use jpeg_encoder::{ColorType, Encoder};

mod press;

pub(crate) use press::cmyk_profile;

/// A smooth picture with some texture, so that codecs have work to do.
pub(crate) fn gradient(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, ((x * 7) ^ (y * 13)) as u8 / 2])
    })
    .into()
}

pub(crate) fn encode(image: DynamicImage, format: ImageFormat) -> Vec<u8> {
    // GIF has no 24-bit form; its encoder wants RGBA.
    let image = if format == ImageFormat::Gif { DynamicImage::ImageRgba8(image.into_rgba8()) } else { image };
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn jpeg(width: u32, height: u32) -> Vec<u8> {
    encode_jpeg(&gradient(width, height).into_rgb8())
}

pub(crate) fn encode_jpeg(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (width, height) = (image.width() as u16, image.height() as u16);
    Encoder::new(&mut bytes, 90).encode(image.as_raw(), width, height, ColorType::Rgb).unwrap();
    bytes
}

/// Sequential, each colour in a scan of its own.
pub(crate) fn jpeg_with_separate_scans(width: u16, height: u16) -> Vec<u8> {
    special_jpeg(width, height, |encoder| encoder.set_optimized_huffman_tables(true))
}

pub(crate) fn progressive_jpeg(width: u16, height: u16) -> Vec<u8> {
    special_jpeg(width, height, |encoder| encoder.set_progressive(true))
}

fn special_jpeg(width: u16, height: u16, set: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let image = gradient(width.into(), height.into()).into_rgb8();
    let mut encoder = Encoder::new(&mut bytes, 90);
    set(&mut encoder);
    encoder.encode(image.as_raw(), width, height, ColorType::Rgb).unwrap();
    bytes
}

/// One brightness, one component.
pub(crate) fn grey_jpeg(width: u16, height: u16, sample: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let data = vec![sample; usize::from(width) * usize::from(height)];
    Encoder::new(&mut bytes, 95).encode(&data, width, height, ColorType::Luma).unwrap();
    bytes
}

/// One colour, given in ink: 255 is full ink.
pub(crate) fn cmyk_jpeg(width: u16, height: u16, ink: [u8; 4]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let data = ink.repeat(usize::from(width) * usize::from(height));
    Encoder::new(&mut bytes, 95).encode(&data, width, height, ColorType::Cmyk).unwrap();
    bytes
}

/// The same colour by way of luma and chroma.
pub(crate) fn ycck_jpeg(width: u16, height: u16, ink: [u8; 4]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let data = ink.repeat(usize::from(width) * usize::from(height));
    Encoder::new(&mut bytes, 95).encode(&data, width, height, ColorType::CmykAsYcck).unwrap();
    bytes
}

/// The JPEG with this colour profile.
pub(crate) fn with_icc(jpeg: &[u8], icc: &[u8]) -> Vec<u8> {
    with_jpeg_segment(jpeg, 0xE2, &[b"ICC_PROFILE\0\x01\x01", icc].concat())
}

/// The JPEG without its first segment of this kind.
pub(crate) fn without_jpeg_segment(jpeg: &[u8], marker: u8) -> Vec<u8> {
    let at = jpeg.windows(2).position(|pair| pair == [0xFF, marker]).unwrap();
    let length = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    [&jpeg[..at], &jpeg[at + 2 + length..]].concat()
}

/// The JPEG with a further segment behind its start marker.
pub(crate) fn with_jpeg_segment(jpeg: &[u8], marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xFF, marker], &length, content, &jpeg[2..]].concat()
}

/// How a camera held for `exif` stores a picture whose left half is red and right half blue when seen upright.
pub(crate) fn stored_for_orientation(exif: u8, width: u32, height: u32) -> RgbImage {
    let upright =
        RgbImage::from_fn(
            width,
            height,
            |x, _| if x < width / 2 { Rgb([230, 20, 20]) } else { Rgb([20, 20, 230]) },
        );
    // All but the quarter turns undo themselves; those undo each other.
    let undo = match exif {
        6 => 8,
        8 => 6,
        same => same,
    };
    let mut stored = DynamicImage::ImageRgb8(upright);
    stored.apply_orientation(Orientation::from_exif(undo).unwrap());
    stored.into_rgb8()
}

/// A JPEG with an EXIF block that holds the orientation alone.
pub(crate) fn exif_jpeg(image: &RgbImage, orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend_from_slice(&[orientation, 0, 0, 0, 0, 0, 0]);
    with_jpeg_segment(&encode_jpeg(image), 0xE1, &exif)
}

/// The signature and header chunk of a PNG of the given size, then an empty data chunk and the end.
pub(crate) fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1A\n".to_vec();
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend_from_slice(&[8, 6, 0, 0, 0]);
    for (kind, content) in [(b"IHDR", header.as_slice()), (b"IDAT", &[]), (b"IEND", &[])] {
        bytes.extend_from_slice(&(content.len() as u32).to_be_bytes());
        let body = [kind.as_slice(), content].concat();
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(&crc32(&body).to_be_bytes());
    }
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 },
        )
    })
}

/// An animation of even frames, 8×8.
pub(crate) fn gif(frames: &[[u8; 3]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    for &[red, green, blue] in frames {
        encoder
            .encode_frame(Frame::new(RgbaImage::from_pixel(8, 8, [red, green, blue, 255].into())))
            .unwrap();
    }
    drop(encoder);
    bytes
}
