//! A decoded image on its way through the steps, in whichever form its codec speaks.

use crate::pixels::{Layout, Pixels};
use crate::planes::Planes;

/// An image in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Luma and chroma apart.
    Planes(Planes),
    /// Samples of a pixel side by side.
    Pixels(Pixels),
}

impl Frame {
    pub(crate) fn size(&self) -> (u32, u32) {
        match self {
            Self::Planes(planes) => (planes.width, planes.height),
            Self::Pixels(pixels) => (pixels.width, pixels.height),
        }
    }

    pub(crate) fn has_alpha(&self) -> bool {
        matches!(self, Self::Pixels(pixels) if pixels.layout == Layout::Rgba)
    }

    /// The buffer, for the next image.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        match self {
            Self::Planes(planes) => planes.data,
            Self::Pixels(pixels) => pixels.data,
        }
    }
}
