//! Sizes and cuts, in numbers alone.

use image::metadata::Orientation;

use crate::orient::swaps_sides;
use crate::{Fit, Recipe};

/// A rectangle in pixels of some image; its edges need not fall on whole pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Crop {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Crop {
    pub(crate) fn whole((width, height): (u32, u32)) -> Self {
        Self { left: 0.0, top: 0.0, width: width.into(), height: height.into() }
    }

    /// The same part of an image that is `across` and `down` times as large.
    pub(crate) fn scaled(self, across: f64, down: f64) -> Self {
        Self {
            left: self.left * across,
            top: self.top * down,
            width: self.width * across,
            height: self.height * down,
        }
    }

    /// The part of it inside an image of this size; at least a hundredth of a pixel.
    pub(crate) fn inside(self, (width, height): (u32, u32)) -> Self {
        let (width, height) = (f64::from(width), f64::from(height));
        let left = self.left.clamp(0.0, width - 0.01);
        let top = self.top.clamp(0.0, height - 0.01);
        Self {
            left,
            top,
            width: self.width.clamp(0.01, width - left),
            height: self.height.clamp(0.01, height - top),
        }
    }

    /// Where this part of the image as it is seen (of size `seen`) lies in the image as it is stored.
    pub(crate) fn stored(self, orientation: Orientation, seen: (u32, u32)) -> Self {
        let (width, height) = (f64::from(seen.0), f64::from(seen.1));
        let right = width - self.left - self.width;
        let below = height - self.top - self.height;
        let (left, top) = match orientation {
            Orientation::NoTransforms => (self.left, self.top),
            Orientation::FlipHorizontal => (right, self.top),
            Orientation::Rotate180 => (right, below),
            Orientation::FlipVertical => (self.left, below),
            Orientation::Rotate90FlipH => (self.top, self.left),
            Orientation::Rotate90 => (self.top, right),
            Orientation::Rotate270FlipH => (below, right),
            Orientation::Rotate270 => (below, self.left),
        };
        let (width, height) =
            if swaps_sides(orientation) { (self.height, self.width) } else { (self.width, self.height) };
        Self { left, top, width, height }
    }
}

/// What is shown of a source, and in which sizes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// In pixels of the source as it is seen.
    pub(crate) crop: Crop,
    /// Largest first, each once, at least one. Without the bars that [`Fit::Pad`] adds.
    pub(crate) levels: Vec<(u32, u32)>,
}

impl Plan {
    /// For a part of a source, usually all of it.
    pub(crate) fn new(region: Crop, recipe: &Recipe) -> Self {
        let crop = match recipe.fit {
            Fit::Contain | Fit::Pad { .. } => region,
            Fit::Cover { aspect, focus } => cover(region, aspect, focus),
        };
        let side = |length: f64| (length.round() as u32).max(1);
        let (width, height) = (side(crop.width), side(crop.height));
        let mut levels: Vec<_> =
            recipe.descending_sizes().into_iter().map(|longest| fit_inside(width, height, longest)).collect();
        levels.dedup();
        Self { crop, levels }
    }
}

/// The largest part of `region` with the given ratio of width to height, as near to the focus (in percent of the
/// region) as it can be without leaving the region. Whole pixels where the region has them.
fn cover(region: Crop, aspect: (u16, u16), focus: (u8, u8)) -> Crop {
    let (across, down) = (f64::from(aspect.0.max(1)), f64::from(aspect.1.max(1)));
    let scale = (region.width / across).min(region.height / down);
    let width = (across * scale).round().clamp(1.0, region.width.max(1.0));
    let height = (down * scale).round().clamp(1.0, region.height.max(1.0));
    let place = |start: f64, room: f64, length: f64, percent: u8| {
        let centre = room * f64::from(percent.min(100)) / 100.0;
        start + (centre - length / 2.0).round().clamp(0.0, (room - length).max(0.0))
    };
    Crop {
        left: place(region.left, region.width, width, focus.0),
        top: place(region.top, region.height, height, focus.1),
        width,
        height,
    }
}

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

/// By how much a JPEG may be reduced while it is decoded: 1, 2, 4 or 8, so that what is left to resample by the
/// better filter is still 1.5 times the target (1.25 behind a deeper reduction). Nearer looks worse and gains little.
pub(crate) fn shrink_on_load(crop: Crop, target: (u32, u32)) -> u32 {
    let left = (crop.width / f64::from(target.0)).min(crop.height / f64::from(target.1));
    match left {
        left if left >= 8.0 * 1.25 => 8,
        left if left >= 4.0 * 1.25 => 4,
        left if left >= 2.0 * 1.5 => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
