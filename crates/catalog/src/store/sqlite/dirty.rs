//! Marks in the dirty sets, and what reads and clears them.

use sqlx::{Row, SqliteConnection};

use super::open::SqliteCatalog;
use crate::store::dirty::{Dirty, DirtyKeys, DirtyKind};
use crate::store::error::Result;

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

impl SqliteCatalog {
    pub(crate) async fn dirty(&self, kind: DirtyKind, after: Option<&str>, limit: u32) -> Result<Vec<Dirty>> {
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

    pub(crate) async fn dirty_of(&self, kind: DirtyKind, keys: &[String]) -> Result<Vec<Dirty>> {
        let list = super::products::json(keys).map_err(|e| self.error(&e))?;
        let mut conn = self.read().await?;
        let query = sqlx::query_as(OF_KEYS).bind(kind.code()).bind(list);
        let rows: Vec<(String, i64)> = query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        Ok(rows.into_iter().map(|(key, generation)| Dirty { key, generation }).collect())
    }

    pub(crate) async fn clear_dirty(&self, kind: DirtyKind, done: &[Dirty]) -> Result<u64> {
        let pairs = pairs_json(done.iter().map(|d| (d.key.as_str(), d.generation)));
        let mut tx = self.write().await?;
        let query = sqlx::query(CLEAR).bind(kind.code()).bind(pairs);
        let cleared = query.execute(&mut *tx).await.map_err(|e| self.error(&e))?.rows_affected();
        self.commit(tx).await?;
        Ok(cleared)
    }

    pub(crate) async fn mark_texts(&self, skus: &[String]) -> Result<()> {
        let keys = DirtyKeys { text: skus.iter().cloned().collect(), ..DirtyKeys::default() };
        if keys.is_empty() {
            return Ok(());
        }
        let mut tx = self.write().await?;
        let generation = next_generation(&mut tx).await.map_err(|e| self.error(&e))?;
        mark(&mut tx, &keys, generation, None).await.map_err(|e| self.error(&e))?;
        self.commit(tx).await
    }

    pub(crate) async fn dirty_counts(&self) -> Result<Vec<(DirtyKind, u64)>> {
        let mut conn = self.read().await?;
        let rows: Vec<(i64, i64)> =
            sqlx::query_as(COUNTS).fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        let count = |kind: DirtyKind| {
            rows.iter().find(|(code, _)| *code == kind.code()).map_or(0, |(_, n)| *n as u64)
        };
        Ok(DirtyKind::ALL.iter().map(|kind| (*kind, count(*kind))).collect())
    }
}
