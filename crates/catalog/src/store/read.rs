//! Products as others want them: whole, as documents, as text to embed.

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::error::Result;
use super::hash;
use super::keys::LEVEL_SEPARATOR;
use super::open::Catalog;
use super::products::json;
use crate::product::{Availability, Money, Product, Status};

/// Text to embed is cut here, in characters; small models read no more.
const EMBED_CHARS: usize = 2_000;

const PRODUCTS: &str =
    "SELECT j.key, p.sku, p.gtin, p.parent_sku, p.title, p.description, p.brand, p.category,
    p.price_minor, p.currency, p.sale_minor, p.availability, p.stock, p.weight_g, p.attributes, p.status,
    p.source_updated_at, substr(p.part_hashes, 1, 16)
    FROM json_each(?1) j CROSS JOIN product p ON p.sku = j.value ORDER BY j.key";
const IMAGES: &str = "SELECT j.key, i.link, i.content_hash, i.manifest, i.error_code
    FROM json_each(?1) j CROSS JOIN product p ON p.sku = j.value
    CROSS JOIN product_image pi ON pi.product_id = p.id CROSS JOIN image i ON i.id = pi.image_id
    ORDER BY j.key, pi.position";
const COUNT: &str = "SELECT count(*) FROM product WHERE status < 2";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[PRODUCTS, IMAGES, COUNT];

/// What an embedding is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductText {
    /// The product.
    pub sku: String,
    /// Title, brand, category and description without markup, at most 2,000 characters.
    pub text: String,
    /// 32 hexadecimal digits; equal when nothing that is embedded changed.
    pub text_hash: String,
    /// Path with ` > ` between the levels; empty when unknown. A filter of searches.
    pub category: String,
    /// The price to pay. A filter of searches.
    pub price: Option<Money>,
    /// Whether it is shown; a product that is not should leave the index.
    pub active: bool,
}

/// A product as caches and search results show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductDoc {
    /// All fields.
    #[serde(flatten)]
    pub product: Product,
    /// Images in order, with thumbnails where they are made.
    pub images: Vec<ImageDoc>,
    /// Codes of what is wrong with its images.
    pub warnings: Vec<String>,
}

/// One image of a product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageDoc {
    /// Where it came from.
    pub link: String,
    /// Hash of the source file, once thumbnails are made.
    pub content_hash: Option<String>,
    /// What the thumbnail maker stored.
    pub thumbnails: Option<serde_json::Value>,
}

impl Catalog {
    /// The product of a SKU, archived ones included.
    pub async fn product_by_sku(&self, sku: &str) -> Result<Option<Product>> {
        Ok(self.product_docs(&[sku.to_owned()]).await?.pop().map(|doc| doc.product))
    }

    /// Documents in the order of `skus`; unknown SKUs are left out. Ask for at most some thousands at a time.
    pub async fn product_docs(&self, skus: &[String]) -> Result<Vec<ProductDoc>> {
        let mut conn = self.read().await?;
        docs(&mut conn, skus).await.map_err(|e| self.error(&e))
    }

    /// What is to be embedded, in the order of `skus`; unknown SKUs are left out.
    pub async fn product_texts(&self, skus: &[String]) -> Result<Vec<ProductText>> {
        let mut conn = self.read().await?;
        texts(&mut conn, skus).await.map_err(|e| self.error(&e))
    }

    /// Products that are not archived.
    pub async fn count(&self) -> Result<u64> {
        let mut conn = self.read().await?;
        let count: i64 = sqlx::query_scalar(COUNT).fetch_one(&mut *conn).await.map_err(|e| self.error(&e))?;
        Ok(count as u64)
    }
}

async fn docs(conn: &mut SqliteConnection, skus: &[String]) -> sqlx::Result<Vec<ProductDoc>> {
    let skus = json(skus)?;
    let rows = sqlx::query(PRODUCTS).bind(skus.clone()).fetch_all(&mut *conn).await?;
    let mut docs = rows
        .iter()
        .map(|row| {
            Ok((row.try_get(0)?, ProductDoc { product: product(row)?, images: vec![], warnings: vec![] }))
        })
        .collect::<sqlx::Result<Vec<(i64, ProductDoc)>>>()?;
    for row in sqlx::query(IMAGES).bind(skus).fetch_all(conn).await? {
        let key: i64 = row.try_get(0)?;
        let Ok(at) = docs.binary_search_by_key(&key, |(key, _)| *key) else { continue };
        let doc = &mut docs[at].1;
        let link: String = row.try_get(1)?;
        let manifest: Option<&str> = row.try_get(3)?;
        doc.product.image_links.push(link.clone());
        doc.warnings.extend(row.try_get::<Option<String>, _>(4)?);
        doc.images.push(ImageDoc {
            link,
            content_hash: row.try_get(2)?,
            thumbnails: manifest.map(decode_json).transpose()?,
        });
    }
    Ok(docs.into_iter().map(|(_, doc)| doc).collect())
}

async fn texts(conn: &mut SqliteConnection, skus: &[String]) -> sqlx::Result<Vec<ProductText>> {
    let rows = sqlx::query(PRODUCTS).bind(json(skus)?).fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            let product = product(row)?;
            let text_hash: &[u8] = row.try_get(17)?;
            Ok(ProductText {
                text: text_to_embed(&product),
                text_hash: hash::hex(text_hash),
                category: row.try_get(7)?,
                price: product.price.map(|money| Money {
                    minor: product.sale_price_minor.unwrap_or(money.minor),
                    currency: money.currency,
                }),
                active: product.status == Status::Active,
                sku: product.sku,
            })
        })
        .collect()
}

/// A product without its image links.
fn product(row: &SqliteRow) -> sqlx::Result<Product> {
    let category: &str = row.try_get(7)?;
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
        category: category
            .split(LEVEL_SEPARATOR)
            .filter(|level| !level.is_empty())
            .map(str::to_owned)
            .collect(),
        price: minor.map(|minor| Money { minor, currency }),
        sale_price_minor: row.try_get(10)?,
        availability: match row.try_get::<i64, _>(11)? {
            0 => Availability::InStock,
            1 => Availability::OutOfStock,
            2 => Availability::Preorder,
            _ => Availability::Backorder,
        },
        stock: row.try_get(12)?,
        weight_g: row.try_get(13)?,
        image_links: Vec::new(),
        attributes: decode_json(row.try_get(14)?)?,
        status: match row.try_get::<i64, _>(15)? {
            0 => Status::Active,
            1 => Status::Draft,
            _ => Status::Archived,
        },
        source_updated_at_ms: row.try_get(16)?,
    })
}

fn decode_json<T: serde::de::DeserializeOwned>(text: &str) -> sqlx::Result<T> {
    serde_json::from_str(text).map_err(|e| sqlx::Error::Decode(e.into()))
}

/// Title first, since models weigh the beginning most.
fn text_to_embed(product: &Product) -> String {
    let mut text = product.title.clone();
    for part in [product.brand.as_deref(), Some(product.category.join(", ").as_str())].into_iter().flatten() {
        if !part.is_empty() {
            text.push_str(". ");
            text.push_str(part);
        }
    }
    if let Some(description) = &product.description {
        text.push_str(". ");
        text.push_str(&without_markup(description));
    }
    text.chars().take(EMBED_CHARS).collect()
}

/// Text of an HTML fragment: tags become one space, the common entities their characters.
fn without_markup(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut in_tag = false;
    for c in html.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                text.push(' ');
            }
            _ if !in_tag => text.push(c),
            _ => {}
        }
    }
    let text = text
        .replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_to_embed_has_no_markup_and_a_bound() {
        let product = Product {
            title: "Shirt".into(),
            brand: Some("Acme".into()),
            category: vec!["Clothes".into(), "Shirts".into()],
            description: Some("<p>Soft &amp; warm</p><ul><li>red</li></ul>".into()),
            ..Product::default()
        };
        assert_eq!(text_to_embed(&product), "Shirt. Acme. Clothes, Shirts. Soft & warm red");
        let long = Product { description: Some("ä".repeat(5_000)), ..product };
        assert_eq!(text_to_embed(&long).chars().count(), 2_000);
    }
}
