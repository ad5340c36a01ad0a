//! Which products are asked for most: what a cache is warmed with.

use super::conn::Conn;
use super::open::PostgresCatalog;
use super::products;
use crate::requests::RequestCounts;
use crate::store::error::Result;
use crate::store::popularity::{CountOutcome, Counted, CountedSource, Popular, Scale, Step, TINY};

/// Products a statement.
const CHUNK: usize = 5_000;

const IS_COUNTED: &str = "SELECT coalesce(bool_or(id = $1), false), count(*) FROM popularity_source";
const NOTE: &str =
    "INSERT INTO popularity_source (id, name, counted_ms, products, requests) VALUES ($1, $2, $3, $4, $5)";
const FORGET: &str = "DELETE FROM popularity";
const FORGET_SOURCES: &str = "DELETE FROM popularity_source";
const SCALE: &str = "SELECT (SELECT value FROM meta WHERE name = 'popularity_half_life_ms'),
    (SELECT value FROM meta WHERE name = 'popularity_landmark_ms')";
const SET_SCALE: &str =
    "UPDATE meta SET value = CASE name WHEN 'popularity_half_life_ms' THEN $1::bigint ELSE $2::bigint END
    WHERE name IN ('popularity_half_life_ms', 'popularity_landmark_ms')";
/// A number too small to be told from zero is an error to the server.
const FADE: &str = "UPDATE popularity SET weight = CASE WHEN weight > $2 THEN weight * $1 ELSE 0 END";
const ADD: &str = "INSERT INTO popularity (sku, score, weight, changed_gen)
    SELECT k.sku, k.score, k.weight, $4 FROM unnest($1::text[], $2::bigint[], $3::float8[]) AS k(sku, score, weight)
    ON CONFLICT (sku) DO UPDATE SET score = popularity.score + excluded.score,
    weight = popularity.weight + excluded.weight, changed_gen = excluded.changed_gen";
const UNKNOWN: &str = "SELECT count(*) FROM unnest($1::text[]) AS k(sku)
    WHERE NOT EXISTS (SELECT 1 FROM product p WHERE p.sku = k.sku)";
const COUNTED: &str = "SELECT name, counted_ms, products, requests FROM popularity_source
    ORDER BY counted_ms DESC, id LIMIT $1";
pub(super) const TOP: &str =
    "SELECT p.sku, o.score, o.weight FROM popularity o JOIN product p ON p.sku = o.sku
    WHERE p.status = 0 ORDER BY o.weight DESC, o.sku LIMIT $1";
pub(super) const LATEST: &str = "SELECT sku FROM product p WHERE status = 0
    AND NOT EXISTS (SELECT 1 FROM popularity o WHERE o.sku = p.sku)
    ORDER BY changed_gen DESC, id DESC LIMIT $1";
const TOTAL: &str = "SELECT coalesce(sum(o.weight), 0) FROM popularity o JOIN product p ON p.sku = o.sku
    WHERE p.status = 0";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[
    IS_COUNTED,
    NOTE,
    FORGET,
    FORGET_SOURCES,
    SCALE,
    SET_SCALE,
    FADE,
    ADD,
    UNKNOWN,
    COUNTED,
    TOP,
    LATEST,
    TOTAL,
];

impl PostgresCatalog {
    pub(crate) async fn count_requests(
        &self,
        source: &CountedSource,
        counts: &RequestCounts,
    ) -> Result<CountOutcome> {
        let mut tx = self.bounded(self.importing()).await?;
        if self.is_repeated(&mut tx, source).await? {
            self.roll_back(tx).await?;
            return Ok(CountOutcome { repeated: true, ..CountOutcome::default() });
        }
        let begun = async {
            if source.replaces {
                sqlx::query(FORGET).execute(&mut *tx).await?;
                sqlx::query(FORGET_SOURCES).execute(&mut *tx).await?;
            }
            let step = rescale(&mut tx, counts.at_ms(), counts.half_life()).await?;
            Ok((step, products::next_change(&mut tx).await?))
        };
        let begun = async { begun.await.map_err(|e: sqlx::Error| self.error(&e)) };
        let (step, change) = self.bounded(begun).await?;
        let mut outcome = CountOutcome { requests: counts.requests(), ..CountOutcome::default() };
        for chunk in counts.sorted().chunks(CHUNK) {
            let skus: Vec<&str> = chunk.iter().map(|(sku, _)| *sku).collect();
            let scores: Vec<i64> = chunk.iter().map(|(_, asked)| asked.requests as i64).collect();
            let weights: Vec<f64> = chunk.iter().map(|(_, asked)| asked.weight * step.new).collect();
            let added = async {
                let add = sqlx::query(ADD).bind(&skus).bind(scores).bind(weights).bind(change);
                add.execute(&mut *tx).await?;
                sqlx::query_scalar::<_, i64>(UNKNOWN).bind(&skus).fetch_one(&mut *tx).await
            };
            let unknown = self.bounded(async { added.await.map_err(|e| self.error(&e)) }).await?;
            outcome.products += chunk.len() as u64;
            outcome.unknown += unknown.unsigned_abs();
        }
        let note = sqlx::query(NOTE).bind(&source.id).bind(&source.name).bind(counts.at_ms());
        let requests = i64::try_from(outcome.requests).unwrap_or(i64::MAX);
        let note = note.bind(outcome.products as i64).bind(requests);
        note.execute(&mut *tx).await.map_err(|e| self.error(&e))?;
        self.bounded(self.commit(tx)).await?;
        Ok(outcome)
    }

    async fn is_repeated(&self, conn: &mut Conn, source: &CountedSource) -> Result<bool> {
        let found = sqlx::query_as::<_, (bool, i64)>(IS_COUNTED).bind(&source.id).fetch_one(conn).await;
        let (known, all) = found.map_err(|e| self.error(&e))?;
        Ok(known && (!source.replaces || all == 1))
    }

    pub(crate) async fn counted_sources(&self, limit: u32) -> Result<Vec<Counted>> {
        let mut conn = self.read().await?;
        let query = sqlx::query_as::<_, (String, i64, i64, i64)>(COUNTED).bind(i64::from(limit));
        let rows = query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        Ok(rows.into_iter().map(Counted::from).collect())
    }

    pub(crate) async fn popular(&self, limit: u32) -> Result<Vec<Popular>> {
        let mut conn = self.read().await?;
        let query = sqlx::query_as::<_, (String, i64, f64)>(TOP).bind(i64::from(limit));
        let scored = query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        let mut products: Vec<_> = scored.into_iter().map(Popular::from).collect();
        let rest = limit.saturating_sub(products.len() as u32);
        if rest > 0 {
            let query = sqlx::query_scalar::<_, String>(LATEST).bind(i64::from(rest));
            let latest = query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
            products.extend(latest.into_iter().map(|sku| Popular { sku, requests: 0, weight: 0.0 }));
        }
        Ok(products)
    }

    pub(crate) async fn popularity(&self) -> Result<f64> {
        let mut conn = self.read().await?;
        sqlx::query_scalar(TOTAL).fetch_one(&mut *conn).await.map_err(|e| self.error(&e))
    }
}

/// Brings stored weights to where requests seen at `at_ms` can be added.
pub(super) async fn rescale(
    conn: &mut Conn,
    at_ms: i64,
    half_life: std::time::Duration,
) -> sqlx::Result<Step> {
    let (half_life_ms, landmark_ms) = sqlx::query_as(SCALE).fetch_one(&mut *conn).await?;
    let step = Scale { half_life_ms, landmark_ms }.step(at_ms, half_life);
    if let Some(old) = step.old {
        sqlx::query(FADE).bind(old).bind(TINY).execute(&mut *conn).await?;
    }
    let set = sqlx::query(SET_SCALE).bind(step.scale.half_life_ms).bind(step.scale.landmark_ms);
    set.execute(conn).await?;
    Ok(step)
}
