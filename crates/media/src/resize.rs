//! Sizes, and the pyramid: each level is made from the next larger one, which costs a third of going back to the
//! source for each and looks the same.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use crate::MediaError;
use crate::pixels::Pixels;

/// The size whose longer side is `side`, or the source's own size where that is smaller. Never 0.
pub(crate) fn fit_inside(width: u32, height: u32, side: u32) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= side {
        return (width, height);
    }
    let scale = |length: u32| {
        let scaled = (u64::from(length) * u64::from(side) + u64::from(longest) / 2) / u64::from(longest);
        u32::try_from(scaled).unwrap_or(side).max(1)
    };
    (scale(width), scale(height))
}

/// Resizes with one set of buffers for all levels of an image.
pub(crate) struct Shrinker {
    resizer: Resizer,
    options: ResizeOptions,
}

impl Shrinker {
    /// Lanczos3 on gamma-encoded samples; alpha is premultiplied around each step, so no colour bleeds from
    /// transparent pixels.
    pub(crate) fn new() -> Self {
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
        Self { resizer: Resizer::new(), options: options.use_alpha(true) }
    }

    /// A copy of the given size.
    ///
    /// # Errors
    /// [`MediaError::EncodeFailed`] when the resizer refuses the buffers, which valid pixels never cause.
    pub(crate) fn shrink(&mut self, source: &Pixels, width: u32, height: u32) -> Result<Pixels, MediaError> {
        if (source.width, source.height) == (width, height) {
            return Ok(source.clone());
        }
        let refused = |reason: String| MediaError::EncodeFailed { reason };
        let kind = source.layout.pixel_type();
        let from = ImageRef::new(source.width, source.height, &source.data, kind)
            .map_err(|e| refused(e.to_string()))?;
        let mut to = Image::new(width, height, kind);
        self.resizer.resize(&from, &mut to, &self.options).map_err(|e| refused(e.to_string()))?;
        Ok(Pixels { width, height, layout: source.layout, data: to.into_vec() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pixels::Layout;

    #[test]
    fn the_longer_side_becomes_the_size_and_nothing_is_enlarged() {
        assert_eq!(fit_inside(2560, 3837, 1200), (801, 1200));
        assert_eq!(fit_inside(400, 300, 1200), (400, 300));
        assert_eq!(fit_inside(10_000, 1, 100), (100, 1));
    }

    #[test]
    fn transparent_pixels_lend_no_colour_to_their_neighbours() {
        let mut data = Vec::new();
        for column in 0..64 {
            data.extend_from_slice(if column < 32 { &[255, 0, 0, 255] } else { &[0, 255, 0, 0] });
        }
        let source = Pixels { width: 64, height: 1, layout: Layout::Rgba, data };
        let small = Shrinker::new().shrink(&source, 7, 1).unwrap();
        for pixel in small.data.chunks_exact(4).filter(|pixel| pixel[3] > 0) {
            assert!(pixel[1] < 8, "green bled into {pixel:?}");
        }
    }

    #[test]
    fn an_even_grey_stays_even() {
        let source = Pixels { width: 50, height: 40, layout: Layout::Grey, data: vec![77; 2000] };
        let small = Shrinker::new().shrink(&source, 13, 10).unwrap();
        assert!(small.data.iter().all(|&sample| sample == 77));
    }

    proptest! {
        #[test]
        fn a_fitted_size_is_within_bounds(width in 1u32..20_000, height in 1u32..20_000, side in 1u32..2_000) {
            let (w, h) = fit_inside(width, height, side);
            prop_assert!(w >= 1 && h >= 1 && w <= width && h <= height);
            prop_assert_eq!(w.max(h), side.min(width.max(height)));
        }
    }
}
