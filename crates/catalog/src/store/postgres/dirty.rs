//! Marks in the dirty sets, and what reads and clears them.
//!
//! Whoever marks keys holds the row of the generation, so marks are made one transaction after the other. Whoever clears
//! them passes over marks that somebody is making at the same time: those are newer anyway. So nobody deadlocks.

use std::collections::HashSet;

use sqlx::Row;

use super::conn::Conn;
use super::copy::copy;
use super::open::PostgresCatalog;
use super::tx::Savepoint;
use crate::store::dirty::{Dirty, DirtyKeys, DirtyKind};
use crate::store::error::Result;

const MARK: &str = "INSERT INTO dirty (generation, import_no, kind, key)
    SELECT $1, $2, k.kind, k.key FROM unnest($3::smallint[], $4::text[]) AS k(kind, key)
    ON CONFLICT (kind, key) DO UPDATE SET generation = excluded.generation, import_no = excluded.import_no";
const COPY: &str = "COPY dirty (generation, import_no, kind, key) FROM STDIN (FORMAT binary)";
const PAGE: &str = "SELECT key, generation FROM dirty WHERE kind = $1 AND key > $2 ORDER BY key LIMIT $3";
const FIRST_PAGE: &str = "SELECT key, generation FROM dirty WHERE kind = $1 ORDER BY key LIMIT $2";
const OF_KEYS: &str = "SELECT d.key, d.generation FROM unnest($2::text[]) WITH ORDINALITY AS k(key, no)
    JOIN dirty d ON d.kind = $1 AND d.key = k.key ORDER BY k.no";
const CLEAR: &str = "WITH done AS MATERIALIZED (
        SELECT d.kind, d.key FROM unnest($2::text[], $3::bigint[]) AS k(key, generation)
        JOIN dirty d ON d.kind = $1 AND d.key = k.key AND d.generation = k.generation
        FOR UPDATE OF d SKIP LOCKED)
    DELETE FROM dirty d USING done WHERE d.kind = done.kind AND d.key = done.key";
const COUNTS: &str = "SELECT kind, count(*) FROM dirty GROUP BY kind";
const NEXT_GENERATION: &str = "UPDATE meta SET value = value + 1 WHERE name = 'generation' RETURNING value";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[MARK, PAGE, FIRST_PAGE, OF_KEYS, CLEAR, COUNTS, NEXT_GENERATION];

/// The kind as it is stored.
pub(super) fn code(kind: DirtyKind) -> i16 {
    kind.code() as i16
}

/// Number of the running transaction among those that mark keys; others that mark wait until it ends.
pub(super) async fn next_generation(conn: &mut Conn) -> sqlx::Result<i64> {
    sqlx::query_scalar(NEXT_GENERATION).fetch_one(conn).await
}

/// Keys that did not exist before, so that nobody can have marked them: their marks are copied, at less than half of what
/// looking for older ones costs.
#[derive(Debug, Default)]
pub(super) struct New<'a> {
    pub(super) skus: HashSet<&'a str>,
    pub(super) links: HashSet<String>,
}

impl New<'_> {
    fn has(&self, kind: DirtyKind, key: &str) -> bool {
        match kind {
            DirtyKind::Text | DirtyKind::Cache => self.skus.contains(key),
            DirtyKind::Image => self.links.contains(key),
            DirtyKind::Category | DirtyKind::Brand | DirtyKind::Price => false,
        }
    }
}

/// Marks keys under a new generation; without keys it does nothing.
pub(super) async fn mark(
    conn: &mut Conn,
    keys: &DirtyKeys,
    import_no: Option<i64>,
    new: &New<'_>,
) -> sqlx::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let generation = next_generation(conn).await?;
    let all = DirtyKind::ALL.iter().flat_map(|kind| keys.of(*kind).iter().map(|key| (*kind, key.as_str())));
    let (fresh, mut others): (Vec<_>, Vec<_>) = all.partition(|(kind, key)| new.has(*kind, key));
    if !copy_marks(conn, &fresh, generation, import_no).await? {
        others.extend(fresh);
    }
    upsert_marks(conn, others, generation, import_no).await
}

/// `false`, and nothing done, when a mark was there after all: somebody has deleted products by hand.
async fn copy_marks(
    conn: &mut Conn,
    marks: &[(DirtyKind, &str)],
    generation: i64,
    import_no: Option<i64>,
) -> sqlx::Result<bool> {
    if marks.is_empty() {
        return Ok(true);
    }
    let savepoint = Savepoint::set(conn).await?;
    let copied = copy(conn, COPY, marks, |out, (kind, key)| {
        out.row(4).bigint(generation).bigint(import_no).smallint(code(*kind)).text(*key);
    });
    let copied = copied.await.map(|_| ());
    savepoint.end(conn, copied).await
}

async fn upsert_marks(
    conn: &mut Conn,
    marks: Vec<(DirtyKind, &str)>,
    generation: i64,
    import_no: Option<i64>,
) -> sqlx::Result<()> {
    if marks.is_empty() {
        return Ok(());
    }
    let (kinds, keys): (Vec<i16>, Vec<&str>) = marks.into_iter().map(|(kind, key)| (code(kind), key)).unzip();
    let query = sqlx::query(MARK).bind(generation).bind(import_no).bind(kinds).bind(keys);
    query.execute(conn).await.map(|_| ())
}

/// Forgets those of `done` that nobody marked again.
pub(super) async fn clear(conn: &mut Conn, kind: DirtyKind, done: &[Dirty]) -> sqlx::Result<u64> {
    let (keys, generations): (Vec<&str>, Vec<i64>) =
        done.iter().map(|dirty| (dirty.key.as_str(), dirty.generation)).unzip();
    let query = sqlx::query(CLEAR).bind(code(kind)).bind(keys).bind(generations);
    Ok(query.execute(conn).await?.rows_affected())
}

/// The next dirty keys behind `after`.
pub(super) async fn page(
    conn: &mut Conn,
    kind: DirtyKind,
    after: Option<&str>,
    limit: u32,
) -> sqlx::Result<Vec<Dirty>> {
    let query = match after {
        Some(key) => sqlx::query(PAGE).bind(code(kind)).bind(key).bind(i64::from(limit)),
        None => sqlx::query(FIRST_PAGE).bind(code(kind)).bind(i64::from(limit)),
    };
    let rows = query.fetch_all(conn).await?;
    rows.iter().map(|row| Ok(Dirty { key: row.try_get(0)?, generation: row.try_get(1)? })).collect()
}

impl PostgresCatalog {
    pub(crate) async fn dirty(&self, kind: DirtyKind, after: Option<&str>, limit: u32) -> Result<Vec<Dirty>> {
        let mut conn = self.read().await?;
        page(&mut conn, kind, after, limit).await.map_err(|e| self.error(&e))
    }

    pub(crate) async fn dirty_of(&self, kind: DirtyKind, keys: &[String]) -> Result<Vec<Dirty>> {
        let mut conn = self.read().await?;
        let query = sqlx::query_as(OF_KEYS).bind(code(kind)).bind(keys);
        let rows: Vec<(String, i64)> = query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        Ok(rows.into_iter().map(|(key, generation)| Dirty { key, generation }).collect())
    }

    pub(crate) async fn clear_dirty(&self, kind: DirtyKind, done: &[Dirty]) -> Result<u64> {
        let mut tx = self.write().await?;
        let cleared = clear(&mut tx, kind, done).await.map_err(|e| self.error(&e))?;
        self.commit(tx).await?;
        Ok(cleared)
    }

    pub(crate) async fn mark_texts(&self, skus: &[String]) -> Result<()> {
        let keys = DirtyKeys { text: skus.iter().cloned().collect(), ..DirtyKeys::default() };
        let mut tx = self.importing().await?;
        mark(&mut tx, &keys, None, &New::default()).await.map_err(|e| self.error(&e))?;
        self.commit(tx).await
    }

    pub(crate) async fn dirty_counts(&self) -> Result<Vec<(DirtyKind, u64)>> {
        let mut conn = self.read().await?;
        let rows: Vec<(i16, i64)> =
            sqlx::query_as(COUNTS).fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        let count = |kind: DirtyKind| {
            rows.iter().find(|(stored, _)| *stored == code(kind)).map_or(0, |(_, n)| *n as u64)
        };
        Ok(DirtyKind::ALL.iter().map(|kind| (*kind, count(*kind))).collect())
    }
}
