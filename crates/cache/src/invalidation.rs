//! What is to be forgotten, and how one process tells the others.

use crate::{Key, Kind, Pattern};

/// What is to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invalidation {
    /// One entry.
    Entry(Key),
    /// All entries of a kind.
    Kind(Kind),
    /// All entries that have this tag.
    Tag(Box<str>),
    /// All entries of a kind whose ids match.
    Pattern(Kind, Pattern),
    /// All there is: something may have been missed. Never sent.
    Everything,
}

impl Invalidation {
    /// One line of text: `entry:KIND:VERSION:ID`, `kind:KIND`, `tag:TAG` or `pattern:KIND:PATTERN`.
    pub(crate) fn encode(&self) -> String {
        match self {
            Self::Entry(key) => format!("entry:{key}"),
            Self::Kind(kind) => format!("kind:{}", kind.name()),
            Self::Tag(tag) => format!("tag:{tag}"),
            Self::Pattern(kind, pattern) => format!("pattern:{}:{}", kind.name(), pattern.as_str()),
            Self::Everything => "everything".to_owned(),
        }
    }

    /// What another process said. Words of a later release mean everything: forgetting too much is always right.
    pub(crate) fn decode(text: &str) -> Self {
        Self::known(text).unwrap_or(Self::Everything)
    }

    fn known(text: &str) -> Option<Self> {
        let (word, rest) = text.split_once(':')?;
        Some(match word {
            "entry" => {
                let mut parts = rest.splitn(3, ':');
                let kind = Kind::named(parts.next()?)?;
                let version = parts.next()?.parse().ok()?;
                Self::Entry(Key::new(kind, version, parts.next()?))
            }
            "kind" => Self::Kind(Kind::named(rest)?),
            "tag" => Self::Tag(rest.into()),
            "pattern" => {
                let (kind, pattern) = rest.split_once(':')?;
                Self::Pattern(Kind::named(kind)?, Pattern::new(pattern).ok()?)
            }
            _ => return None,
        })
    }

    /// Whether entries of this kind may be meant.
    pub(crate) fn concerns(&self, kind: Kind) -> bool {
        match self {
            Self::Entry(key) => key.kind() == kind,
            Self::Kind(meant) | Self::Pattern(meant, _) => *meant == kind,
            Self::Tag(_) | Self::Everything => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_sent_is_what_is_heard(id in ".{0,20}", version: u64, which in 0usize..4) {
            for sent in [
                Invalidation::Entry(Key::new(Kind::ALL[which], version, id.as_str())),
                Invalidation::Kind(Kind::ALL[which]),
                Invalidation::Tag(id.as_str().into()),
                Invalidation::Pattern(Kind::ALL[which], Pattern::new(&id).unwrap()),
            ] {
                prop_assert_eq!(Invalidation::decode(&sent.encode()), sent);
            }
        }

        #[test]
        fn no_text_is_refused(text in ".{0,40}") {
            Invalidation::decode(&text);
        }
    }

    #[test]
    fn unknown_words_mean_everything() {
        for text in ["", "entry:product:x:id", "kind:hat", "later:product", "everything"] {
            assert_eq!(Invalidation::decode(text), Invalidation::Everything, "{text}");
        }
    }
}
