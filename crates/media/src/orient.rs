//! Turns and mirrors pixels as the EXIF orientation asks.

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};

use crate::pixels::{Layout, Pixels};

/// Whether the orientation exchanges width and height.
pub(crate) fn swaps_sides(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// The pixels as they are meant to be seen.
pub(crate) fn orient(pixels: Pixels, orientation: Orientation) -> Pixels {
    if orientation == Orientation::NoTransforms {
        return pixels;
    }
    let Pixels { width, height, layout, data } = pixels;
    let image = match layout {
        Layout::Grey => GrayImage::from_raw(width, height, data).map(DynamicImage::ImageLuma8),
        Layout::Rgb => RgbImage::from_raw(width, height, data).map(DynamicImage::ImageRgb8),
        Layout::Rgba => RgbaImage::from_raw(width, height, data).map(DynamicImage::ImageRgba8),
    };
    let mut image = image.expect("the data of pixels has the length of their size");
    image.apply_orientation(orientation);
    let (width, height) = (image.width(), image.height());
    Pixels { width, height, layout, data: image.into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixels numbered row by row.
    fn numbered(width: u32, height: u32) -> Pixels {
        Pixels { width, height, layout: Layout::Grey, data: (0..(width * height) as u8).collect() }
    }

    #[test]
    fn all_eight_orientations_put_the_first_pixel_where_exif_says() {
        // 3×2 source: 0 1 2 / 3 4 5
        let expected: [(u8, u32, [u8; 6]); 8] = [
            (1, 3, [0, 1, 2, 3, 4, 5]),
            (2, 3, [2, 1, 0, 5, 4, 3]),
            (3, 3, [5, 4, 3, 2, 1, 0]),
            (4, 3, [3, 4, 5, 0, 1, 2]),
            (5, 2, [0, 3, 1, 4, 2, 5]),
            (6, 2, [3, 0, 4, 1, 5, 2]),
            (7, 2, [5, 2, 4, 1, 3, 0]),
            (8, 2, [2, 5, 1, 4, 0, 3]),
        ];
        for (exif, width, data) in expected {
            let orientation = Orientation::from_exif(exif).unwrap();
            let seen = orient(numbered(3, 2), orientation);
            assert_eq!((seen.width, seen.data.as_slice()), (width, data.as_slice()), "orientation {exif}");
            assert_eq!(swaps_sides(orientation), width == 2, "orientation {exif}");
        }
    }
}
