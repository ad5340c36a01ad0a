//! Decoded pixels, in one of the three layouts that every step understands.

use fast_image_resize::PixelType;

/// Samples of one pixel, 8 bits each, interleaved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Grey,
    Rgb,
    /// Alpha is straight (not premultiplied).
    Rgba,
}

impl Layout {
    pub(crate) fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    pub(crate) fn pixel_type(self) -> PixelType {
        match self {
            Self::Grey => PixelType::U8,
            Self::Rgb => PixelType::U8x3,
            Self::Rgba => PixelType::U8x4,
        }
    }
}

/// An image in memory: rows from the top, no padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pixels {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) layout: Layout,
    /// Exactly `width * height * layout.channels()` bytes.
    pub(crate) data: Vec<u8>,
}
