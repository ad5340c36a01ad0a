//! Writes: compare first, take the write lock only when something changes, one transaction a call.

use std::collections::HashMap;

use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::SqliteVectors;
use super::row::{PayloadRow, keys_json, to_blob};
use crate::matrix::normalise;
use crate::validate::{same_dimensions, validate};
use crate::{PayloadChange, Point, VectorError, Written};

/// Deletions remembered for readers that still hold the points.
const KEPT_DELETIONS: i64 = 10_000;

// `CROSS JOIN` fixes the order: left to choose, SQLite walks all points and asks the list for each.
const EXISTING: &str = "SELECT p.key, p.content_hash, p.category, p.price_minor, p.currency \
    FROM json_each(?2) j CROSS JOIN point p ON p.model_id = ?1 AND p.key = j.value";
const PUT: &str = "INSERT INTO point (model_id, key, content_hash, category, price_minor, currency, seq, vector) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (model_id, key) DO UPDATE SET \
    content_hash = excluded.content_hash, category = excluded.category, price_minor = excluded.price_minor, \
    currency = excluded.currency, seq = excluded.seq, vector = excluded.vector";
const BY_KEY: &str = "SELECT p.id, p.key, p.model_id, p.category, p.price_minor, p.currency \
    FROM model m CROSS JOIN json_each(?1) j CROSS JOIN point p ON p.model_id = m.id AND p.key = j.value";
/// The look-ups by a list of keys, for the test of their plans.
#[cfg(test)]
pub(super) const KEY_LOOKUPS: [&str; 2] = [EXISTING, BY_KEY];
const SET_PAYLOAD: &str =
    "UPDATE point SET category = ?2, price_minor = ?3, currency = ?4, seq = ?5 WHERE id = ?1";
const PRUNE: &str = "SELECT seq FROM gone ORDER BY seq DESC LIMIT 1 OFFSET ?1";

type ExistingRow = (String, Vec<u8>, String, Option<i64>, Option<String>);
type KeyedRow = (i64, String, i64, String, Option<i64>, Option<String>);

/// A stored point without its vector.
struct Keyed {
    id: i64,
    key: String,
    model_id: i64,
    payload: PayloadRow,
}

impl From<KeyedRow> for Keyed {
    fn from((id, key, model_id, category, price_minor, currency): KeyedRow) -> Self {
        Self { id, key, model_id, payload: PayloadRow { category, price_minor, currency } }
    }
}

/// A point ready for its row.
struct Ready {
    content_hash: Vec<u8>,
    payload: PayloadRow,
    vector: Vec<f32>,
}

impl SqliteVectors {
    pub(super) async fn upsert_points(
        &self,
        model: &str,
        points: Vec<Point>,
    ) -> Result<Written, VectorError> {
        let given = points.len() as u64;
        let Some(expected) = points.first().map(|p| p.vector.len()) else { return Ok(Written::default()) };
        for point in &points {
            validate(point)?;
            same_dimensions(model, &point.key, expected, point.vector.len())?;
        }
        let mut ready: HashMap<String, Ready> = points
            .into_iter()
            .map(|p| {
                (p.key, Ready { content_hash: p.content_hash, payload: p.payload.into(), vector: p.vector })
            })
            .collect();
        let mut reader = self.database.readers().acquire().await.map_err(|e| self.failed(&e))?;
        if let Some(id) = self.model_id(&mut reader, model, expected).await? {
            self.drop_unchanged(&mut reader, id, &mut ready).await?;
        }
        drop(reader);
        if ready.is_empty() {
            return Ok(Written { written: 0, unchanged: given });
        }
        let mut tx = self.begin().await?;
        let id = match self.model_id(&mut tx, model, expected).await? {
            Some(id) => id,
            None => sqlx::query_scalar("INSERT INTO model (name, dimensions) VALUES (?1, ?2) RETURNING id")
                .bind(model)
                .bind(expected as i64)
                .fetch_one(&mut *tx)
                .await
                .map_err(|e| self.failed(&e))?,
        };
        // Another process may have written the same points since the look above.
        self.drop_unchanged(&mut tx, id, &mut ready).await?;
        let written = ready.len() as u64;
        self.put_rows(&mut tx, id, ready).await?;
        tx.commit().await.map_err(|e| self.failed(&e))?;
        Ok(Written { written, unchanged: given - written })
    }

    /// The model's row, when its dimensions are as expected.
    async fn model_id(
        &self,
        conn: &mut SqliteConnection,
        model: &str,
        got: usize,
    ) -> Result<Option<i64>, VectorError> {
        let row: Option<(i64, i64)> = sqlx::query_as("SELECT id, dimensions FROM model WHERE name = ?1")
            .bind(model)
            .fetch_optional(conn)
            .await
            .map_err(|e| self.failed(&e))?;
        let Some((id, dimensions)) = row else { return Ok(None) };
        same_dimensions(model, "the given points", dimensions as usize, got)?;
        Ok(Some(id))
    }

    async fn drop_unchanged(
        &self,
        conn: &mut SqliteConnection,
        model_id: i64,
        ready: &mut HashMap<String, Ready>,
    ) -> Result<(), VectorError> {
        let rows: Vec<ExistingRow> = sqlx::query_as(EXISTING)
            .bind(model_id)
            .bind(keys_json(ready.keys().map(String::as_str)))
            .fetch_all(conn)
            .await
            .map_err(|e| self.failed(&e))?;
        for (key, content_hash, category, price_minor, currency) in rows {
            let payload = PayloadRow { category, price_minor, currency };
            if ready.get(&key).is_some_and(|r| r.content_hash == content_hash && r.payload == payload) {
                ready.remove(&key);
            }
        }
        Ok(())
    }

    async fn put_rows(
        &self,
        tx: &mut Transaction<'static, Sqlite>,
        model_id: i64,
        ready: HashMap<String, Ready>,
    ) -> Result<(), VectorError> {
        let mut seq = self.take_seq(tx, ready.len()).await?;
        // In key order: neighbours in the index are written together, and runs are repeatable.
        let mut ready: Vec<_> = ready.into_iter().collect();
        ready.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (key, mut point) in ready {
            seq += 1;
            normalise(&mut point.vector);
            sqlx::query(PUT)
                .bind(model_id)
                .bind(key)
                .bind(point.content_hash)
                .bind(point.payload.category)
                .bind(point.payload.price_minor)
                .bind(point.payload.currency)
                .bind(seq)
                .bind(to_blob(&point.vector))
                .execute(&mut **tx)
                .await
                .map_err(|e| self.failed(&e))?;
        }
        Ok(())
    }

    pub(super) async fn change_payloads(&self, changes: Vec<PayloadChange>) -> Result<Written, VectorError> {
        let given = changes.len() as u64;
        let wanted: HashMap<String, PayloadRow> =
            changes.into_iter().map(|c| (c.key, c.payload.into())).collect();
        let keys = keys_json(wanted.keys().map(String::as_str));
        let differs = |row: &Keyed| wanted.get(&row.key).is_some_and(|w| *w != row.payload);
        let mut reader = self.database.readers().acquire().await.map_err(|e| self.failed(&e))?;
        if !self.by_key(&mut reader, &keys).await?.iter().any(differs) {
            return Ok(Written { written: 0, unchanged: given });
        }
        drop(reader);
        let mut tx = self.begin().await?;
        let mut rows = self.by_key(&mut tx, &keys).await?;
        rows.retain(differs);
        let mut seq = self.take_seq(&mut tx, rows.len()).await?;
        for row in &rows {
            seq += 1;
            let payload = &wanted[&row.key];
            sqlx::query(SET_PAYLOAD)
                .bind(row.id)
                .bind(payload.category.clone())
                .bind(payload.price_minor)
                .bind(payload.currency.clone())
                .bind(seq)
                .execute(&mut *tx)
                .await
                .map_err(|e| self.failed(&e))?;
        }
        tx.commit().await.map_err(|e| self.failed(&e))?;
        let written = distinct_keys(&rows);
        Ok(Written { written, unchanged: given - written })
    }

    pub(super) async fn delete_keys(&self, keys: &[String]) -> Result<Written, VectorError> {
        let json = keys_json(keys.iter().map(String::as_str));
        let mut reader = self.database.readers().acquire().await.map_err(|e| self.failed(&e))?;
        if self.by_key(&mut reader, &json).await?.is_empty() {
            return Ok(Written { written: 0, unchanged: keys.len() as u64 });
        }
        drop(reader);
        let mut tx = self.begin().await?;
        let mut rows = self.by_key(&mut tx, &json).await?;
        rows.sort_by_key(|row| row.id);
        rows.dedup_by_key(|row| row.id);
        let mut seq = self.take_seq(&mut tx, rows.len()).await?;
        for row in &rows {
            seq += 1;
            sqlx::query("DELETE FROM point WHERE id = ?1")
                .bind(row.id)
                .execute(&mut *tx)
                .await
                .map_err(|e| self.failed(&e))?;
            sqlx::query("INSERT INTO gone (seq, model_id, key) VALUES (?1, ?2, ?3)")
                .bind(seq)
                .bind(row.model_id)
                .bind(row.key.clone())
                .execute(&mut *tx)
                .await
                .map_err(|e| self.failed(&e))?;
        }
        self.prune(&mut tx).await?;
        tx.commit().await.map_err(|e| self.failed(&e))?;
        let written = distinct_keys(&rows);
        Ok(Written { written, unchanged: keys.len() as u64 - written })
    }

    pub(super) async fn delete_model_points(&self, model: &str) -> Result<u64, VectorError> {
        let mut tx = self.begin().await?;
        let deleted =
            sqlx::query("DELETE FROM point WHERE model_id = (SELECT id FROM model WHERE name = ?1)")
                .bind(model)
                .execute(&mut *tx)
                .await
                .map_err(|e| self.failed(&e))?
                .rows_affected();
        if deleted > 0 {
            // Everybody loads again: cheaper than one deletion note a point.
            sqlx::query("UPDATE change SET last_seq = last_seq + 1, pruned_seq = last_seq + 1")
                .execute(&mut *tx)
                .await
                .map_err(|e| self.failed(&e))?;
        }
        sqlx::query("DELETE FROM model WHERE name = ?1")
            .bind(model)
            .execute(&mut *tx)
            .await
            .map_err(|e| self.failed(&e))?;
        tx.commit().await.map_err(|e| self.failed(&e))?;
        Ok(deleted)
    }

    async fn prune(&self, tx: &mut Transaction<'static, Sqlite>) -> Result<(), VectorError> {
        let oldest: Option<i64> = sqlx::query_scalar(PRUNE)
            .bind(KEPT_DELETIONS)
            .fetch_optional(&mut **tx)
            .await
            .map_err(|e| self.failed(&e))?;
        let Some(oldest) = oldest else { return Ok(()) };
        for sql in ["DELETE FROM gone WHERE seq <= ?1", "UPDATE change SET pruned_seq = max(pruned_seq, ?1)"]
        {
            sqlx::query(sql).bind(oldest).execute(&mut **tx).await.map_err(|e| self.failed(&e))?;
        }
        Ok(())
    }

    async fn by_key(&self, conn: &mut SqliteConnection, keys: &str) -> Result<Vec<Keyed>, VectorError> {
        let rows: Vec<KeyedRow> = sqlx::query_as(BY_KEY)
            .bind(keys.to_owned())
            .fetch_all(conn)
            .await
            .map_err(|e| self.failed(&e))?;
        Ok(rows.into_iter().map(Keyed::from).collect())
    }

    /// Reserves `count` numbers and returns the one before the first.
    async fn take_seq(
        &self,
        tx: &mut Transaction<'static, Sqlite>,
        count: usize,
    ) -> Result<i64, VectorError> {
        let last: i64 =
            sqlx::query_scalar("UPDATE change SET last_seq = last_seq + ?1 RETURNING last_seq - ?1")
                .bind(count as i64)
                .fetch_one(&mut **tx)
                .await
                .map_err(|e| self.failed(&e))?;
        Ok(last)
    }

    /// Holds the write lock from the start, so that the transaction cannot fail half-way for it.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, VectorError> {
        self.database.begin().await.map_err(|e| self.failed(&e))
    }
}

fn distinct_keys(rows: &[Keyed]) -> u64 {
    rows.iter().map(|row| row.key.as_str()).collect::<std::collections::HashSet<_>>().len() as u64
}
