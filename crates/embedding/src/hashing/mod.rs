//! Feature hashing: vectors without a model.

mod words;

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

use crate::{Embed, EmbedError, Kind, ModelId};
use words::words;

/// Length of the vectors.
const DIMENSIONS: usize = 384;
/// Longest text in bytes that is looked at.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Weights of the three kinds of features: whole words count most; pairs catch order; parts of words
/// catch spelling ("sneaker", "sneekers").
const WORD_WEIGHT: f32 = 1.0;
const PAIR_WEIGHT: f32 = 0.5;
const PART_WEIGHT: f32 = 0.25;
/// Characters of a word part.
const PART_LEN: usize = 4;

/// Built-in embedder without weights. **Lexical**: two texts are near when they share words or parts of
/// words; it knows no synonyms and no other language's word for the same thing.
///
/// Stemmed English words without the commonest ones, pairs of neighbours and four-letter parts are hashed
/// with a sign into 384 dimensions; a feature counts 1 + ln(times seen). Pure: the same text gives the same
/// vector on every machine.
#[derive(Debug)]
pub struct FeatureHashing {
    id: ModelId,
}

impl FeatureHashing {
    /// The embedder; there is nothing to configure.
    pub fn new() -> Self {
        // Change the revision whenever a text may get another vector.
        Self { id: ModelId::new("feature-hashing-384", "1") }
    }

    fn vector(text: &str) -> Vec<f32> {
        let text = &text[..text.floor_char_boundary(MAX_TEXT_BYTES)];
        let mut seen: HashMap<u64, (u32, f32)> = HashMap::new();
        let mut count = |feature: &str, weight: f32| {
            let entry = seen.entry(xxh3_64(feature.as_bytes())).or_insert((0, weight));
            entry.0 += 1;
        };
        let words = words(text);
        for word in &words {
            count(word, WORD_WEIGHT);
            let marked: Vec<char> = std::iter::once('<').chain(word.chars()).chain(['>']).collect();
            for part in marked.windows(PART_LEN) {
                count(&part.iter().chain(&['#']).collect::<String>(), PART_WEIGHT);
            }
        }
        for pair in words.windows(2) {
            count(&format!("{} {}", pair[0], pair[1]), PAIR_WEIGHT);
        }
        // In the order of the hashes: the sum of floats depends on the order, a map's order is random.
        let mut features: Vec<_> = seen.into_iter().collect();
        features.sort_unstable_by_key(|(hash, _)| *hash);
        let mut vector = vec![0.0f32; DIMENSIONS];
        for (hash, (times, weight)) in features {
            let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
            vector[(hash % DIMENSIONS as u64) as usize] += sign * weight * (1.0 + (times as f32).ln());
        }
        let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
        if length > 0.0 {
            for value in &mut vector {
                *value /= length;
            }
        }
        vector
    }
}

impl Default for FeatureHashing {
    fn default() -> Self {
        Self::new()
    }
}

impl Embed for FeatureHashing {
    fn model(&self) -> &ModelId {
        &self.id
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    fn kind(&self) -> Kind {
        Kind::Lexical
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(texts.iter().map(|text| Self::vector(text)).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cosine(a: &str, b: &str) -> f32 {
        let v = FeatureHashing::new().embed(&[a, b]).unwrap();
        v[0].iter().zip(&v[1]).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn shared_words_are_near_and_other_words_are_far() {
        let jacket = "Waterproof running jacket for men";
        assert!(cosine(jacket, "men's jackets, waterproof") > 0.5);
        assert!(cosine(jacket, "stainless kitchen knife") < 0.2);
        assert!(cosine("sneaker", "sneakers") > 0.9);
    }

    #[test]
    fn synonyms_are_far_because_it_is_lexical() {
        assert!(cosine("sofa", "couch") < 0.3);
        assert_eq!(FeatureHashing::new().kind(), Kind::Lexical);
    }

    #[test]
    fn a_text_without_words_has_the_zero_vector() {
        for text in ["", "  ", "the of and", "!!! --- ..."] {
            assert!(FeatureHashing::vector(text).iter().all(|v| *v == 0.0), "{text:?}");
        }
    }

    #[test]
    fn the_revision_changes_with_the_vectors() {
        // When this fails the vectors have changed: raise the revision, then freeze the new sum.
        let vector = FeatureHashing::vector("Waterproof jacket, size XL: 49.90 €");
        let sum: f64 = vector.iter().zip(1u32..).map(|(v, at)| f64::from(*v) * f64::from(at)).sum();
        assert_eq!(FeatureHashing::new().model().to_string(), "feature-hashing-384@1");
        assert!((sum + 245.744_85).abs() < 1e-3, "{sum}");
    }
    proptest! {
        #[test]
        fn any_text_has_a_finite_vector_of_length_one_or_zero(text in any::<String>()) {
            let vector = FeatureHashing::vector(&text);
            let length: f32 = vector.iter().map(|v| v * v).sum();
            prop_assert_eq!(vector.len(), DIMENSIONS);
            prop_assert!(length == 0.0 || (length - 1.0).abs() < 1e-4);
            prop_assert_eq!(vector, FeatureHashing::vector(&text));
        }
    }
}
