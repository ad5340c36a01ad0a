//! The steps in their order, as one pure function: source bytes in, encoded levels out.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::metadata::Orientation;

use crate::deadline::Deadline;
use crate::decode::{self, Header};
use crate::encode::Encoding;
use crate::extras::Extras;
use crate::frame::Frame;
use crate::geometry::{Crop, Plan, shrink_on_load};
use crate::orient::{orient, swaps_sides};
use crate::resize::Subsampling;
use crate::scratch::{Scratch, ScratchPool};
use crate::sniff::sniff;
use crate::{Fit, Format, MediaError, Picture, Recipe, colour, pad, trim};

/// Everything made of one source, still in memory.
pub(crate) struct Rendered {
    pub(crate) format: Format,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) extras: Extras,
    /// Largest first, at least one.
    pub(crate) levels: Vec<Picture>,
}

/// Runs all steps. A panic inside a decoder ends as an error; nothing outlives the call that it could have damaged.
pub(crate) fn render(source: &[u8], recipe: &Recipe, pool: &ScratchPool) -> Result<Rendered, MediaError> {
    recipe.limits.check_file(source.len() as u64)?;
    let format = sniff(source)?;
    catch_unwind(AssertUnwindSafe(|| pool.lend(|scratch| steps(source, format, recipe, scratch))))
        .unwrap_or_else(|panic| Err(MediaError::DecoderPanicked { format, reason: message(panic.as_ref()) }))
}

/// What a source will take to decode, by its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Weight {
    /// Width × height as stored.
    pub(crate) pixels: u64,
    /// Most memory in use at a time, without the source itself.
    pub(crate) bytes: u64,
}

/// Reads the header and checks the limits, contained as in [`render`].
pub(crate) fn weigh(source: &[u8], recipe: &Recipe) -> Result<Weight, MediaError> {
    recipe.limits.check_file(source.len() as u64)?;
    let format = sniff(source)?;
    let look = || {
        let header = decode::header(source, format, &recipe.limits)?;
        let plan = Plan::new(Crop::whole(header.seen()), recipe);
        // A border that is cut off may ask for a second look at more of the picture.
        let denominator = if recipe.trim { 1 } else { reduction(&header, &plan, recipe) };
        let pixels = u64::from(header.width) * u64::from(header.height);
        let (width, height) = plan.levels[0];
        // Two levels of the pyramid, and what resampling and encoding keep beside them.
        let levels = u64::from(width) * u64::from(height) * 12;
        Ok(Weight { pixels, bytes: header.decode_bytes(recipe.engine, denominator) + levels })
    };
    catch_unwind(AssertUnwindSafe(look))
        .unwrap_or_else(|panic| Err(MediaError::DecoderPanicked { format, reason: message(panic.as_ref()) }))
}

fn steps(
    source: &[u8],
    format: Format,
    recipe: &Recipe,
    scratch: &mut Scratch,
) -> Result<Rendered, MediaError> {
    let deadline = Deadline::after(recipe.limits.max_time);
    let header = decode::header(source, format, &recipe.limits)?;
    let seen = header.seen();
    let (plan, frame) = decode_planned(source, &header, recipe, deadline, scratch)?;
    let encoding = Encoding::choose(recipe.format, recipe.engine, frame.has_alpha());

    // Turning and colour management cost by the pixel, so they come after the first and largest reduction.
    let converts = scratch.profiles.differs_from_srgb(header.icc.as_deref());
    let subsampling = if converts { Subsampling::Full } else { encoding.subsampling() };
    let first = first_level(frame, &plan, &header, subsampling, scratch)?;
    let first = orient(first, header.orientation);
    let first = if converts { convert(first, header.icc.as_deref()) } else { first };
    let mut current = encoding.prepare(first);
    if let Fit::Pad { background } = recipe.fit {
        current = pad::to_square(current, background);
    }

    let mut levels = Vec::with_capacity(plan.levels.len());
    for (at, &content) in plan.levels.iter().enumerate() {
        deadline.check()?;
        let size = match recipe.fit {
            Fit::Pad { .. } => (content.0.max(content.1), content.0.max(content.1)),
            _ => content,
        };
        if at > 0 {
            let whole = Crop::whole(current.size());
            let shrinker = &mut scratch.shrinker;
            let next =
                shrinker.shrink(&current, whole, size, encoding.subsampling(), &mut scratch.buffers)?;
            scratch.buffers.give(std::mem::replace(&mut current, next).into_buffer());
        }
        let bytes = encoding.encode(&current, recipe.engine, scratch)?;
        levels.push(Picture { width: size.0, height: size.1, extension: encoding.extension(), bytes });
    }
    let extras = Extras::of(&current, scratch)?;
    scratch.buffers.give(current.into_buffer());
    Ok(Rendered { format, width: seen.0, height: seen.1, extras, levels })
}

/// Decodes at the reduction that the plan allows. A border is cut off in the plan; where that takes away so much that
/// the reduction was too strong for the rest, the source is decoded once more.
fn decode_planned(
    source: &[u8],
    header: &Header,
    recipe: &Recipe,
    deadline: Deadline,
    scratch: &mut Scratch,
) -> Result<(Plan, Frame), MediaError> {
    let how = (recipe.engine, &recipe.limits, deadline);
    let plan = Plan::new(Crop::whole(header.seen()), recipe);
    let strong = reduction(header, &plan, recipe);
    let frame = decode::decode(source, header, strong, how, scratch)?;
    deadline.check()?;
    if !recipe.trim {
        return Ok((plan, frame));
    }
    let plan = Plan::new(seen_part(trim::without_border(&frame), frame.size(), header), recipe);
    let weak = reduction(header, &plan, recipe);
    if weak >= strong {
        return Ok((plan, frame));
    }
    scratch.buffers.give(frame.into_buffer());
    let frame = decode::decode(source, header, weak, how, scratch)?;
    deadline.check()?;
    Ok((plan, frame))
}

/// By how much the source may be reduced while it is decoded.
fn reduction(header: &Header, plan: &Plan, recipe: &Recipe) -> u32 {
    if header.is_scalable(recipe.engine) { shrink_on_load(plan.crop, plan.levels[0]) } else { 1 }
}

/// From the pixels of a decoded frame to those of the source as it is seen.
fn seen_part(part: Crop, frame: (u32, u32), header: &Header) -> Crop {
    let back = |stored: u32, decoded: u32| f64::from(stored) / f64::from(decoded);
    let stored = part.scaled(back(header.width, frame.0), back(header.height, frame.1));
    // Turning back is turning by the orientation that undoes it: all but the quarter turns undo themselves.
    let undo = match header.orientation {
        Orientation::Rotate90 => Orientation::Rotate270,
        Orientation::Rotate270 => Orientation::Rotate90,
        same => same,
    };
    stored.stored(undo, (header.width, header.height)).inside(header.seen())
}

/// The plan's part of the frame in the largest size, still as stored.
fn first_level(
    frame: Frame,
    plan: &Plan,
    header: &Header,
    subsampling: Subsampling,
    scratch: &mut Scratch,
) -> Result<Frame, MediaError> {
    let (width, height) = plan.levels[0];
    let size = if swaps_sides(header.orientation) { (height, width) } else { (width, height) };
    let (across, down) = frame.size();
    let stored = plan.crop.stored(header.orientation, header.seen());
    let crop = stored
        .scaled(f64::from(across) / f64::from(header.width), f64::from(down) / f64::from(header.height))
        .inside((across, down));
    let as_is = crop == Crop::whole(size) && frame.size() == size;
    let chroma_fits = match &frame {
        Frame::Pixels(_) => true,
        Frame::Planes(planes) => subsampling == Subsampling::Half && planes.is_halved(),
    };
    if as_is && chroma_fits {
        return Ok(frame);
    }
    let first = scratch.shrinker.shrink(&frame, crop, size, subsampling, &mut scratch.buffers)?;
    scratch.buffers.give(frame.into_buffer());
    Ok(first)
}

fn convert(frame: Frame, icc: Option<&[u8]>) -> Frame {
    let pixels = match frame {
        Frame::Planes(planes) => planes.to_pixels(),
        Frame::Pixels(pixels) => pixels,
    };
    Frame::Pixels(colour::to_srgb(pixels, icc))
}

/// The message of a panic, one line of at most 200 characters.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

#[cfg(test)]
mod shape_tests;
#[cfg(test)]
mod tests;
