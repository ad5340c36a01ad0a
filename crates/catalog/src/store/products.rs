//! Product rows: looked up by SKU in bulk, written in bulk.

use std::collections::HashMap;

use sqlx::{Row, SqliteConnection};

use super::batch::PreparedRow;
use super::bulk::{Binding, BulkInsert};
use super::hash::{availability_code, status_code};

const FIND: &str = "SELECT j.key, p.id, p.core_hash, p.source_updated_at
    FROM json_each(?1) j CROSS JOIN product p ON p.sku = j.value";
const OLD: &str =
    "SELECT p.id, p.text_hash, p.image_hash, p.price_hash, p.status, p.category, p.brand, p.price_key
    FROM json_each(?1) j CROSS JOIN product p ON p.id = j.value";
const IDS: &str = "SELECT p.id FROM json_each(?1) j CROSS JOIN product p ON p.sku = j.value";
const LAST_ID: &str = "SELECT coalesce(max(id), 0) FROM product";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[FIND, OLD, IDS, LAST_ID];

pub(super) const UPSERT: BulkInsert = BulkInsert {
    head: "INSERT INTO product (id, sku, source_id, status, availability, price_minor, sale_minor, stock, currency,
        category, brand, price_key, changed_gen, source_updated_at, core_hash, text_hash, image_hash, price_hash,
        weight_g, gtin, parent_sku, title, attributes, description) VALUES",
    columns: 24,
    tail: "ON CONFLICT (id) DO UPDATE SET source_id = excluded.source_id, status = excluded.status,
        availability = excluded.availability, price_minor = excluded.price_minor, sale_minor = excluded.sale_minor,
        stock = excluded.stock, currency = excluded.currency, category = excluded.category, brand = excluded.brand,
        price_key = excluded.price_key, changed_gen = excluded.changed_gen,
        source_updated_at = excluded.source_updated_at, core_hash = excluded.core_hash,
        text_hash = excluded.text_hash, image_hash = excluded.image_hash, price_hash = excluded.price_hash,
        weight_g = excluded.weight_g, gtin = excluded.gtin, parent_sku = excluded.parent_sku,
        title = excluded.title, attributes = excluded.attributes, description = excluded.description",
};

/// What decides whether a stored product has to be written.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) id: i64,
    pub(super) core: Vec<u8>,
    pub(super) updated_at: Option<i64>,
}

/// What decides which follow-up work a change causes.
#[derive(Debug)]
pub(super) struct Old {
    pub(super) text: Vec<u8>,
    pub(super) image: Vec<u8>,
    pub(super) price_stock: Vec<u8>,
    pub(super) status: i64,
    pub(super) category: String,
    pub(super) brand: String,
    pub(super) price_key: String,
}

/// For each row the stored product of that SKU, if any.
pub(super) async fn find(
    conn: &mut SqliteConnection,
    rows: &[PreparedRow],
) -> sqlx::Result<Vec<Option<Stored>>> {
    let skus: Vec<&str> = rows.iter().map(|row| row.product.sku.as_str()).collect();
    let mut found: Vec<Option<Stored>> = Vec::new();
    found.resize_with(rows.len(), || None);
    for row in sqlx::query(FIND).bind(json(&skus)?).fetch_all(conn).await? {
        let index: i64 = row.try_get(0)?;
        let stored = Stored { id: row.try_get(1)?, core: row.try_get(2)?, updated_at: row.try_get(3)? };
        if let Some(slot) = found.get_mut(index as usize) {
            *slot = Some(stored);
        }
    }
    Ok(found)
}

/// Ids of the SKUs that exist.
pub(super) async fn ids(conn: &mut SqliteConnection, skus: &[String]) -> sqlx::Result<Vec<i64>> {
    if skus.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_scalar(IDS).bind(json(skus)?).fetch_all(conn).await
}

/// The groups of fields as they are stored, by product id.
pub(super) async fn old(conn: &mut SqliteConnection, ids: &[i64]) -> sqlx::Result<HashMap<i64, Old>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(OLD).bind(json(ids)?).fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            let old = Old {
                text: row.try_get(1)?,
                image: row.try_get(2)?,
                price_stock: row.try_get(3)?,
                status: row.try_get(4)?,
                category: row.try_get(5)?,
                brand: row.try_get(6)?,
                price_key: row.try_get(7)?,
            };
            Ok((row.try_get(0)?, old))
        })
        .collect()
}

/// Highest product id given out. Products are archived, never deleted, so ids are not used twice.
pub(super) async fn last_id(conn: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar(LAST_ID).fetch_one(conn).await
}

/// Writes rows under the ids given.
pub(super) async fn upsert(
    conn: &mut SqliteConnection,
    rows: &[(&PreparedRow, i64)],
    source_id: i64,
    generation: i64,
) -> sqlx::Result<()> {
    UPSERT.run(conn, rows, |query, (row, id)| bind(query, row, *id, source_id, generation)).await
}

fn bind(query: Binding, row: &PreparedRow, id: i64, source_id: i64, generation: i64) -> Binding {
    let product = &row.product;
    query
        .bind(id)
        .bind(product.sku.clone())
        .bind(source_id)
        .bind(status_code(product.status))
        .bind(availability_code(product.availability))
        .bind(product.price.as_ref().map(|money| money.minor))
        .bind(product.sale_price_minor)
        .bind(product.stock)
        .bind(product.price.as_ref().map_or_else(String::new, |money| money.currency.clone()))
        .bind(row.category.clone())
        .bind(product.brand.clone().unwrap_or_default())
        .bind(row.price_key.clone())
        .bind(generation)
        .bind(product.source_updated_at_ms)
        .bind(row.hashes.core.to_vec())
        .bind(row.hashes.text.to_vec())
        .bind(row.hashes.image.to_vec())
        .bind(row.hashes.price_stock.to_vec())
        .bind(product.weight_g)
        .bind(product.gtin.clone())
        .bind(product.parent_sku.clone())
        .bind(product.title.clone())
        .bind(row.attributes.clone())
        .bind(product.description.clone())
}

/// A JSON array for `json_each`.
pub(super) fn json<T: serde::Serialize + ?Sized>(values: &T) -> sqlx::Result<String> {
    serde_json::to_string(values).map_err(|e| sqlx::Error::Encode(e.into()))
}
