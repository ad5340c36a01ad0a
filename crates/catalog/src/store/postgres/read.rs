//! Products as others want them.

use sqlx::Row;

use super::conn::Conn;
use super::open::PostgresCatalog;
use crate::store::document::{ProductDoc, ProductText};
use crate::store::error::Result;
use crate::store::row;

const PRODUCTS: &str =
    "SELECT k.no, p.sku, p.gtin, p.parent_sku, p.title, p.description, p.brand, p.category,
    p.price_minor, p.currency, p.sale_minor, CAST(p.availability AS bigint), CAST(p.stock AS bigint),
    CAST(p.weight_g AS bigint), p.attributes, CAST(p.status AS bigint),
    p.source_updated_at, substr(p.part_hashes, 1, 16)
    FROM unnest($1::text[]) WITH ORDINALITY AS k(sku, no) JOIN product p ON p.sku = k.sku ORDER BY k.no";
const IMAGES: &str = "SELECT k.no, i.link, i.content_hash, i.manifest, i.error_code
    FROM unnest($1::text[]) WITH ORDINALITY AS k(sku, no) JOIN product p ON p.sku = k.sku
    JOIN product_image pi ON pi.product_id = p.id JOIN image i ON i.id = pi.image_id
    ORDER BY k.no, pi.position";
const ACTIVE: &str = "SELECT sku FROM product WHERE sku > $1 AND status = 0 ORDER BY sku LIMIT $2";
const COUNT: &str = "SELECT count(*) FROM product WHERE status < 2";
const ACTIVE_COUNT: &str = "SELECT count(*) FROM product WHERE status = 0";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[PRODUCTS, IMAGES, COUNT, ACTIVE_COUNT, ACTIVE];

impl PostgresCatalog {
    pub(crate) async fn product_docs(&self, skus: &[String]) -> Result<Vec<ProductDoc>> {
        let mut conn = self.read().await?;
        docs(&mut conn, skus).await.map_err(|e| self.error(&e))
    }

    pub(crate) async fn product_texts(&self, skus: &[String]) -> Result<Vec<ProductText>> {
        let mut conn = self.read().await?;
        texts(&mut conn, skus).await.map_err(|e| self.error(&e))
    }

    pub(crate) async fn active_skus(&self, after: Option<&str>, limit: u32) -> Result<Vec<String>> {
        let mut conn = self.read().await?;
        // No SKU is empty.
        let query =
            sqlx::query_scalar(ACTIVE).bind(after.unwrap_or_default().to_owned()).bind(i64::from(limit));
        query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))
    }

    pub(crate) async fn count(&self) -> Result<u64> {
        self.counted(COUNT).await
    }

    pub(crate) async fn active_count(&self) -> Result<u64> {
        self.counted(ACTIVE_COUNT).await
    }

    async fn counted(&self, query: &'static str) -> Result<u64> {
        let mut conn = self.read().await?;
        let count: i64 = sqlx::query_scalar(query).fetch_one(&mut *conn).await.map_err(|e| self.error(&e))?;
        Ok(count as u64)
    }
}

async fn docs(conn: &mut Conn, skus: &[String]) -> sqlx::Result<Vec<ProductDoc>> {
    let rows = sqlx::query(PRODUCTS).bind(skus).fetch_all(&mut *conn).await?;
    let mut docs = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, ProductDoc::without_images(row::product(row)?))))
        .collect::<sqlx::Result<Vec<(i64, ProductDoc)>>>()?;
    for row in sqlx::query(IMAGES).bind(skus).fetch_all(conn).await? {
        let key: i64 = row.try_get(0)?;
        let Ok(at) = docs.binary_search_by_key(&key, |(key, _)| *key) else { continue };
        let (image, error) = row::image(&row)?;
        docs[at].1.add_image(image, error);
    }
    Ok(docs.into_iter().map(|(_, doc)| doc).collect())
}

async fn texts(conn: &mut Conn, skus: &[String]) -> sqlx::Result<Vec<ProductText>> {
    let rows = sqlx::query(PRODUCTS).bind(skus).fetch_all(conn).await?;
    rows.iter().map(|row| Ok(ProductText::of(row::product(row)?, row.try_get(17)?))).collect()
}
