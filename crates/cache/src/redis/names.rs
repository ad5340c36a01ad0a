//! What our keys are called in Redis.

use crate::pattern::escaped;
use crate::{Key, Kind, Pattern, SecondLevelError};

/// Names under one prefix.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Result<Self, SecondLevelError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if prefix.is_empty() || prefix.len() > 64 || !prefix.bytes().all(allowed) {
            let why = format!("prefix {prefix:?}: 1 to 64 letters, digits, '-', '_', '.' or ':'");
            return Err(SecondLevelError::Invalid(why));
        }
        Ok(Self { prefix: prefix.to_owned() })
    }

    /// Of an entry: `PREFIX:entry:KIND:GENERATION:VERSION:ID`.
    pub(super) fn entry(&self, key: &Key, generation: u64) -> String {
        format!("{}:entry:{}:{generation}:{}:{}", self.prefix, key.kind().name(), key.version(), key.id())
    }

    /// Of the number of times that a kind was forgotten.
    pub(super) fn generation(&self, kind: Kind) -> String {
        format!("{}:generation:{}", self.prefix, kind.name())
    }

    /// Of the set of names that have a tag.
    pub(super) fn tag(&self, tag: &str) -> String {
        format!("{}:tag:{tag}", self.prefix)
    }

    /// Of the mark of the process that makes an entry.
    pub(super) fn lead(&self, key: &Key) -> String {
        format!("{}:lead:{key}", self.prefix)
    }

    /// Of the channel on which processes tell each other what to forget.
    pub(super) fn channel(&self) -> String {
        format!("{}:forget", self.prefix)
    }

    /// What `SCAN` is to look for: entries of a kind, of every generation and version.
    pub(super) fn scan(&self, kind: Kind, pattern: Option<&Pattern>) -> String {
        let ids = pattern.map_or_else(|| "*".to_owned(), Pattern::to_redis);
        format!("{}:entry:{}:*:*:{ids}", escaped(&self.prefix), kind.name())
    }

    /// The id in the name of an entry of this kind.
    pub(super) fn id_of<'a>(&self, kind: Kind, name: &'a str) -> Option<&'a str> {
        let rest = name.strip_prefix(&self.prefix)?.strip_prefix(":entry:")?;
        let rest = rest.strip_prefix(kind.name())?.strip_prefix(':')?;
        rest.splitn(3, ':').nth(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_again_whatever_the_id_holds() {
        let names = Names::new("shop:cache").unwrap();
        let key = Key::new(Kind::QueryVector, 7, "a:b *");
        let name = names.entry(&key, 3);
        assert_eq!(name, "shop:cache:entry:query_vector:3:7:a:b *");
        assert_eq!(names.id_of(Kind::QueryVector, &name), Some("a:b *"));
        assert_eq!(names.id_of(Kind::Product, &name), None);
        assert_eq!(names.scan(Kind::View, None), "shop:cache:entry:view:*:*:*");
    }

    #[test]
    fn a_prefix_has_no_special_characters() {
        for prefix in ["", "a*", "{a}", &"x".repeat(65)] {
            assert!(Names::new(prefix).is_err(), "{prefix}");
        }
    }
}
