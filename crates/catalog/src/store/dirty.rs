//! Dirty sets: keys that wait for follow-up work, by kind of work. One row a key, however often it changes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Which follow-up work a key waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DirtyKind {
    /// Key: SKU. Its text or its status changed: embed it again (or remove it).
    Text,
    /// Key: image link. It has no thumbnails yet.
    Image,
    /// Key: category path. Refresh its summary rows.
    Category,
    /// Key: brand. Refresh its summary rows.
    Brand,
    /// Key: currency, price band and availability. Refresh its summary rows.
    Price,
    /// Key: SKU of a product that was there before. Its document changed: what is kept of it is old.
    Cache,
}

impl DirtyKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Text, Self::Image, Self::Category, Self::Brand, Self::Price, Self::Cache];

    pub(super) fn code(self) -> i64 {
        match self {
            Self::Text => 1,
            Self::Image => 2,
            Self::Category => 3,
            Self::Brand => 4,
            Self::Price => 5,
            Self::Cache => 6,
        }
    }
}

/// A key that waits. `generation` grows whenever the key is marked again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dirty {
    /// SKU, image link or group key, by kind.
    pub key: String,
    /// Hand it back to [`crate::Catalog::clear_dirty`].
    pub generation: i64,
}

/// Keys by kind, as one batch marked them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirtyKeys {
    /// SKUs.
    pub text: BTreeSet<String>,
    /// Image links.
    pub image: BTreeSet<String>,
    /// Category paths.
    pub category: BTreeSet<String>,
    /// Brands.
    pub brand: BTreeSet<String>,
    /// Price groups.
    pub price: BTreeSet<String>,
    /// SKUs.
    pub cache: BTreeSet<String>,
}

impl DirtyKeys {
    /// The keys of one kind, sorted.
    pub fn of(&self, kind: DirtyKind) -> &BTreeSet<String> {
        match kind {
            DirtyKind::Text => &self.text,
            DirtyKind::Image => &self.image,
            DirtyKind::Category => &self.category,
            DirtyKind::Brand => &self.brand,
            DirtyKind::Price => &self.price,
            DirtyKind::Cache => &self.cache,
        }
    }

    /// Whether no work was caused.
    pub fn is_empty(&self) -> bool {
        DirtyKind::ALL.iter().all(|kind| self.of(*kind).is_empty())
    }
}
