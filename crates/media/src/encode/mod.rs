//! Frames to bytes.

#[cfg(feature = "avif")]
mod avif;
mod jpeg;
mod lossless;

use crate::frame::Frame;
use crate::pixels::Layout;
#[cfg(any(test, feature = "avif"))]
use crate::pixels::Pixels;
use crate::resize::Subsampling;
use crate::scratch::Scratch;
use crate::{Engine, MediaError, Output, alpha};
pub(crate) use jpeg::ZIGZAG;

/// What [`Output`] comes to for one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Jpeg { quality: u8 },
    Png,
    WebP { quality: u8 },
    WebPLossless,
    Avif { quality: u8 },
}

impl Encoding {
    /// Decides `Auto` by whether there is alpha, and WebP by what the engine can write.
    pub(crate) fn choose(output: Output, engine: Engine, alpha: bool) -> Self {
        let webp = |quality| match engine {
            Engine::Turbo => Self::WebP { quality },
            Engine::Rust => Self::WebPLossless,
        };
        match output {
            Output::Png => Self::Png,
            Output::WebP { quality } => webp(quality),
            Output::Avif { quality } => Self::Avif { quality },
            Output::Auto { quality } if alpha => webp(quality),
            Output::Jpeg { quality } | Output::Auto { quality } => Self::Jpeg { quality },
        }
    }

    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Jpeg { .. } => "jpg",
            Self::Png => "png",
            Self::WebP { .. } | Self::WebPLossless => "webp",
            Self::Avif { .. } => "avif",
        }
    }

    /// How large chroma must be for it.
    pub(crate) fn subsampling(self) -> Subsampling {
        match self {
            Self::Jpeg { .. } | Self::WebP { .. } => Subsampling::Half,
            Self::Png | Self::WebPLossless | Self::Avif { .. } => Subsampling::Full,
        }
    }

    /// The form that [`Encoding::encode`] takes: planes where the format stores planes, pixels else. Alpha that the
    /// format cannot carry is laid on white.
    pub(crate) fn prepare(self, frame: Frame) -> Frame {
        use crate::planes::Planes;
        match (self, frame) {
            (Self::Jpeg { .. }, Frame::Pixels(pixels)) if pixels.layout == Layout::Rgba => {
                Frame::Planes(Planes::from_pixels(&alpha::flatten_on_white(&pixels)))
            }
            (Self::Jpeg { .. }, Frame::Pixels(pixels)) => Frame::Planes(Planes::from_pixels(&pixels)),
            (Self::WebP { .. }, Frame::Pixels(pixels)) if pixels.layout != Layout::Rgba => {
                Frame::Planes(Planes::from_pixels(&pixels))
            }
            (Self::Png | Self::WebPLossless | Self::Avif { .. }, Frame::Planes(planes)) => {
                Frame::Pixels(planes.to_pixels())
            }
            (_, ready) => ready,
        }
    }

    /// The encoded file, without metadata. The same prepared frame gives the same bytes.
    ///
    /// # Errors
    /// [`MediaError::EncodeFailed`], which sizes within the recipe's bounds never cause.
    #[cfg_attr(not(feature = "turbo"), expect(unused_variables, reason = "only that engine keeps handles"))]
    pub(crate) fn encode(
        self,
        frame: &Frame,
        engine: Engine,
        scratch: &mut Scratch,
    ) -> Result<Vec<u8>, MediaError> {
        match (self, frame) {
            #[cfg(feature = "turbo")]
            (Self::Jpeg { quality }, Frame::Planes(planes)) if engine == Engine::Turbo => {
                crate::turbo::encode_jpeg(planes, quality, &mut scratch.turbo)
            }
            #[cfg(feature = "turbo")]
            (Self::WebP { quality }, frame) => crate::turbo::encode_webp(frame, quality, scratch),
            (Self::Jpeg { quality }, Frame::Planes(planes)) => jpeg::encode(planes, quality),
            (Self::Png, Frame::Pixels(pixels)) => lossless::png(pixels),
            (Self::WebPLossless, Frame::Pixels(pixels)) => lossless::webp(pixels),
            #[cfg(feature = "avif")]
            (Self::Avif { quality }, Frame::Pixels(pixels)) => avif::encode(pixels, quality),
            _ => Err(MediaError::EncodeFailed { reason: format!("{self:?} is not in this build") }),
        }
    }
}

/// Red, green and blue of every pixel, or all four samples.
#[cfg(feature = "avif")]
fn rgb(pixels: &Pixels) -> Vec<[u8; 3]> {
    match pixels.layout {
        Layout::Grey => pixels.data.iter().map(|&grey| [grey; 3]).collect(),
        layout => {
            pixels.data.chunks_exact(layout.channels()).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
        }
    }
}

#[cfg(test)]
mod tests;
