//! Products as others want them.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::open::PostgresCatalog;
use crate::product::{Money, Product};
use crate::store::document::{ImageDoc, ProductDoc, ProductText, levels};
use crate::store::error::Result;
use crate::store::hash;

const PRODUCTS: &str =
    "SELECT k.no, p.sku, p.gtin, p.parent_sku, p.title, p.description, p.brand, p.category,
    p.price_minor, p.currency, p.sale_minor, p.availability, p.stock, p.weight_g, p.attributes, p.status,
    p.source_updated_at, substr(p.part_hashes, 1, 16)
    FROM unnest($1::text[]) WITH ORDINALITY AS k(sku, no) JOIN product p ON p.sku = k.sku ORDER BY k.no";
const IMAGES: &str = "SELECT k.no, i.link, i.content_hash, i.manifest, i.error_code
    FROM unnest($1::text[]) WITH ORDINALITY AS k(sku, no) JOIN product p ON p.sku = k.sku
    JOIN product_image pi ON pi.product_id = p.id JOIN image i ON i.id = pi.image_id
    ORDER BY k.no, pi.position";
const COUNT: &str = "SELECT count(*) FROM product WHERE status < 2";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[PRODUCTS, IMAGES, COUNT];

impl PostgresCatalog {
    pub(crate) async fn product_docs(&self, skus: &[String]) -> Result<Vec<ProductDoc>> {
        let mut conn = self.read().await?;
        docs(&mut conn, skus).await.map_err(|e| self.error(&e))
    }

    pub(crate) async fn product_texts(&self, skus: &[String]) -> Result<Vec<ProductText>> {
        let mut conn = self.read().await?;
        texts(&mut conn, skus).await.map_err(|e| self.error(&e))
    }

    pub(crate) async fn count(&self) -> Result<u64> {
        let mut conn = self.read().await?;
        let count: i64 = sqlx::query_scalar(COUNT).fetch_one(&mut *conn).await.map_err(|e| self.error(&e))?;
        Ok(count as u64)
    }
}

async fn docs(conn: &mut PgConnection, skus: &[String]) -> sqlx::Result<Vec<ProductDoc>> {
    let rows = sqlx::query(PRODUCTS).bind(skus).fetch_all(&mut *conn).await?;
    let mut docs = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, ProductDoc::without_images(product(row)?))))
        .collect::<sqlx::Result<Vec<(i64, ProductDoc)>>>()?;
    for row in sqlx::query(IMAGES).bind(skus).fetch_all(conn).await? {
        let key: i64 = row.try_get(0)?;
        let Ok(at) = docs.binary_search_by_key(&key, |(key, _)| *key) else { continue };
        let manifest: Option<&str> = row.try_get(3)?;
        let image = ImageDoc {
            link: row.try_get(1)?,
            content_hash: row.try_get(2)?,
            thumbnails: manifest.map(decode_json).transpose()?,
        };
        docs[at].1.add_image(image, row.try_get(4)?);
    }
    Ok(docs.into_iter().map(|(_, doc)| doc).collect())
}

async fn texts(conn: &mut PgConnection, skus: &[String]) -> sqlx::Result<Vec<ProductText>> {
    let rows = sqlx::query(PRODUCTS).bind(skus).fetch_all(conn).await?;
    rows.iter().map(|row| Ok(ProductText::of(product(row)?, row.try_get(17)?))).collect()
}

/// A product without its image links.
fn product(row: &PgRow) -> sqlx::Result<Product> {
    let brand: String = row.try_get(6)?;
    let currency: String = row.try_get(9)?;
    let minor: Option<i64> = row.try_get(8)?;
    Ok(Product {
        sku: row.try_get(1)?,
        gtin: row.try_get(2)?,
        parent_sku: row.try_get(3)?,
        title: row.try_get(4)?,
        description: row.try_get(5)?,
        brand: (!brand.is_empty()).then_some(brand),
        category: levels(row.try_get(7)?),
        price: minor.map(|minor| Money { minor, currency }),
        sale_price_minor: row.try_get(10)?,
        availability: hash::availability_of(row.try_get::<i16, _>(11)?.into()),
        stock: row.try_get(12)?,
        weight_g: row.try_get(13)?,
        image_links: Vec::new(),
        attributes: decode_json(row.try_get(14)?)?,
        status: hash::status_of(row.try_get::<i16, _>(15)?.into()),
        source_updated_at_ms: row.try_get(16)?,
    })
}

fn decode_json<T: serde::de::DeserializeOwned>(text: &str) -> sqlx::Result<T> {
    serde_json::from_str(text).map_err(|e| sqlx::Error::Decode(e.into()))
}
