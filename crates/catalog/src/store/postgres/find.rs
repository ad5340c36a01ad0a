//! Products by what is printed on them: number, words, misspelt words. Numbers are looked up among the products, words in
//! the summary by product, as of its last refresh.

use sqlx::{AssertSqlSafe, PgConnection};

use super::open::PostgresCatalog;
use crate::store::error::Result;

/// SKU or number on the box.
pub(super) const EXACT: &str =
    "SELECT sku FROM product WHERE status = 0 AND (sku = $1 OR gtin = $1) ORDER BY sku LIMIT $2";
/// All words, by how prominent they are.
pub(super) const WORDS: &str = "SELECT v.sku FROM view_product v JOIN product p ON p.id = v.id AND p.status = 0
    WHERE to_tsvector('simple', v.title || ' ' || v.brand || ' ' || v.category) @@ plainto_tsquery('simple', $1)
    ORDER BY ts_rank(to_tsvector('simple', v.title || ' ' || v.brand || ' ' || v.category),
        plainto_tsquery('simple', $1)) DESC, v.id LIMIT $2";
/// Titles that have a part much like the text. `<%` is of the extension, wherever that lives.
pub(super) const LIKE: &str =
    "SELECT v.sku FROM view_product v JOIN product p ON p.id = v.id AND p.status = 0
    WHERE $1::text <% v.title ORDER BY word_similarity($1::text, v.title) DESC, v.id LIMIT $2";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[EXACT, WORDS, LIKE];

const HAS_TRIGRAMS: &str = "SELECT to_regclass('view_product_trigrams') IS NOT NULL";
const SCHEMA_OF_EXTENSION: &str =
    "SELECT n.nspname::text FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_trgm'";
/// Where every search path finds it, if the database has such a place.
const INSTALL: &str = "DO $$ BEGIN
    IF to_regnamespace('public') IS NULL THEN CREATE EXTENSION IF NOT EXISTS pg_trgm;
    ELSE CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public; END IF; END $$";
const INDEX: &str =
    "CREATE INDEX IF NOT EXISTS view_product_trigrams ON view_product USING gin (title OPERATOR_CLASS)";

/// Makes the index that finds misspelt titles. Without the extension or the right to have it, everything else works.
pub(super) async fn ensure_trigrams(conn: &mut PgConnection) -> sqlx::Result<bool> {
    if sqlx::query_scalar(HAS_TRIGRAMS).fetch_one(&mut *conn).await? {
        return Ok(true);
    }
    if let Err(error) = make_trigrams(conn).await {
        let sqlx::Error::Database(reason) = &error else { return Err(error) };
        tracing::warn!(
            reason = reason.message(),
            "misspelt words will not be found: let a superuser run CREATE EXTENSION pg_trgm in the catalog's database, \
             then start again as the owner of the tables"
        );
        return Ok(false);
    }
    Ok(true)
}

async fn make_trigrams(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::raw_sql(INSTALL).execute(&mut *conn).await?;
    let schema: String = sqlx::query_scalar(SCHEMA_OF_EXTENSION).fetch_one(&mut *conn).await?;
    let class = format!("\"{}\".gin_trgm_ops", schema.replace('"', "\"\""));
    let index = INDEX.replace("OPERATOR_CLASS", &class);
    sqlx::raw_sql(AssertSqlSafe(index)).execute(conn).await.map(|_| ())
}

impl PostgresCatalog {
    pub(crate) async fn find(&self, text: &str, limit: u32) -> Result<Vec<String>> {
        let mut conn = self.read().await?;
        let queries = [Some(EXACT), Some(WORDS), self.trigrams.then_some(LIKE)];
        let mut skus: Vec<String> = Vec::new();
        for query in queries.into_iter().flatten() {
            let found =
                sqlx::query_scalar(query).bind(text).bind(i64::from(limit)).fetch_all(&mut *conn).await;
            let found: Vec<String> = found.map_err(|e| self.error(&e))?;
            skus.extend(found.into_iter().filter(|sku| !skus.contains(sku)).collect::<Vec<_>>());
            if skus.len() >= limit as usize {
                break;
            }
        }
        skus.truncate(limit as usize);
        Ok(skus)
    }
}
