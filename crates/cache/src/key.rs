//! What an entry is called.

use std::fmt;

/// What an entry holds. Lifetimes and statistics go by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The document of one product.
    Product,
    /// The hits of one search.
    Search,
    /// One page of a category, brand or other summary view.
    View,
    /// The vector of a search text.
    QueryVector,
}

impl Kind {
    /// All kinds, in a fixed order.
    pub const ALL: [Self; 4] = [Self::Product, Self::Search, Self::View, Self::QueryVector];

    /// Stable name, as in keys and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Search => "search",
            Self::View => "view",
            Self::QueryVector => "query_vector",
        }
    }

    /// The kind of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether making an entry costs more than waiting for another process that makes it.
    pub(crate) fn is_costly(self) -> bool {
        !matches!(self, Self::Product)
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

/// Name of an entry: kind, version of the data it was made from, and id within the kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    kind: Kind,
    version: u64,
    id: Box<str>,
}

impl Key {
    /// A key. `version` is whatever the caller counts up when all entries of the kind become outdated: the published
    /// catalog version, or that of a document's layout.
    pub fn new(kind: Kind, version: u64, id: impl Into<Box<str>>) -> Self {
        Self { kind, version, id: id.into() }
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The version.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The id within the kind.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The same in every process and release: lifetimes must not jump at a restart.
    pub(crate) fn stable_hash(&self) -> u64 {
        let seed = self.version.wrapping_mul(31).wrapping_add(self.kind.index() as u64);
        xxhash_rust::xxh3::xxh3_64_with_seed(self.id.as_bytes(), seed)
    }
}

/// `kind:version:id`, the form for a shared store.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.kind.name(), self.version, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_kind_version_id() {
        assert_eq!(
            Key::new(Kind::View, 12, "category/shoes?page=2").to_string(),
            "view:12:category/shoes?page=2"
        );
    }

    #[test]
    fn kinds_are_indexed_in_their_order() {
        assert!(Kind::ALL.iter().enumerate().all(|(at, kind)| kind.index() == at));
    }
}
