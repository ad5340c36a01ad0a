//! What to make of a source image.

use serde::{Deserialize, Serialize};

use crate::{Engine, Limits, MediaError};

/// Raise it whenever the same source and recipe would give other bytes: a new encoder, filter or rounding.
const PIPELINE_VERSION: u32 = 3;
const MAX_SIZES: usize = 16;
const MAX_SIDE: u32 = 16_383;

/// Sizes and format of the outputs, and the limits on the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Longer side of each output in pixels, 1–16,383, at most 16 of them, in any order. Nothing is enlarged: sizes
    /// above the source give one output of the source's own size. Default 1200, 600, 300, 100.
    pub sizes: Vec<u32>,
    /// Format of all outputs. Default [`Output::Auto`] at quality 80.
    pub format: Output,
    /// What is shown of a source that has another shape. Default [`Fit::Contain`].
    pub fit: Fit,
    /// Whether a border of one colour is cut off first. Default no.
    pub trim: bool,
    /// Which codecs do the work. Default the best of this build.
    pub engine: Engine,
    /// Bounds on the source.
    pub limits: Limits,
}

/// What is shown of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Fit {
    /// All of it, in its own shape.
    #[default]
    Contain,
    /// As much as fills a given shape; the rest is cut off.
    Cover {
        /// Width to height, each at least 1.
        aspect: (u16, u16),
        /// What stays in the middle, in percent of width and height from the left and the top.
        focus: (u8, u8),
    },
    /// All of it, in the middle of a square.
    Pad {
        /// Red, green and blue of the bars; bars of transparent pictures are transparent.
        background: [u8; 3],
    },
}

/// Format of the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Output {
    /// Baseline JPEG, 4:2:0. Transparent sources are laid on white.
    Jpeg {
        /// 1–100; 80 suits photos.
        quality: u8,
    },
    /// PNG, lossless, keeps alpha.
    Png,
    /// WebP, keeps alpha. [`Engine::Rust`] writes it without loss.
    WebP {
        /// 1–100; 80 suits photos.
        quality: u8,
    },
    /// AVIF, keeps alpha. Needs the cargo feature `avif`; takes half a second of processor time for a photo.
    Avif {
        /// 1–100; 68 looks like a JPEG at 80.
        quality: u8,
    },
    /// WebP where something is transparent, else JPEG.
    Auto {
        /// 1–100.
        quality: u8,
    },
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            sizes: vec![1200, 600, 300, 100],
            format: Output::Auto { quality: 80 },
            fit: Fit::Contain,
            trim: false,
            engine: Engine::default(),
            limits: Limits::default(),
        }
    }
}

impl Recipe {
    /// 16 hex digits that change exactly when the outputs would: with sizes, format, fit, engine, or the pipeline.
    /// The order of sizes and the limits do not count.
    pub fn id(&self) -> String {
        let format = match self.format {
            Output::Jpeg { quality } => format!("jpeg-{quality}"),
            Output::Png => "png".to_owned(),
            Output::WebP { quality } => format!("webp-{quality}"),
            Output::Avif { quality } => format!("avif-{quality}"),
            Output::Auto { quality } => format!("auto-{quality}"),
        };
        let (sizes, fit, trim, engine) = (self.descending_sizes(), self.fit, self.trim, self.engine.name());
        let text = format!(
            "v{PIPELINE_VERSION};sizes={sizes:?};format={format};fit={fit:?};trim={trim};engine={engine}"
        );
        blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
    }

    /// Checks the bounds named at the fields.
    ///
    /// # Errors
    /// [`MediaError::InvalidRecipe`].
    pub fn check(&self) -> Result<(), MediaError> {
        let fail = |reason: String| Err(MediaError::InvalidRecipe { reason });
        if self.sizes.is_empty() || self.sizes.len() > MAX_SIZES {
            return fail(format!("{} sizes; give 1 to {MAX_SIZES}", self.sizes.len()));
        }
        if let Some(size) = self.sizes.iter().find(|&&size| size == 0 || size > MAX_SIDE) {
            return fail(format!("size {size}; give 1 to {MAX_SIDE} pixels"));
        }
        if let Output::Jpeg { quality }
        | Output::WebP { quality }
        | Output::Avif { quality }
        | Output::Auto { quality } = self.format
            && !(1..=100).contains(&quality)
        {
            return fail(format!("quality {quality}; give 1 to 100"));
        }
        if matches!(self.format, Output::Avif { .. }) && !cfg!(feature = "avif") {
            return fail("AVIF is not in this build; build it with the cargo feature avif".to_owned());
        }
        if !self.engine.is_available() {
            let engine = self.engine.name();
            return fail(format!(
                "engine {engine} is not in this build; build it with the cargo feature {engine}"
            ));
        }
        match self.fit {
            Fit::Cover { aspect: (0, _) | (_, 0), .. } => {
                fail("an aspect of 0; give at least 1:1".to_owned())
            }
            Fit::Cover { focus: (x, y), .. } if x > 100 || y > 100 => {
                fail(format!("focus {x}, {y}; give percent, 0 to 100"))
            }
            _ => Ok(()),
        }
    }

    /// Largest first, each once.
    pub(crate) fn descending_sizes(&self) -> Vec<u32> {
        let mut sizes = self.sizes.clone();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes.dedup();
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_ignores_order_and_limits_and_heeds_the_rest() {
        let recipe = Recipe::default();
        let shuffled = Recipe { sizes: vec![100, 300, 1200, 600, 600], ..recipe.clone() };
        let stricter = Recipe { limits: Limits { max_side: 9, ..Limits::default() }, ..recipe.clone() };
        assert_eq!(recipe.id(), shuffled.id());
        assert_eq!(recipe.id(), stricter.id());
        assert_ne!(recipe.id(), Recipe { sizes: vec![1200], ..recipe.clone() }.id());
        assert_ne!(recipe.id(), Recipe { format: Output::Auto { quality: 81 }, ..recipe.clone() }.id());
        assert_ne!(recipe.id(), Recipe { format: Output::Jpeg { quality: 80 }, ..recipe }.id());
    }

    #[test]
    fn the_id_heeds_the_shape_and_the_engine() {
        let recipe = Recipe { engine: Engine::Rust, ..Recipe::default() };
        let others = [
            Recipe { fit: Fit::Pad { background: [255; 3] }, ..recipe.clone() },
            Recipe { fit: Fit::Pad { background: [0; 3] }, ..recipe.clone() },
            Recipe { fit: Fit::Cover { aspect: (1, 1), focus: (50, 50) }, ..recipe.clone() },
            Recipe { trim: true, ..recipe.clone() },
            Recipe { engine: Engine::Turbo, ..recipe.clone() },
            recipe,
        ];
        let ids: std::collections::BTreeSet<_> = others.iter().map(Recipe::id).collect();
        assert_eq!(ids.len(), others.len());
    }

    #[test]
    fn the_id_of_the_default_recipe_is_the_same_in_every_build() {
        assert_eq!(
            Recipe { engine: Engine::Rust, ..Recipe::default() }.id(),
            "f1f4ff0633c26a5a",
            "raise PIPELINE_VERSION only when bytes change"
        );
    }

    #[test]
    fn bounds_are_checked() {
        let with = |sizes: Vec<u32>, format| Recipe { sizes, format, ..Recipe::default() }.check();
        assert!(with(vec![1, 16_383], Output::Png).is_ok());
        assert!(with(vec![], Output::Png).is_err());
        assert!(with(vec![0], Output::Png).is_err());
        assert!(with(vec![16_384], Output::Png).is_err());
        assert!(with(vec![5; 17], Output::Png).is_err());
        assert!(with(vec![5], Output::Jpeg { quality: 0 }).is_err());
        assert!(with(vec![5], Output::Auto { quality: 101 }).is_err());
        assert_eq!(with(vec![5], Output::Avif { quality: 60 }).is_ok(), cfg!(feature = "avif"));
        let turbo = Recipe { engine: Engine::Turbo, ..Recipe::default() };
        assert_eq!(turbo.check().is_ok(), cfg!(feature = "turbo"));
        let fit = |aspect, focus| Recipe { fit: Fit::Cover { aspect, focus }, ..Recipe::default() }.check();
        assert!(fit((3, 4), (0, 100)).is_ok());
        assert!(fit((0, 4), (0, 0)).is_err());
        assert!(fit((3, 4), (0, 101)).is_err());
    }

    #[test]
    fn a_recipe_is_read_from_configuration() {
        let recipe: Recipe =
            serde_json::from_str(r#"{"sizes":[50],"format":{"kind":"webp","quality":70}}"#).unwrap();
        assert_eq!((recipe.sizes, recipe.format), (vec![50], Output::WebP { quality: 70 }));
    }
}
