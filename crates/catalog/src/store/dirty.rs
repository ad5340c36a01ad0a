//! Dirty sets: keys that wait for follow-up work, by kind of work. One row a key, however often it changes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sqlx::{Row, SqliteConnection};

use super::error::Result;
use super::open::Catalog;

const MARK: &str = "INSERT INTO dirty (kind, key, generation, import_no)
    SELECT ?1, value, ?2, ?3 FROM json_each(?4) WHERE true
    ON CONFLICT (kind, key) DO UPDATE SET generation = excluded.generation, import_no = excluded.import_no";
const PAGE: &str = "SELECT key, generation FROM dirty WHERE kind = ?1 AND key > ?2 ORDER BY key LIMIT ?3";
const FIRST_PAGE: &str = "SELECT key, generation FROM dirty WHERE kind = ?1 ORDER BY key LIMIT ?2";
const OF_KEYS: &str = "SELECT d.key, d.generation FROM json_each(?2) j
    CROSS JOIN dirty d ON d.kind = ?1 AND d.key = j.value ORDER BY j.key";
pub(super) const CLEAR: &str = "DELETE FROM dirty WHERE kind = ?1
    AND (key, generation) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?2))";
const COUNTS: &str = "SELECT kind, count(*) FROM dirty GROUP BY kind";
const NEXT_GENERATION: &str = "UPDATE meta SET value = value + 1 WHERE name = 'generation' RETURNING value";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[MARK, PAGE, FIRST_PAGE, OF_KEYS, CLEAR, COUNTS, NEXT_GENERATION];

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
    /// Key: SKU. Its document changed: drop or warm its cache entry.
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
    /// Hand it back to [`Catalog::clear_dirty`].
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

/// Number of the running write transaction; grows by one with each that marks keys.
pub(super) async fn next_generation(conn: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar(NEXT_GENERATION).fetch_one(conn).await
}

pub(super) async fn mark(
    conn: &mut SqliteConnection,
    keys: &DirtyKeys,
    generation: i64,
    import_no: Option<i64>,
) -> sqlx::Result<()> {
    for kind in DirtyKind::ALL {
        let keys = keys.of(kind);
        if !keys.is_empty() {
            let list = serde_json::to_string(keys).map_err(|e| sqlx::Error::Encode(e.into()))?;
            let query = sqlx::query(MARK).bind(kind.code()).bind(generation).bind(import_no).bind(list);
            query.execute(&mut *conn).await?;
        }
    }
    Ok(())
}

/// `[[key, generation], …]` as JSON, for [`CLEAR`].
pub(super) fn pairs_json<'a>(pairs: impl Iterator<Item = (&'a str, i64)>) -> String {
    serde_json::Value::from(
        pairs.map(|(key, generation)| serde_json::json!([key, generation])).collect::<Vec<_>>(),
    )
    .to_string()
}

impl Catalog {
    /// The next at most `limit` dirty keys in order of key, behind `after` (`None`: from the start).
    pub async fn dirty(&self, kind: DirtyKind, after: Option<&str>, limit: u32) -> Result<Vec<Dirty>> {
        let mut conn = self.read().await?;
        let query = match after {
            Some(key) => sqlx::query(PAGE).bind(kind.code()).bind(key.to_owned()).bind(limit),
            None => sqlx::query(FIRST_PAGE).bind(kind.code()).bind(limit),
        };
        let rows = query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        rows.iter()
            .map(|row| Ok(Dirty { key: row.try_get(0)?, generation: row.try_get(1)? }))
            .collect::<sqlx::Result<_>>()
            .map_err(|e| self.error(&e))
    }

    /// Those of `keys` that are dirty, with their generations: read it before the work, clear it after.
    pub async fn dirty_of(&self, kind: DirtyKind, keys: &[String]) -> Result<Vec<Dirty>> {
        let list = super::products::json(keys).map_err(|e| self.error(&e))?;
        let mut conn = self.read().await?;
        let query = sqlx::query_as(OF_KEYS).bind(kind.code()).bind(list);
        let rows: Vec<(String, i64)> = query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        Ok(rows.into_iter().map(|(key, generation)| Dirty { key, generation }).collect())
    }

    /// Forgets keys whose work is done, except those that changed again since they were read.
    /// Returns how many were cleared. Running it twice does no harm.
    pub async fn clear_dirty(&self, kind: DirtyKind, done: &[Dirty]) -> Result<u64> {
        let pairs = pairs_json(done.iter().map(|d| (d.key.as_str(), d.generation)));
        let mut tx = self.write().await?;
        let query = sqlx::query(CLEAR).bind(kind.code()).bind(pairs);
        let cleared = query.execute(&mut *tx).await.map_err(|e| self.error(&e))?.rows_affected();
        self.commit(tx).await?;
        Ok(cleared)
    }

    /// How many keys wait, by kind; kinds without any are listed with 0.
    pub async fn dirty_counts(&self) -> Result<Vec<(DirtyKind, u64)>> {
        let mut conn = self.read().await?;
        let rows: Vec<(i64, i64)> =
            sqlx::query_as(COUNTS).fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        let count = |kind: DirtyKind| {
            rows.iter().find(|(code, _)| *code == kind.code()).map_or(0, |(_, n)| *n as u64)
        };
        Ok(DirtyKind::ALL.iter().map(|kind| (*kind, count(*kind))).collect())
    }
}
