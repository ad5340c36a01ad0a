//! Which products are asked for most: what a cache is warmed with.

use sqlx::SqliteConnection;

use super::open::SqliteCatalog;
use crate::requests::RequestCounts;
use crate::store::error::Result;
use crate::store::popularity::{CountOutcome, Counted, CountedSource, Popular, Scale, Step, TINY};

/// Products a statement.
const CHUNK: usize = 5_000;

const IS_COUNTED: &str =
    "SELECT EXISTS (SELECT 1 FROM popularity_source WHERE id = ?1), count(*) FROM popularity_source";
const NOTE: &str =
    "INSERT INTO popularity_source (id, name, counted_ms, products, requests) VALUES (?1, ?2, ?3, ?4, ?5)";
const FORGET: &str = "DELETE FROM popularity";
const FORGET_SOURCES: &str = "DELETE FROM popularity_source";
const SCALE: &str = "SELECT (SELECT value FROM meta WHERE name = 'popularity_half_life_ms'),
    (SELECT value FROM meta WHERE name = 'popularity_landmark_ms')";
const SET_SCALE: &str = "UPDATE meta SET value = iif(name = 'popularity_half_life_ms', ?1, ?2)
    WHERE name IN ('popularity_half_life_ms', 'popularity_landmark_ms')";
const FADE: &str = "UPDATE popularity SET weight = iif(weight > ?2, weight * ?1, 0)";
const ADD: &str = "INSERT INTO popularity (sku, score, weight)
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true
    ON CONFLICT (sku) DO UPDATE SET score = score + excluded.score, weight = weight + excluded.weight";
const UNKNOWN: &str = "SELECT count(*) FROM json_each(?1) k
    WHERE NOT EXISTS (SELECT 1 FROM product p WHERE p.sku = k.value ->> 0)";
const COUNTED: &str = "SELECT name, counted_ms, products, requests FROM popularity_source
    ORDER BY counted_ms DESC, id LIMIT ?1";
const TOP: &str = "SELECT p.sku, o.score, o.weight FROM popularity o CROSS JOIN product p ON p.sku = o.sku
    WHERE p.status = 0 ORDER BY o.weight DESC, o.sku LIMIT ?1";
const LATEST: &str = "SELECT sku FROM product p WHERE status = 0
    AND NOT EXISTS (SELECT 1 FROM popularity o WHERE o.sku = p.sku)
    ORDER BY changed_gen DESC, id DESC LIMIT ?1";
const TOTAL: &str =
    "SELECT total(o.weight) FROM popularity o CROSS JOIN product p ON p.sku = o.sku WHERE p.status = 0";
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

impl SqliteCatalog {
    pub(crate) async fn count_requests(
        &self,
        source: &CountedSource,
        counts: &RequestCounts,
    ) -> Result<CountOutcome> {
        let mut tx = self.write().await?;
        let outcome = count(&mut tx, source, counts).await.map_err(|e| self.error(&e))?;
        self.commit(tx).await?;
        Ok(outcome)
    }

    pub(crate) async fn counted_sources(&self, limit: u32) -> Result<Vec<Counted>> {
        let mut conn = self.read().await?;
        let query = sqlx::query_as::<_, (String, i64, i64, i64)>(COUNTED).bind(limit);
        let rows = query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        Ok(rows.into_iter().map(Counted::from).collect())
    }

    pub(crate) async fn popular(&self, limit: u32) -> Result<Vec<Popular>> {
        let mut conn = self.read().await?;
        let query = sqlx::query_as::<_, (String, i64, f64)>(TOP).bind(limit);
        let scored = query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        let mut products: Vec<_> = scored.into_iter().map(Popular::from).collect();
        let rest = limit.saturating_sub(products.len() as u32);
        if rest > 0 {
            let query = sqlx::query_scalar::<_, String>(LATEST).bind(rest);
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

/// All of a count, inside a transaction.
async fn count(
    conn: &mut SqliteConnection,
    source: &CountedSource,
    counts: &RequestCounts,
) -> sqlx::Result<CountOutcome> {
    let (known, all): (bool, i64) = sqlx::query_as(IS_COUNTED).bind(&source.id).fetch_one(&mut *conn).await?;
    if known && (!source.replaces || all == 1) {
        return Ok(CountOutcome { repeated: true, ..CountOutcome::default() });
    }
    if source.replaces {
        sqlx::query(FORGET).execute(&mut *conn).await?;
        sqlx::query(FORGET_SOURCES).execute(&mut *conn).await?;
    }
    let step = rescale(conn, counts).await?;
    let mut outcome = CountOutcome { requests: counts.requests(), ..CountOutcome::default() };
    for chunk in counts.sorted().chunks(CHUNK) {
        let rows = chunk.iter().map(|(sku, asked)| (sku, asked.requests, asked.weight * step.new));
        let rows =
            serde_json::to_string(&rows.collect::<Vec<_>>()).map_err(|e| sqlx::Error::Encode(e.into()))?;
        sqlx::query(ADD).bind(&rows).execute(&mut *conn).await?;
        let unknown: i64 = sqlx::query_scalar(UNKNOWN).bind(&rows).fetch_one(&mut *conn).await?;
        outcome.products += chunk.len() as u64;
        outcome.unknown += unknown.unsigned_abs();
    }
    let note = sqlx::query(NOTE).bind(&source.id).bind(&source.name).bind(counts.at_ms());
    let requests = i64::try_from(outcome.requests).unwrap_or(i64::MAX);
    note.bind(outcome.products as i64).bind(requests).execute(&mut *conn).await?;
    Ok(outcome)
}

async fn rescale(conn: &mut SqliteConnection, counts: &RequestCounts) -> sqlx::Result<Step> {
    let (half_life_ms, landmark_ms) = sqlx::query_as(SCALE).fetch_one(&mut *conn).await?;
    let step = Scale { half_life_ms, landmark_ms }.step(counts.at_ms(), counts.half_life());
    if let Some(old) = step.old {
        sqlx::query(FADE).bind(old).bind(TINY).execute(&mut *conn).await?;
    }
    let set = sqlx::query(SET_SCALE).bind(step.scale.half_life_ms).bind(step.scale.landmark_ms);
    set.execute(conn).await?;
    Ok(step)
}
