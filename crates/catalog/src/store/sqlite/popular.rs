//! Which products are asked for most: what a cache is warmed with.

use super::open::SqliteCatalog;
use crate::store::error::Result;

const BUMP: &str =
    "INSERT INTO popularity (sku, score) SELECT value ->> 0, value ->> 1 FROM json_each(?1) WHERE true
    ON CONFLICT (sku) DO UPDATE SET score = score + excluded.score";
const TOP: &str = "SELECT p.sku, o.score FROM popularity o CROSS JOIN product p ON p.sku = o.sku
    WHERE p.status = 0 ORDER BY o.score DESC, o.sku LIMIT ?1";
const LATEST: &str = "SELECT sku FROM product p WHERE status = 0
    AND NOT EXISTS (SELECT 1 FROM popularity o WHERE o.sku = p.sku)
    ORDER BY changed_gen DESC, id DESC LIMIT ?1";
const TOTAL: &str =
    "SELECT CAST(total(o.score) AS INTEGER) FROM popularity o CROSS JOIN product p ON p.sku = o.sku
    WHERE p.status = 0";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[BUMP, TOP, LATEST, TOTAL];

impl SqliteCatalog {
    pub(crate) async fn bump_popularity(&self, scores: &[(String, u64)]) -> Result<()> {
        let mut tx = self.write().await?;
        let query = sqlx::query(BUMP).bind(serde_json::json!(scores).to_string());
        query.execute(&mut *tx).await.map_err(|e| self.error(&e))?;
        self.commit(tx).await
    }

    pub(crate) async fn popular(&self, limit: u32) -> Result<Vec<(String, u64)>> {
        let mut conn = self.read().await?;
        let query = sqlx::query_as::<_, (String, i64)>(TOP).bind(limit);
        let scored = query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        let mut products: Vec<_> =
            scored.into_iter().map(|(sku, score)| (sku, score.unsigned_abs())).collect();
        let rest = limit.saturating_sub(products.len() as u32);
        if rest > 0 {
            let query = sqlx::query_scalar::<_, String>(LATEST).bind(rest);
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
