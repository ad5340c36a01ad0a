//! The pyramid: each level is made from the next larger one, which costs a third of going back to the source for each
//! and looks the same.

mod kernel;
mod plane;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{Filter, FilterType, ResizeAlg, ResizeOptions, Resizer};

use crate::MediaError;
use crate::buffers::Buffers;
use crate::frame::Frame;
use crate::geometry::Crop;
use crate::pixels::Pixels;
use crate::planes::{Chroma, Planes};

/// Resizes with one set of buffers for all levels of an image, and for the next image.
pub(crate) struct Shrinker {
    resizer: Resizer,
    options: ResizeOptions,
}

/// How large chroma is in the result, beside luma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subsampling {
    /// As large: for what becomes RGB.
    Full,
    /// Half in both directions: for JPEG and lossy WebP.
    Half,
}

impl Subsampling {
    fn covers(self) -> (u32, u32) {
        match self {
            Self::Full => (1, 1),
            Self::Half => (2, 2),
        }
    }
}

impl Shrinker {
    /// Lanczos3 on gamma-encoded samples; alpha is premultiplied around each step, so no colour bleeds from
    /// transparent pixels.
    pub(crate) fn new() -> Self {
        let filter = Filter::new("Lanczos3 from a table", kernel::lanczos3, kernel::LOBES);
        let filter = filter.map_or(FilterType::Lanczos3, FilterType::Custom);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
        Self { resizer: Resizer::new(), options: options.use_alpha(true) }
    }

    /// `crop` of the frame in the given size. Planes are made to the chroma size asked for, so a frame that has the
    /// size already may still be worked on.
    ///
    /// # Errors
    /// [`MediaError::EncodeFailed`] when the resizer refuses the buffers, which valid frames never cause.
    pub(crate) fn shrink(
        &mut self,
        frame: &Frame,
        crop: Crop,
        (width, height): (u32, u32),
        subsampling: Subsampling,
        buffers: &mut Buffers,
    ) -> Result<Frame, MediaError> {
        Ok(match frame {
            Frame::Pixels(pixels) => Frame::Pixels(self.shrink_pixels(pixels, crop, width, height, buffers)?),
            Frame::Planes(planes) => {
                Frame::Planes(self.shrink_planes(planes, crop, width, height, subsampling, buffers)?)
            }
        })
    }

    fn shrink_pixels(
        &mut self,
        source: &Pixels,
        crop: Crop,
        width: u32,
        height: u32,
        buffers: &mut Buffers,
    ) -> Result<Pixels, MediaError> {
        let kind = source.layout.pixel_type();
        let length = source.width as usize * source.height as usize * source.layout.channels();
        let from =
            ImageRef::new(source.width, source.height, &source.data[..length], kind).map_err(refused)?;
        let mut data = buffers.take(width as usize * height as usize * source.layout.channels());
        let mut to = Image::from_slice_u8(width, height, &mut data, kind).map_err(refused)?;
        let crop = crop.inside((source.width, source.height));
        let options = self.options.crop(crop.left, crop.top, crop.width, crop.height);
        self.resizer.resize(&from, &mut to, &options).map_err(refused)?;
        Ok(Pixels { width, height, layout: source.layout, data })
    }

    fn shrink_planes(
        &mut self,
        source: &Planes,
        crop: Crop,
        width: u32,
        height: u32,
        subsampling: Subsampling,
        buffers: &mut Buffers,
    ) -> Result<Planes, MediaError> {
        let chroma = source.chroma.map(|_| Chroma::of(width, height, subsampling.covers()));
        let mut data = buffers.take(Planes::length(width, height, chroma));
        let (luma, colours) = source.all();
        let (target, mut rest) = data.split_at_mut(width as usize * height as usize);
        self.shrink_plane(luma, crop, target, (width, height), buffers)?;
        if let (Some(colours), Some(from), Some(to)) = (colours, source.chroma, chroma) {
            // One sample of the result covers a whole number of luma samples, which may reach over the edge by a part.
            let reach = |covers: u32, samples: u32, luma: u32| f64::from(covers * samples) / f64::from(luma);
            let crop = Crop {
                width: crop.width * reach(to.covers.0, to.width, width),
                height: crop.height * reach(to.covers.1, to.height, height),
                ..crop
            };
            let crop = crop.scaled(1.0 / f64::from(from.covers.0), 1.0 / f64::from(from.covers.1));
            for plane in colours {
                let (target, behind) = rest.split_at_mut(to.width as usize * to.height as usize);
                let inside = crop.inside((plane.width, plane.height));
                self.shrink_plane(plane, inside, target, (to.width, to.height), buffers)?;
                rest = behind;
            }
        }
        Ok(Planes { width, height, chroma, data })
    }
}

fn refused(error: impl std::fmt::Display) -> MediaError {
    MediaError::EncodeFailed { reason: error.to_string() }
}

#[cfg(test)]
mod tests;
