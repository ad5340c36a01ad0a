//! The steps in their order, as one pure function: source bytes in, encoded levels out.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::decode::{Decoded, decode};
use crate::encode::Encoding;
use crate::orient::{orient, swaps_sides};
use crate::resize::{Shrinker, fit_inside};
use crate::sniff::sniff;
use crate::{Format, MediaError, Recipe, alpha, colour, dominant};

/// Everything made of one source, still in memory.
pub(crate) struct Rendered {
    pub(crate) format: Format,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) dominant_colour: Option<String>,
    /// Largest first, at least one.
    pub(crate) levels: Vec<Level>,
}

/// One encoded size.
pub(crate) struct Level {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) extension: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// Runs all steps. A panic inside a decoder ends as an error; nothing outlives the call that it could have damaged.
pub(crate) fn render(source: &[u8], recipe: &Recipe) -> Result<Rendered, MediaError> {
    recipe.limits.check_file(source.len() as u64)?;
    let format = sniff(source)?;
    catch_unwind(AssertUnwindSafe(|| steps(source, format, recipe)))
        .unwrap_or_else(|panic| Err(MediaError::DecoderPanicked { format, reason: message(panic.as_ref()) }))
}

fn steps(source: &[u8], format: Format, recipe: &Recipe) -> Result<Rendered, MediaError> {
    let Decoded { pixels, orientation, icc } = decode(source, format, &recipe.limits)?;
    let seen =
        if swaps_sides(orientation) { (pixels.height, pixels.width) } else { (pixels.width, pixels.height) };
    let pixels = alpha::drop_if_opaque(pixels);
    let sizes = recipe.descending_sizes();
    let mut shrinker = Shrinker::new();

    // Turning and colour management cost by the pixel, so they come after the first and largest reduction.
    let largest = sizes.first().copied().unwrap_or(pixels.longest_side());
    let (width, height) = fit_inside(pixels.width, pixels.height, largest);
    let first = if (width, height) == (pixels.width, pixels.height) {
        pixels
    } else {
        shrinker.shrink(&pixels, width, height)?
    };
    let mut current = colour::to_srgb(orient(first, orientation), icc.as_deref());

    let encoding = Encoding::choose(recipe.format, current.layout);
    let mut levels: Vec<Level> = Vec::with_capacity(sizes.len());
    for side in sizes {
        let (width, height) = fit_inside(seen.0, seen.1, side);
        if levels.last().is_some_and(|level| (level.width, level.height) == (width, height)) {
            continue;
        }
        if (current.width, current.height) != (width, height) {
            current = shrinker.shrink(&current, width, height)?;
        }
        let bytes = encoding.encode(&current)?;
        levels.push(Level { width, height, extension: encoding.extension(), bytes });
    }
    let dominant_colour = dominant::dominant_colour(&current);
    Ok(Rendered { format, width: seen.0, height: seen.1, dominant_colour, levels })
}

/// The message of a panic, one line of at most 200 characters.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

#[cfg(test)]
mod tests;
