//! Words of a text, stemmed, without the commonest.

use rust_stemmers::{Algorithm, Stemmer};

/// Words that say nothing about a product.
const STOP_WORDS: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "from", "has", "have", "if", "in", "into",
    "is", "it", "its", "no", "not", "of", "on", "or", "our", "so", "such", "than", "that", "the", "their",
    "them", "then", "there", "these", "they", "this", "to", "was", "we", "when", "which", "while", "will",
    "with", "you", "your",
];
/// Longer words are cut: nobody searches for them.
const MAX_WORD_CHARS: usize = 64;

/// Lower-case stems in the order of the text. A number keeps its decimal part ("49.90"); an apostrophe
/// ends a word ("men's" is "men").
pub(super) fn words(text: &str) -> Vec<String> {
    let stemmer = Stemmer::create(Algorithm::English);
    let lower = text.to_lowercase();
    let mut words = Vec::new();
    for piece in lower.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '’' || c == '.')) {
        let possessive = piece.split(['\'', '’']).next().unwrap_or_default();
        let number = possessive.trim_matches('.');
        let parts: &mut dyn Iterator<Item = &str> =
            if is_number(number) { &mut std::iter::once(number) } else { &mut possessive.split('.') };
        for word in parts.filter(|w| !w.is_empty() && STOP_WORDS.binary_search(w).is_err()) {
            let word: String = word.chars().take(MAX_WORD_CHARS).collect();
            words.push(stemmer.stem(&word).into_owned());
        }
    }
    words
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_stemmed_and_the_commonest_left_out() {
        assert_eq!(words("The Men's running shoes, and 2 boxes"), ["men", "run", "shoe", "2", "box"]);
        assert_eq!(words("costs 49.90 e.g. today."), ["cost", "49.90", "e", "g", "today"]);
    }

    #[test]
    fn the_stop_words_are_sorted_for_the_search() {
        assert!(STOP_WORDS.is_sorted());
    }
}
