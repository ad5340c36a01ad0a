//! Products by what is printed on them: number, words. Looks through all titles.

use super::open::SqliteCatalog;
use super::products::json;
use crate::store::error::Result;

const EXACT: &str =
    "SELECT sku FROM product WHERE status = 0 AND (sku = ?1 OR gtin = ?1) ORDER BY sku LIMIT ?2";
const WORDS: &str = "SELECT sku FROM product WHERE status = 0 AND NOT EXISTS (
        SELECT 1 FROM json_each(?1) w WHERE instr(lower(title || ' ' || brand || ' ' || category), w.value) = 0)
    ORDER BY id LIMIT ?2";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[EXACT, WORDS];

impl SqliteCatalog {
    pub(crate) async fn find(&self, text: &str, limit: u32) -> Result<Vec<String>> {
        let mut conn = self.read().await?;
        let exact = sqlx::query_scalar(EXACT).bind(text.to_owned()).bind(limit).fetch_all(&mut *conn).await;
        let mut skus: Vec<String> = exact.map_err(|e| self.error(&e))?;
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        let words = json(&words).map_err(|e| self.error(&e))?;
        let found = sqlx::query_scalar(WORDS).bind(words).bind(limit).fetch_all(&mut *conn).await;
        let found: Vec<String> = found.map_err(|e| self.error(&e))?;
        skus.extend(found.into_iter().filter(|sku| !skus.contains(sku)).collect::<Vec<_>>());
        skus.truncate(limit as usize);
        Ok(skus)
    }
}
