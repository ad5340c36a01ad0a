//! Which ids of a kind are meant: a pattern with `*` and `?`.

use std::fmt::Write;

/// Longest pattern in bytes.
pub const MAX_PATTERN_BYTES: usize = 1024;

/// `*` stands for any text, `?` for one character, `\` makes the next character mean itself. Matching takes at most
/// pattern × text steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    parts: Box<[Part]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Any,
    One,
    This(char),
}

/// The pattern is longer than [`MAX_PATTERN_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pattern has at most {MAX_PATTERN_BYTES} bytes, this one {0}")]
pub struct PatternError(usize);

impl Pattern {
    /// Parses a pattern. A `\` at the end means itself.
    ///
    /// # Errors
    /// [`PatternError`] when it is too long.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_PATTERN_BYTES {
            return Err(PatternError(text.len()));
        }
        let (mut parts, mut characters) = (Vec::new(), text.chars());
        while let Some(character) = characters.next() {
            parts.push(match character {
                '*' if parts.last() == Some(&Part::Any) => continue,
                '*' => Part::Any,
                '?' => Part::One,
                '\\' => Part::This(characters.next().unwrap_or('\\')),
                other => Part::This(other),
            });
        }
        Ok(Self { text: text.into(), parts: parts.into() })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether all of `id` is meant.
    pub fn matches(&self, id: &str) -> bool {
        let (mut part, mut rest) = (0, id);
        // Where to go on when what follows the last star does not fit: one character further.
        let mut retry: Option<(usize, &str)> = None;
        loop {
            let next = rest.chars().next();
            match (self.parts.get(part), next) {
                (Some(Part::Any), _) => {
                    part += 1;
                    retry = Some((part, rest));
                    continue;
                }
                (Some(Part::One), Some(character)) => rest = &rest[character.len_utf8()..],
                (Some(Part::This(wanted)), Some(character)) if *wanted == character => {
                    rest = &rest[character.len_utf8()..];
                }
                (None, None) => return true,
                _ => {
                    let Some((star, from)) = retry else { return false };
                    let Some(skipped) = from.chars().next() else { return false };
                    let from = &from[skipped.len_utf8()..];
                    (part, rest, retry) = (star, from, Some((star, from)));
                    continue;
                }
            }
            part += 1;
        }
    }

    /// For `SCAN … MATCH`, whose own special characters are made to mean themselves. Redis counts bytes where this
    /// pattern counts characters, so a `?` becomes a `*` there: whoever scans looks at each key again.
    pub(crate) fn to_redis(&self) -> String {
        let mut glob = String::with_capacity(self.text.len());
        for part in &self.parts {
            match part {
                Part::Any | Part::One => glob.push('*'),
                Part::This(character) => escape(*character, &mut glob),
            }
        }
        glob
    }
}

/// A text that stands for itself in a pattern of Redis.
pub(crate) fn escaped(text: &str) -> String {
    let mut glob = String::with_capacity(text.len());
    text.chars().for_each(|character| escape(character, &mut glob));
    glob
}

fn escape(character: char, glob: &mut String) {
    if matches!(character, '*' | '?' | '[' | ']' | '^' | '\\') {
        glob.push('\\');
    }
    // Writing to a String does not fail.
    let _ = glob.write_char(character);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, id: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(id)
    }

    /// By trying everything.
    fn naive(parts: &[Part], id: &[char]) -> bool {
        match parts {
            [] => id.is_empty(),
            [Part::Any, rest @ ..] => (0..=id.len()).any(|skip| naive(rest, &id[skip..])),
            [Part::One, rest @ ..] => !id.is_empty() && naive(rest, &id[1..]),
            [Part::This(wanted), rest @ ..] => id.first() == Some(wanted) && naive(rest, &id[1..]),
        }
    }

    #[test]
    fn stars_question_marks_and_backslashes_mean_what_they_say() {
        assert!(matches("JKT-*", "JKT-0001") && !matches("JKT-*", "XJKT-0001"));
        assert!(matches("*-red-?", "a-red-b-red-ü") && !matches("*-red-?", "a-red-"));
        assert!(matches(r"\*", "*") && !matches(r"\*", "x") && matches(r"a\", r"a\"));
        assert!(matches("", "") && matches("*", "") && !matches("?", ""));
    }

    #[test]
    fn many_stars_do_not_take_for_ever() {
        assert!(!matches(&"*a".repeat(500), &"a".repeat(499)));
        assert!(Pattern::new(&"x".repeat(MAX_PATTERN_BYTES + 1)).is_err());
    }

    #[test]
    fn special_characters_of_redis_are_escaped() {
        assert_eq!(Pattern::new("a[1]?b*").unwrap().to_redis(), r"a\[1\]*b*");
        assert_eq!(escaped("a*b"), r"a\*b");
    }

    proptest! {
        #[test]
        fn matching_equals_trying_everything(pattern in r"[ab*?\\]{0,7}", id in "[ab]{0,7}") {
            let pattern = Pattern::new(&pattern).unwrap();
            let characters: Vec<char> = id.chars().collect();
            prop_assert_eq!(pattern.matches(&id), naive(&pattern.parts, &characters));
        }
    }
}
