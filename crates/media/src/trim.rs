//! Finds the border of one colour that surrounds a product.

use crate::frame::Frame;
use crate::geometry::Crop;

/// Difference from the border's colour, of each sample, that still counts as border.
const TOLERANCE: u8 = 12;

/// What is left of the frame without its border, in its pixels; all of it where the border is of several colours or
/// nothing else is there.
pub(crate) fn without_border(frame: &Frame) -> Crop {
    let whole = Crop::whole(frame.size());
    let found = match frame {
        Frame::Pixels(pixels) => bounds(&pixels.data, pixels.width as usize, pixels.layout.channels()),
        Frame::Planes(planes) => {
            let (luma, colours) = planes.all();
            let mut found = bounds(luma.data, luma.width as usize, 1);
            // A coloured product as bright as its backdrop shows in chroma alone.
            for plane in colours.into_iter().flatten() {
                let (across, down) = planes.chroma.map_or((1, 1), |chroma| chroma.covers);
                let larger = |b: Bounds| Bounds {
                    left: b.left * across as usize,
                    right: (b.right * across as usize).min(luma.width as usize),
                    top: b.top * down as usize,
                    bottom: (b.bottom * down as usize).min(luma.height as usize),
                };
                found = union(found, bounds(plane.data, plane.width as usize, 1).map(larger));
            }
            found
        }
    };
    found.map_or(whole, |found| Crop {
        left: found.left as f64,
        top: found.top as f64,
        width: (found.right - found.left) as f64,
        height: (found.bottom - found.top) as f64,
    })
}

/// Half-open.
#[derive(Clone, Copy)]
struct Bounds {
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
}

fn union(a: Option<Bounds>, b: Option<Bounds>) -> Option<Bounds> {
    match (a, b) {
        (Some(a), Some(b)) => Some(Bounds {
            left: a.left.min(b.left),
            right: a.right.max(b.right),
            top: a.top.min(b.top),
            bottom: a.bottom.max(b.bottom),
        }),
        (one, other) => one.or(other),
    }
}

/// The smallest rectangle outside of which everything has the colour of the first pixel.
fn bounds(data: &[u8], width: usize, channels: usize) -> Option<Bounds> {
    let border = data.get(..channels)?;
    let differs = |pixel: &[u8]| pixel.iter().zip(border).any(|(a, b)| a.abs_diff(*b) > TOLERANCE);
    let mut found: Option<Bounds> = None;
    for (y, row) in data.chunks_exact(width * channels).enumerate() {
        let Some(first) = row.chunks_exact(channels).position(differs) else { continue };
        let last = row.chunks_exact(channels).rposition(differs).unwrap_or(first);
        found = union(found, Some(Bounds { left: first, right: last + 1, top: y, bottom: y + 1 }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::{Layout, Pixels};
    use crate::planes::Planes;

    /// White with a block of `colour` from (3, 2), 4×5, in 20×10.
    fn block(colour: [u8; 3]) -> Pixels {
        let inside = |at: usize| (3..7).contains(&(at % 20)) && (2..7).contains(&(at / 20));
        let data = (0..200).flat_map(|at| if inside(at) { colour } else { [250, 250, 250] }).collect();
        Pixels { width: 20, height: 10, layout: Layout::Rgb, data }
    }

    const EXPECTED: Crop = Crop { left: 3.0, top: 2.0, width: 4.0, height: 5.0 };

    #[test]
    fn the_border_ends_where_the_product_begins() {
        assert_eq!(without_border(&Frame::Pixels(block([200, 0, 0]))), EXPECTED);
    }

    #[test]
    fn planes_see_colour_as_well_as_brightness() {
        let found = without_border(&Frame::Planes(Planes::from_pixels(&block([255, 245, 200]))));
        // To one chroma sample, which covers two pixels.
        assert!((2.0..=4.0).contains(&found.left) && (2.0..=6.0).contains(&found.width), "{found:?}");
        assert!((2.0..=4.0).contains(&found.top) && (3.0..=6.0).contains(&found.height), "{found:?}");
    }

    #[test]
    fn noise_is_border_and_an_even_picture_stays_whole() {
        assert_eq!(without_border(&Frame::Pixels(block([245, 245, 245]))), Crop::whole((20, 10)));
    }
}
