//! What a shop wants to know of a picture besides its files, made while small pixels are at hand.

use crate::MediaError;
use crate::dominant::dominant_colour;
use crate::frame::Frame;
use crate::geometry::{Crop, fit_inside};
use crate::pixels::{Layout, Pixels};
use crate::resize::Subsampling;
use crate::scratch::Scratch;
use crate::similar::{SIDE, perceptual_hash};

/// Longest side of what the colour is looked for in.
const COLOUR_SIDE: u32 = 100;
/// Longest side of what the placeholder is made of: it keeps a handful of waves, which 32 pixels hold.
const PLACEHOLDER_SIDE: u32 = 32;

/// Facts about one picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extras {
    /// `#rrggbb`; none where all is transparent.
    pub(crate) dominant_colour: Option<String>,
    /// `ThumbHash` in hex.
    pub(crate) thumbhash: String,
    /// See [`perceptual_hash`].
    pub(crate) perceptual_hash: u64,
}

impl Extras {
    /// From the smallest level there is, or a larger one.
    pub(crate) fn of(frame: &Frame, scratch: &mut Scratch) -> Result<Self, MediaError> {
        let small = sized(frame, fit(frame, COLOUR_SIDE), scratch)?;
        let placeholder = sized(&small, fit(frame, PLACEHOLDER_SIDE), scratch)?;
        let square = sized(&small, (SIDE, SIDE), scratch)?;
        let placeholder = into_pixels(placeholder);
        let (width, height) = (placeholder.width as usize, placeholder.height as usize);
        let hash = thumbhash::rgba_to_thumb_hash(width, height, &rgba(&placeholder));
        Ok(Self {
            dominant_colour: dominant_colour(&into_pixels(small)),
            thumbhash: hex(&hash),
            perceptual_hash: perceptual_hash(&luma(&into_pixels(square))),
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn fit(frame: &Frame, side: u32) -> (u32, u32) {
    let (width, height) = frame.size();
    fit_inside(width, height, side)
}

/// May enlarge: the hash has one size for all pictures.
fn sized(frame: &Frame, size: (u32, u32), scratch: &mut Scratch) -> Result<Frame, MediaError> {
    let whole = Crop::whole(frame.size());
    scratch.shrinker.shrink(frame, whole, size, Subsampling::Full, &mut scratch.buffers)
}

fn into_pixels(frame: Frame) -> Pixels {
    match frame {
        Frame::Planes(planes) => planes.to_pixels(),
        Frame::Pixels(pixels) => pixels,
    }
}

fn rgba(pixels: &Pixels) -> Vec<u8> {
    match pixels.layout {
        Layout::Grey => pixels.data.iter().flat_map(|&grey| [grey, grey, grey, 255]).collect(),
        Layout::Rgb => pixels.data.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect(),
        Layout::Rgba => pixels.data.clone(),
    }
}

/// Brightness on white.
fn luma(pixels: &Pixels) -> Vec<f32> {
    let mean = |p: &[u8]| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]);
    match pixels.layout {
        Layout::Grey => pixels.data.iter().map(|&grey| f32::from(grey)).collect(),
        Layout::Rgb => pixels.data.chunks_exact(3).map(mean).collect(),
        Layout::Rgba => pixels
            .data
            .chunks_exact(4)
            .map(|p| {
                let alpha = f32::from(p[3]) / 255.0;
                mean(p) * alpha + 255.0 * (1.0 - alpha)
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planes::Planes;

    fn red(layout: Layout, width: u32, height: u32) -> Frame {
        let pixel: &[u8] = if layout == Layout::Rgba { &[200, 10, 10, 255] } else { &[200, 10, 10] };
        Frame::Pixels(Pixels { width, height, layout, data: pixel.repeat((width * height) as usize) })
    }

    #[test]
    fn pixels_and_planes_tell_the_same() {
        let scratch = &mut Scratch::new();
        let rgb = Extras::of(&red(Layout::Rgb, 300, 200), scratch).unwrap();
        assert_eq!(rgb.dominant_colour.as_deref(), Some("#c80a0a"));
        assert_eq!(rgb, Extras::of(&red(Layout::Rgba, 300, 200), scratch).unwrap());
        let Frame::Pixels(pixels) = red(Layout::Rgb, 300, 200) else { panic!() };
        let planes = Extras::of(&Frame::Planes(Planes::from_pixels(&pixels)), scratch).unwrap();
        assert_eq!(planes.perceptual_hash, rgb.perceptual_hash);
        assert_eq!(planes.thumbhash.len(), rgb.thumbhash.len());
    }

    #[test]
    fn a_picture_of_one_pixel_has_them_too() {
        let extras = Extras::of(&red(Layout::Rgb, 1, 1), &mut Scratch::new()).unwrap();
        assert!(!extras.thumbhash.is_empty());
    }

    #[test]
    fn a_clear_picture_has_no_colour() {
        let clear = Frame::Pixels(Pixels { width: 9, height: 9, layout: Layout::Rgba, data: vec![0; 324] });
        assert_eq!(Extras::of(&clear, &mut Scratch::new()).unwrap().dominant_colour, None);
    }
}
