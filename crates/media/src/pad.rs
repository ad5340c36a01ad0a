//! Bars that make a picture square.

use crate::frame::Frame;
use crate::pixels::{Layout, Pixels};
use crate::planes::{Chroma, Plane, Planes};

/// The frame in the middle of a square of its longer side. The bars have the `background` (red, green, blue); those of
/// a transparent picture are transparent. Chroma of planes must be half of luma, or as large.
pub(crate) fn to_square(frame: Frame, background: [u8; 3]) -> Frame {
    let (width, height) = frame.size();
    if width == height {
        return frame;
    }
    match frame {
        Frame::Pixels(pixels) => Frame::Pixels(pad_pixels(&pixels, background)),
        Frame::Planes(planes) => Frame::Planes(pad_planes(&planes, background)),
    }
}

fn pad_pixels(pixels: &Pixels, [red, green, blue]: [u8; 3]) -> Pixels {
    let (width, height, layout) = (pixels.width, pixels.height, pixels.layout);
    let (channels, side) = (layout.channels(), width.max(height));
    let [grey, ..] = planes_of([red, green, blue]);
    let colour: &[u8] = match layout {
        Layout::Grey => &[grey],
        Layout::Rgb => &[red, green, blue],
        Layout::Rgba => &[red, green, blue, 0],
    };
    let mut data = colour.repeat(side as usize * side as usize);
    let rows = Plane { width: width * channels as u32, height, data: &pixels.data };
    let at = ((side - width) / 2 * channels as u32, (side - height) / 2);
    put(rows, at, &mut data, side as usize * channels);
    Pixels { width: side, height: side, layout, data }
}

fn pad_planes(planes: &Planes, background: [u8; 3]) -> Planes {
    let side = planes.width.max(planes.height);
    let covers = planes.chroma.map_or((1, 1), |chroma| chroma.covers);
    let chroma = planes.chroma.map(|_| Chroma::of(side, side, covers));
    let [y, cb, cr] = planes_of(background);
    let mut data = vec![y; Planes::length(side, side, chroma)];
    let (luma, rest) = data.split_at_mut(side as usize * side as usize);
    let (from, colours) = planes.all();
    // Whole chroma samples lie left of the picture and above it.
    let at =
        ((side - planes.width) / 2 / covers.0 * covers.0, (side - planes.height) / 2 / covers.1 * covers.1);
    put(from, at, luma, side as usize);
    if let (Some([blue, red]), Some(chroma)) = (colours, chroma) {
        let (blue_to, red_to) = rest.split_at_mut(rest.len() / 2);
        for (from, to, colour) in [(blue, blue_to, cb), (red, red_to, cr)] {
            to.fill(colour);
            put(from, (at.0 / covers.0, at.1 / covers.1), to, chroma.width as usize);
        }
    }
    Planes { width: side, height: side, chroma, data }
}

/// Copies rows to a place in a wider picture; what would stand over its edge is left out.
fn put(from: Plane<'_>, (left, top): (u32, u32), to: &mut [u8], to_width: usize) {
    let (left, width) = (left as usize, from.width as usize);
    let length = width.min(to_width - left);
    let rows = to.chunks_exact_mut(to_width).skip(top as usize);
    for (row, source) in rows.zip(from.data.chunks_exact(width)) {
        row[left..left + length].copy_from_slice(&source[..length]);
    }
}

/// One colour in luma and chroma.
fn planes_of([red, green, blue]: [u8; 3]) -> [u8; 3] {
    let one = Pixels { width: 1, height: 1, layout: Layout::Rgb, data: vec![red, green, blue] };
    let data = Planes::from_pixels(&one).data;
    [data[0], data[1], data[2]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tall_picture_gets_bars_at_its_sides() {
        let pixels = Pixels { width: 1, height: 3, layout: Layout::Rgb, data: vec![9; 9] };
        let Frame::Pixels(square) = to_square(Frame::Pixels(pixels), [255, 0, 0]) else { panic!() };
        assert_eq!((square.width, square.height), (3, 3));
        assert_eq!(square.data[..9], [255, 0, 0, 9, 9, 9, 255, 0, 0]);
    }

    #[test]
    fn bars_of_a_transparent_picture_are_transparent() {
        let pixels = Pixels { width: 3, height: 1, layout: Layout::Rgba, data: vec![200; 12] };
        let Frame::Pixels(square) = to_square(Frame::Pixels(pixels), [255, 255, 255]) else { panic!() };
        assert_eq!((square.data[3], square.data[12 + 3]), (0, 200));
    }

    #[test]
    fn luma_and_chroma_stay_together() {
        let (width, height) = (3, 8);
        let planes = Planes::from_pixels(&Pixels { width, height, layout: Layout::Rgb, data: vec![10; 72] });
        let Frame::Planes(square) = to_square(Frame::Planes(planes), [250, 250, 250]) else { panic!() };
        let (luma, chroma) = square.all();
        assert_eq!(luma.data[..8], [250, 250, 10, 10, 10, 250, 250, 250]);
        assert!(
            chroma
                .unwrap()
                .iter()
                .all(|plane| plane.width == 4 && plane.data.iter().all(|&sample| sample == 128))
        );
        let grey = Planes { width: 2, height: 1, chroma: None, data: vec![1, 2] };
        let Frame::Planes(square) = to_square(Frame::Planes(grey), [0, 0, 0]) else { panic!() };
        assert_eq!(square.data, [1, 2, 0, 0]);
    }
}
