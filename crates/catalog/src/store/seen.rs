//! Which products an import has met, as bitmaps by product id: a million products are 31 pages of 4 KiB.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{Row, SqliteConnection};

const PAGE_BYTES: usize = 4096;
const PAGE_IDS: i64 = PAGE_BYTES as i64 * 8;

const LOAD: &str =
    "SELECT page, bits FROM import_seen WHERE import_no = ?1 AND page IN (SELECT value FROM json_each(?2))";
const SAVE: &str = "INSERT INTO import_seen (import_no, page, bits) VALUES (?1, ?2, ?3)
    ON CONFLICT (import_no, page) DO UPDATE SET bits = excluded.bits";
const LOAD_ALL: &str = "SELECT page, bits FROM import_seen WHERE import_no = ?1";
pub(super) const FORGET: &str = "DELETE FROM import_seen WHERE import_no = ?1";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[LOAD, SAVE, LOAD_ALL, FORGET];

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

    /// Reads the pages that hold `ids`.
    pub(super) async fn load(
        conn: &mut SqliteConnection,
        import_no: i64,
        ids: impl Iterator<Item = i64>,
    ) -> sqlx::Result<Self> {
        let pages: BTreeSet<i64> = ids.map(|id| id.div_euclid(PAGE_IDS)).collect();
        let pages = serde_json::Value::from(pages.into_iter().collect::<Vec<_>>()).to_string();
        Self::from_rows(sqlx::query(LOAD).bind(import_no).bind(pages).fetch_all(conn).await?)
    }

    /// Reads everything that the import has seen.
    pub(super) async fn load_all(conn: &mut SqliteConnection, import_no: i64) -> sqlx::Result<Self> {
        Self::from_rows(sqlx::query(LOAD_ALL).bind(import_no).fetch_all(conn).await?)
    }

    fn from_rows(rows: Vec<sqlx::sqlite::SqliteRow>) -> sqlx::Result<Self> {
        let mut pages = BTreeMap::new();
        for row in rows {
            let mut bits: Vec<u8> = row.try_get(1)?;
            bits.resize(PAGE_BYTES, 0);
            pages.insert(row.try_get(0)?, Page { bits, changed: false });
        }
        Ok(Self { pages })
    }

    /// Writes the pages that changed.
    pub(super) async fn save(self, conn: &mut SqliteConnection, import_no: i64) -> sqlx::Result<()> {
        for (number, page) in self.pages {
            if page.changed {
                sqlx::query(SAVE).bind(import_no).bind(number).bind(page.bits).execute(&mut *conn).await?;
            }
        }
        Ok(())
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
