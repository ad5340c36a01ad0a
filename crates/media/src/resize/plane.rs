//! One plane. The resampler is twice as fast down the columns of a plane as along its rows, so rows are turned into
//! columns for their turn: the result is the same, at two thirds of the cost.

use fast_image_resize::PixelType;
use fast_image_resize::images::{Image, ImageRef};

use super::{Shrinker, refused};
use crate::MediaError;
use crate::buffers::Buffers;
use crate::geometry::Crop;
use crate::orient::transpose;
use crate::planes::Plane;

/// Below this many samples in the result, turning costs more than it saves.
const WORTH_TURNING: u32 = 128 * 128;

impl Shrinker {
    /// `crop` of the plane, resampled into `target`.
    pub(super) fn shrink_plane(
        &mut self,
        plane: Plane<'_>,
        crop: Crop,
        target: &mut [u8],
        (width, height): (u32, u32),
        buffers: &mut Buffers,
    ) -> Result<(), MediaError> {
        let crop = crop.inside((plane.width, plane.height));
        let narrower = (crop.width - f64::from(width)).abs() > 1e-6 || crop.left.fract() != 0.0;
        if !narrower || width * height < WORTH_TURNING {
            return self.resample(plane, crop, target, (width, height));
        }
        // Whole columns that the filter may look at: three source pixels a lobe and a half on either side.
        let support = (3.0 * (crop.width / f64::from(width)).max(1.0)).ceil() + 1.0;
        let first = (crop.left - support).floor().max(0.0);
        let last = (crop.left + crop.width + support).ceil().min(plane.width.into());
        let columns = (last - first) as u32;
        let tall = Crop { left: first, width: last - first, ..crop };

        let mut lower = buffers.take(columns as usize * height as usize);
        self.resample(plane, tall, &mut lower, (columns, height))?;
        let mut turned = buffers.take(lower.len());
        transpose(&lower, columns as usize, height as usize, &mut turned);
        buffers.give(lower);

        let lying = Plane { width: height, height: columns, data: &turned };
        let part = Crop { left: 0.0, top: crop.left - first, width: height.into(), height: crop.width };
        let mut narrow = buffers.take(width as usize * height as usize);
        self.resample(lying, part, &mut narrow, (height, width))?;
        transpose(&narrow, height as usize, width as usize, target);
        buffers.give(turned);
        buffers.give(narrow);
        Ok(())
    }

    fn resample(
        &mut self,
        plane: Plane<'_>,
        crop: Crop,
        target: &mut [u8],
        (width, height): (u32, u32),
    ) -> Result<(), MediaError> {
        let from = ImageRef::new(plane.width, plane.height, plane.data, PixelType::U8).map_err(refused)?;
        let mut to = Image::from_slice_u8(width, height, target, PixelType::U8).map_err(refused)?;
        let options = self.options.crop(crop.left, crop.top, crop.width, crop.height);
        self.resizer.resize(&from, &mut to, &options).map_err(refused)
    }
}
