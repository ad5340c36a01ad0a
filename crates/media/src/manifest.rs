//! What was made of one source: plain data, kept as JSON beside the files.

use serde::{Deserialize, Serialize};

use crate::Format;

/// What was made of one source by one recipe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// BLAKE3 of the source's bytes, 64 hex digits.
    pub source_hash: String,
    /// [`Recipe::id`](crate::Recipe::id) of the recipe used.
    pub recipe_id: String,
    /// Format of the source.
    pub format: Format,
    /// Width of the source as it is seen, after EXIF orientation, in pixels.
    pub width: u32,
    /// Height of the source as it is seen, in pixels.
    pub height: u32,
    /// Length of the source in bytes.
    pub bytes: u64,
    /// Dominant colour as `#rrggbb`; none where all is transparent.
    pub dominant_colour: Option<String>,
    /// `ThumbHash` of the picture in hex: a blurred placeholder of some 25 bytes.
    #[serde(default)]
    pub thumbhash: Option<String>,
    /// 16 hex digits; pictures that look alike differ in few of their bits, see [`near_duplicates`](crate::near_duplicates).
    #[serde(default)]
    pub perceptual_hash: Option<String>,
    /// Files made, largest first; at least one.
    pub outputs: Vec<OutputFile>,
}

/// One file made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFile {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Length of the file.
    pub bytes: u64,
    /// Path below the thumbnailer's root, with `/`: `ab/cd/<16 hex digits of BLAKE3 of the file>-<width>.<extension>`.
    pub file: String,
}

impl Manifest {
    /// The smallest output whose longer side is at least `side` pixels, else the largest there is.
    pub fn best_for(&self, side: u32) -> Option<&OutputFile> {
        let fits = |output: &&OutputFile| output.width.max(output.height) >= side;
        self.outputs.iter().rev().find(fits).or_else(|| self.outputs.first())
    }
}

/// One output in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Of a file's name, without the dot: `jpg`, `png`, `webp` or `avif`.
    pub extension: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

/// A manifest, and what there was to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// What there is now.
    pub manifest: Manifest,
    /// Whether all of it was there before: nothing was decoded and nothing written.
    pub reused: bool,
    /// Pixels of the source, by its header; 0 when reused.
    pub pixels: u64,
    /// Bytes of the memory budget that were taken while it was made; 0 when reused.
    pub memory_bytes: u64,
}

impl Made {
    /// Nothing was to be done for it.
    pub fn reused(manifest: Manifest) -> Self {
        Self { manifest, reused: true, pixels: 0, memory_bytes: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_output_is_the_smallest_that_is_large_enough() {
        let output = |width, height| OutputFile { width, height, bytes: 1, file: format!("{width}") };
        let manifest = Manifest {
            source_hash: String::new(),
            recipe_id: String::new(),
            format: Format::Png,
            width: 1,
            height: 1,
            bytes: 1,
            dominant_colour: None,
            thumbhash: None,
            perceptual_hash: None,
            outputs: vec![output(800, 1200), output(400, 600), output(67, 100)],
        };
        assert_eq!(manifest.best_for(100).unwrap().width, 67);
        assert_eq!(manifest.best_for(101).unwrap().width, 400);
        assert_eq!(manifest.best_for(5000).unwrap().width, 800);
    }
}
