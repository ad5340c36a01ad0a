//! Turns and mirrors pixels as the EXIF orientation asks.

use fast_transpose::{FlipMode, FlopMode, transpose_plane};
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};

use crate::frame::Frame;
use crate::pixels::{Layout, Pixels};
use crate::planes::{Chroma, Plane, Planes};

/// Whether the orientation exchanges width and height.
pub(crate) fn swaps_sides(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// The image as it is meant to be seen.
pub(crate) fn orient(frame: Frame, orientation: Orientation) -> Frame {
    match frame {
        frame if orientation == Orientation::NoTransforms => frame,
        Frame::Planes(planes) => Frame::Planes(turn_planes(&planes, orientation)),
        Frame::Pixels(pixels) => Frame::Pixels(turn_pixels(pixels, orientation)),
    }
}

fn turn_planes(planes: &Planes, orientation: Orientation) -> Planes {
    let swaps = swaps_sides(orientation);
    let (width, height) = if swaps { (planes.height, planes.width) } else { (planes.width, planes.height) };
    let chroma = planes.chroma.map(|chroma| {
        let turned = |(across, down)| if swaps { (down, across) } else { (across, down) };
        Chroma::of(width, height, turned(chroma.covers))
    });
    let mut data = vec![0; Planes::length(width, height, chroma)];
    let (luma, colours) = planes.all();
    let mut rest = data.as_mut_slice();
    for plane in [Some(luma), colours.map(|[cb, _]| cb), colours.map(|[_, cr]| cr)].into_iter().flatten() {
        let (target, behind) = rest.split_at_mut(plane.data.len());
        turn_plane(plane, orientation, target);
        rest = behind;
    }
    Planes { width, height, chroma, data }
}

/// Every orientation is a transposition or none, then a mirror across, down, both or none.
fn turn_plane(plane: Plane<'_>, orientation: Orientation, target: &mut [u8]) {
    use Orientation::{FlipHorizontal, FlipVertical, Rotate90, Rotate180, Rotate270, Rotate270FlipH};
    let (width, height) = (plane.width as usize, plane.height as usize);
    let across = matches!(orientation, FlipHorizontal | Rotate180 | Rotate90 | Rotate270FlipH);
    let down = matches!(orientation, FlipVertical | Rotate180 | Rotate270 | Rotate270FlipH);
    if swaps_sides(orientation) {
        transpose(plane.data, width, height, target);
    } else {
        target.copy_from_slice(plane.data);
    }
    let row = if swaps_sides(orientation) { height } else { width };
    match (across, down) {
        (true, true) => target.reverse(),
        (true, false) => target.chunks_exact_mut(row).for_each(<[u8]>::reverse),
        (false, true) => {
            let rows = target.len() / row;
            let (upper, lower) = target.split_at_mut(rows / 2 * row);
            let lower = lower.rchunks_exact_mut(row);
            upper.chunks_exact_mut(row).zip(lower).for_each(|(a, b)| a.swap_with_slice(b));
        }
        (false, false) => {}
    }
}

/// Rows become columns.
pub(crate) fn transpose(from: &[u8], width: usize, height: usize, to: &mut [u8]) {
    // To that library a plain transposition is one with a mirror; the test below holds it to that.
    transpose_plane(from, width, to, height, width, height, FlipMode::NoFlip, FlopMode::Flop)
        .expect("both buffers have the length of the size");
}

fn turn_pixels(pixels: Pixels, orientation: Orientation) -> Pixels {
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
    use proptest::prelude::*;

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
            let Frame::Pixels(seen) = orient(Frame::Pixels(numbered(3, 2)), orientation) else { panic!() };
            assert_eq!((seen.width, seen.data.as_slice()), (width, data.as_slice()), "orientation {exif}");
            let planes = Planes { width: 3, height: 2, chroma: None, data: numbered(3, 2).data };
            let Frame::Planes(seen) = orient(Frame::Planes(planes), orientation) else { panic!() };
            assert_eq!((seen.width, seen.data.as_slice()), (width, data.as_slice()), "orientation {exif}");
            assert_eq!(swaps_sides(orientation), width == 2, "orientation {exif}");
        }
    }

    proptest! {
        #[test]
        fn rows_become_columns_at_any_size(width in 1_usize..90, height in 1_usize..90) {
            let from: Vec<u8> = (0..width * height).map(|at| (at * 7 % 251) as u8).collect();
            let mut to = vec![0; from.len()];
            transpose(&from, width, height, &mut to);
            for at in 0..from.len() {
                prop_assert_eq!(to[at % width * height + at / width], from[at]);
            }
        }
    }

    #[test]
    fn chroma_turns_with_luma() {
        // 4×2 with chroma of 2×1 (4:2:0), turned to 2×4 with chroma of 1×2.
        let planes = Planes {
            width: 4,
            height: 2,
            chroma: Some(Chroma::of(4, 2, (2, 2))),
            data: vec![0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 20, 21],
        };
        let Frame::Planes(seen) = orient(Frame::Planes(planes), Orientation::Rotate90) else { panic!() };
        assert_eq!(seen.data, [4, 0, 5, 1, 6, 2, 7, 3, 10, 11, 20, 21]);
        assert_eq!(seen.chroma, Some(Chroma::of(2, 4, (2, 2))));
    }
}
