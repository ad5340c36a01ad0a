//! What to make of a source image.

use serde::{Deserialize, Serialize};

use crate::{Limits, MediaError};

/// Raise it whenever the same source and recipe would give other bytes: a new encoder, filter or rounding.
const PIPELINE_VERSION: u32 = 1;
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
    /// Bounds on the source.
    pub limits: Limits,
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
    /// WebP, lossless, keeps alpha.
    WebP,
    /// WebP where something is transparent, else JPEG.
    Auto {
        /// Quality of the JPEG, 1–100.
        quality: u8,
    },
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            sizes: vec![1200, 600, 300, 100],
            format: Output::Auto { quality: 80 },
            limits: Limits::default(),
        }
    }
}

impl Recipe {
    /// 16 hex digits that change exactly when the outputs would: with the set of sizes, the format, or the pipeline.
    /// The order of sizes and the limits do not count.
    pub fn id(&self) -> String {
        let format = match self.format {
            Output::Jpeg { quality } => format!("jpeg-{quality}"),
            Output::Png => "png".to_owned(),
            Output::WebP => "webp".to_owned(),
            Output::Auto { quality } => format!("auto-{quality}"),
        };
        let text = format!("v{PIPELINE_VERSION};sizes={:?};format={format}", self.descending_sizes());
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
        match self.format {
            Output::Jpeg { quality } | Output::Auto { quality } if quality == 0 || quality > 100 => {
                fail(format!("quality {quality}; give 1 to 100"))
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
    fn the_id_of_the_default_recipe_is_the_same_in_every_build() {
        assert_eq!(
            Recipe::default().id(),
            "882aa0b224623952",
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
    }

    #[test]
    fn a_recipe_is_read_from_configuration() {
        let recipe: Recipe = serde_json::from_str(r#"{"sizes":[50],"format":{"kind":"webp"}}"#).unwrap();
        assert_eq!((recipe.sizes, recipe.format), (vec![50], Output::WebP));
    }
}
