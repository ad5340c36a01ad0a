//! What an entry holds.

use std::sync::Arc;

use bytes::Bytes;

use crate::held::block;

/// Longest tag in bytes.
pub const MAX_TAG_BYTES: usize = 255;
/// Most tags of an entry.
pub const MAX_TAGS: usize = 16;

/// Names under which entries are forgotten together. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Option<Arc<[Box<str>]>>);

impl Tags {
    /// The first [`MAX_TAGS`] names of at most [`MAX_TAG_BYTES`] bytes; longer ones are cut at a character, as
    /// [`Cache::invalidate_tag`](crate::Cache::invalidate_tag) cuts them.
    pub fn new<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Self {
        let names: Arc<[Box<str>]> =
            names.into_iter().take(MAX_TAGS).map(|name| cut(name.as_ref()).into()).collect();
        Self((!names.is_empty()).then_some(names))
    }

    /// The names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.as_deref().unwrap_or_default().iter().map(AsRef::as_ref)
    }

    /// What they take of memory, in bytes.
    pub(crate) fn weight(&self) -> u64 {
        let Some(names) = &self.0 else { return 0 };
        let list = block(size_of::<usize>() * 2 + names.len() * size_of::<Box<str>>());
        list + names.iter().map(|name| block(name.len())).sum::<u64>()
    }

    /// Whether this is one of them.
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|tag| tag == name)
    }
}

/// A tag as it is kept.
pub(crate) fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(MAX_TAG_BYTES)]
}

/// Bytes and their tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// As the caller rendered them.
    pub bytes: Bytes,
    /// What the entry is forgotten with.
    pub tags: Tags,
}

impl Value {
    /// With these tags instead.
    #[must_use]
    pub fn tagged<T: AsRef<str>>(self, names: impl IntoIterator<Item = T>) -> Self {
        Self { tags: Tags::new(names), ..self }
    }
}

impl<T: Into<Bytes>> From<T> for Value {
    fn from(bytes: T) -> Self {
        Self { bytes: bytes.into(), tags: Tags::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_bounded_in_number_and_length() {
        let tags = Tags::new((0..40).map(|n| format!("{n:02}{}", "ä".repeat(200))));
        assert_eq!(tags.iter().len(), MAX_TAGS);
        assert!(tags.iter().all(|tag| tag.len() <= MAX_TAG_BYTES && tag.len() > 250));
        assert!(tags.contains(cut(&format!("07{}", "ä".repeat(200)))));
        assert_eq!(Tags::new::<&str>([]), Tags::default());
    }
}
