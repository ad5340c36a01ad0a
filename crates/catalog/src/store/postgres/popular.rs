//! Which products are asked for most: what a cache is warmed with.

use std::collections::BTreeMap;

use super::open::PostgresCatalog;
use super::products;
use crate::store::error::Result;

const BUMP: &str = "INSERT INTO popularity (sku, score, changed_gen)
    SELECT k.sku, k.score, $3 FROM unnest($1::text[], $2::bigint[]) AS k(sku, score)
    ON CONFLICT (sku) DO UPDATE SET score = popularity.score + excluded.score, changed_gen = excluded.changed_gen";
pub(super) const TOP: &str = "SELECT p.sku, o.score FROM popularity o JOIN product p ON p.sku = o.sku
    WHERE p.status = 0 ORDER BY o.score DESC, o.sku LIMIT $1";
pub(super) const LATEST: &str = "SELECT sku FROM product p WHERE status = 0
    AND NOT EXISTS (SELECT 1 FROM popularity o WHERE o.sku = p.sku)
    ORDER BY changed_gen DESC, id DESC LIMIT $1";
const TOTAL: &str =
    "SELECT COALESCE(sum(o.score), 0)::bigint FROM popularity o JOIN product p ON p.sku = o.sku
    WHERE p.status = 0";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[BUMP, TOP, LATEST, TOTAL];

impl PostgresCatalog {
    pub(crate) async fn bump_popularity(&self, scores: &[(String, u64)]) -> Result<()> {
        let mut sums = BTreeMap::<&str, i64>::new();
        for (sku, score) in scores {
            let sum = sums.entry(sku).or_default();
            *sum = sum.saturating_add(i64::try_from(*score).unwrap_or(i64::MAX));
        }
        let (skus, scores): (Vec<&str>, Vec<i64>) = sums.into_iter().unzip();
        let mut tx = self.importing().await?;
        let change = products::next_change(&mut tx).await.map_err(|e| self.error(&e))?;
        let query = sqlx::query(BUMP).bind(skus).bind(scores).bind(change);
        query.execute(&mut *tx).await.map_err(|e| self.error(&e))?;
        self.commit(tx).await
    }

    pub(crate) async fn popular(&self, limit: u32) -> Result<Vec<(String, u64)>> {
        let mut conn = self.read().await?;
        let query = sqlx::query_as::<_, (String, i64)>(TOP).bind(i64::from(limit));
        let scored = query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        let mut products: Vec<_> =
            scored.into_iter().map(|(sku, score)| (sku, score.unsigned_abs())).collect();
        let rest = limit.saturating_sub(products.len() as u32);
        if rest > 0 {
            let query = sqlx::query_scalar::<_, String>(LATEST).bind(i64::from(rest));
            let latest = query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
            products.extend(latest.into_iter().map(|sku| (sku, 0)));
        }
        Ok(products)
    }

    pub(crate) async fn popularity(&self) -> Result<u64> {
        let mut conn = self.read().await?;
        let total: i64 = sqlx::query_scalar(TOTAL).fetch_one(&mut *conn).await.map_err(|e| self.error(&e))?;
        Ok(total.unsigned_abs())
    }
}
