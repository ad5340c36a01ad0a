//! One product's picture: size, format and damage are chosen, then it is drawn and encoded.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, RgbaImage};

use crate::DemoError;
use crate::draw::{self, Canvas, Rgb, Shape};
use crate::random::Random;

/// File format of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// With the EXIF orientation 6 (turned a quarter to the left) where true.
    Jpeg {
        turned: bool,
    },
    Png {
        transparent: bool,
    },
    WebP {
        transparent: bool,
    },
}

/// A picture to be made; everything about it is decided.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    /// Path below the images folder.
    pub(crate) name: String,
    shape: Shape,
    colour: Rgb,
    width: u32,
    height: u32,
    format: Format,
    backdrop: Rgb,
    /// Whether only the first half of the file is written.
    pub(crate) broken: bool,
}

const BACKDROPS: [Rgb; 5] =
    [Rgb(222, 228, 236), Rgb(236, 228, 216), Rgb(220, 232, 224), Rgb(232, 222, 230), Rgb(226, 226, 226)];

impl Picture {
    /// Decides all by the seed and the name. `stem` is the path without extension.
    pub(crate) fn new(seed: u64, stem: &str, shape: Shape, colour: Rgb) -> Self {
        let mut random = Random::new(seed, stem);
        let side = *random.pick(&[480, 640, 640, 800, 800, 1000, 1200, 1600]);
        let (width, height) =
            *random.pick(&[(side, side), (side, side), (side * 4 / 5, side), (side, side * 4 / 5)]);
        let format = match random.below(100) {
            0..=7 => Format::Jpeg { turned: true },
            8..=71 => Format::Jpeg { turned: false },
            72..=85 => Format::Png { transparent: random.percent(50) },
            _ => Format::WebP { transparent: random.percent(50) },
        };
        let extension = match format {
            Format::Jpeg { .. } => "jpg",
            Format::Png { .. } => "png",
            Format::WebP { .. } => "webp",
        };
        let backdrop = *random.pick(&BACKDROPS);
        Self {
            name: format!("{stem}.{extension}"),
            shape,
            colour,
            width,
            height,
            format,
            backdrop,
            broken: false,
        }
    }

    /// The same as a JPEG of which the second half is missing.
    pub(crate) fn broken(mut self) -> Self {
        self.name = format!("{}.jpg", self.name.rsplit_once('.').map_or(&*self.name, |(stem, _)| stem));
        self.format = Format::Jpeg { turned: false };
        self.broken = true;
        self
    }

    /// The bytes of the file.
    pub(crate) fn render(&self) -> Result<Vec<u8>, DemoError> {
        let refused = |reason: String| DemoError::Picture { name: self.name.clone(), reason };
        let drawn = self.draw().ok_or_else(|| refused("a picture without pixels".to_owned()))?;
        let mut bytes = self.encode(drawn).map_err(|error| refused(error.to_string()))?;
        if self.broken {
            bytes.truncate(bytes.len() / 2);
        }
        Ok(bytes)
    }

    fn transparent(&self) -> bool {
        matches!(self.format, Format::Png { transparent: true } | Format::WebP { transparent: true })
    }

    fn draw(&self) -> Option<RgbaImage> {
        let mut canvas = Canvas::new(self.width, self.height)?;
        if !self.transparent() {
            canvas.backdrop(self.backdrop.light(35), self.backdrop.dark(6));
        }
        draw::product(&mut canvas, self.shape, self.colour);
        RgbaImage::from_raw(self.width, self.height, canvas.into_rgba())
    }

    fn encode(&self, drawn: RgbaImage) -> Result<Vec<u8>, image::ImageError> {
        let mut image = DynamicImage::ImageRgba8(drawn);
        if !self.transparent() {
            image = DynamicImage::ImageRgb8(image.into_rgb8());
        }
        let colour: ExtendedColorType = image.color().into();
        let mut bytes = Cursor::new(Vec::new());
        match self.format {
            Format::Jpeg { turned } => {
                if turned {
                    image = image.rotate270();
                }
                let (width, height) = (image.width(), image.height());
                JpegEncoder::new_with_quality(&mut bytes, 86).write_image(
                    image.as_bytes(),
                    width,
                    height,
                    colour,
                )?;
                let bytes = bytes.into_inner();
                return Ok(if turned { with_orientation_6(&bytes) } else { bytes });
            }
            Format::Png { .. } => {
                PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
                    .write_image(image.as_bytes(), self.width, self.height, colour)?;
            }
            Format::WebP { .. } => {
                WebPEncoder::new_lossless(&mut bytes).encode(
                    image.as_bytes(),
                    self.width,
                    self.height,
                    colour,
                )?;
            }
        }
        Ok(bytes.into_inner())
    }
}

/// The JPEG with an EXIF block, big-endian, that holds one entry: orientation 6, "turn a quarter to the right to see".
fn with_orientation_6(jpeg: &[u8]) -> Vec<u8> {
    let exif = b"\xFF\xE1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let (start, rest) = jpeg.split_at(2);
    [start, exif, rest].concat()
}

#[cfg(test)]
mod tests {
    use image::ImageDecoder;
    use image::codecs::jpeg::JpegDecoder;
    use image::metadata::Orientation;

    use super::*;
    use crate::words::categories;

    fn picture(format: Format) -> Picture {
        let mut picture = Picture::new(1, "x/y", Shape::Mug, Rgb(200, 40, 40));
        (picture.width, picture.height, picture.format) = (120, 90, format);
        picture
    }

    #[test]
    fn every_shape_is_drawn_within_its_picture() {
        for category in categories() {
            let mut picture = picture(Format::Png { transparent: true });
            picture.shape = category.shape;
            let drawn = picture.draw().unwrap();
            let covered = drawn.pixels().filter(|pixel| pixel.0[3] > 200).count();
            assert!(covered > 120 * 90 / 12, "{:?} covers {covered} pixels", category.shape);
            let border =
                drawn.enumerate_pixels().filter(|(x, y, _)| *x == 0 || *y == 0 || *x == 119 || *y == 89);
            assert!(
                border.into_iter().all(|(_, _, pixel)| pixel.0[3] == 0),
                "{:?} is cut off",
                category.shape
            );
        }
    }

    #[test]
    fn a_turned_jpeg_says_so_and_has_its_sides_exchanged() {
        let bytes = picture(Format::Jpeg { turned: true }).render().unwrap();
        let mut decoder = JpegDecoder::new(Cursor::new(bytes)).unwrap();
        assert_eq!(decoder.dimensions(), (90, 120));
        assert_eq!(decoder.orientation().unwrap(), Orientation::Rotate90);
    }

    #[test]
    fn transparent_formats_have_alpha_and_the_others_none() {
        for (format, alpha) in [
            (Format::Png { transparent: true }, true),
            (Format::WebP { transparent: true }, true),
            (Format::WebP { transparent: false }, false),
        ] {
            let image = image::load_from_memory(&picture(format).render().unwrap()).unwrap();
            assert_eq!(image.color().has_alpha(), alpha, "{format:?}");
        }
    }
}
