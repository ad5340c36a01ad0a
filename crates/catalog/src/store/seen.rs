//! Which products an import has met, as bitmaps by product id: a million products are 31 pages of 4 KiB.

use std::collections::{BTreeMap, BTreeSet};

const PAGE_BYTES: usize = 4096;
const PAGE_IDS: i64 = PAGE_BYTES as i64 * 8;

/// A set of product ids: those that a valid row delivered, and apart from them (as negative ids) those that only a
/// refused row mentions, which are not missing either.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pages: BTreeMap<i64, Page>,
}

#[derive(Debug)]
struct Page {
    bits: Vec<u8>,
    changed: bool,
}

impl Seen {
    /// Adds an id; `false` when it was there.
    pub(super) fn insert(&mut self, id: i64) -> bool {
        let page = self
            .pages
            .entry(id.div_euclid(PAGE_IDS))
            .or_insert_with(|| Page { bits: vec![0; PAGE_BYTES], changed: false });
        let (byte, mask) = position(id);
        let new = page.bits[byte] & mask == 0;
        page.bits[byte] |= mask;
        page.changed |= new;
        new
    }

    /// Adds an id that only a refused row mentions.
    pub(super) fn mention(&mut self, id: i64) {
        self.insert(-id);
    }

    /// Whether the delivery knows the product at all.
    pub(super) fn knows(&self, id: i64) -> bool {
        self.contains(id) || self.contains(-id)
    }

    fn contains(&self, id: i64) -> bool {
        let (byte, mask) = position(id);
        self.pages.get(&id.div_euclid(PAGE_IDS)).is_some_and(|page| page.bits[byte] & mask != 0)
    }

    /// Numbers of the pages that hold `ids`.
    pub(super) fn pages_of(ids: impl Iterator<Item = i64>) -> Vec<i64> {
        let pages: BTreeSet<i64> = ids.map(|id| id.div_euclid(PAGE_IDS)).collect();
        pages.into_iter().collect()
    }

    /// As it was stored: number and bits of each page.
    pub(super) fn from_pages(stored: impl IntoIterator<Item = (i64, Vec<u8>)>) -> Self {
        let page = |(number, mut bits): (i64, Vec<u8>)| {
            bits.resize(PAGE_BYTES, 0);
            (number, Page { bits, changed: false })
        };
        Self { pages: stored.into_iter().map(page).collect() }
    }

    /// Number and bits of the pages that are not stored yet in their present state.
    pub(super) fn changed_pages(self) -> impl Iterator<Item = (i64, Vec<u8>)> {
        self.pages.into_iter().filter(|(_, page)| page.changed).map(|(number, page)| (number, page.bits))
    }
}

/// Byte and mask of an id inside its page.
fn position(id: i64) -> (usize, u8) {
    let offset = id.rem_euclid(PAGE_IDS) as usize;
    (offset / 8, 1 << (offset % 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentioned_and_seen_are_apart() {
        let mut seen = Seen::default();
        seen.mention(5);
        assert!(seen.knows(5));
        assert!(seen.insert(5));
        assert!(!seen.insert(5));
        seen.mention(PAGE_IDS);
        assert!(seen.knows(PAGE_IDS) && !seen.knows(PAGE_IDS + 1) && !seen.knows(PAGE_IDS - 1));
    }
}
