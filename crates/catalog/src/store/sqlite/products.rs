//! Product rows: looked up by SKU in bulk, written in bulk.

use std::collections::HashMap;

use sqlx::{Row, SqliteConnection};

use super::bulk::{Binding, BulkInsert};
use crate::store::batch::PreparedRow;
use crate::store::hash::{Hash, availability_code, status_code};
use crate::store::plan::{Old, Stored};

/// One text for the whole batch, `row id same updated_at` a product: thousands of result rows would cost more than the
/// comparison. ?2 holds the rows' core hashes side by side.
const FIND: &str = "SELECT group_concat(j.key || ' ' || p.id || ' '
        || (p.core_hash = substr(?2, 16 * j.key + 1, 16)) || ' ' || coalesce(p.source_updated_at, ''), ';')
    FROM json_each(?1) j CROSS JOIN product p ON p.sku = j.value";
const OLD: &str = "SELECT p.id, p.part_hashes, p.status, p.category, p.brand, p.price_key
    FROM json_each(?1) j CROSS JOIN product p ON p.id = j.value";
const IDS: &str = "SELECT p.id FROM json_each(?1) j CROSS JOIN product p ON p.sku = j.value";
const LAST_ID: &str = "SELECT coalesce(max(id), 0) FROM product";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[FIND, OLD, IDS, LAST_ID];

const COLUMNS: usize = 22;

/// Writes new products.
pub(super) const INSERT: BulkInsert = BulkInsert { head: HEAD, columns: COLUMNS, tail: "" };
const HEAD: &str = "INSERT INTO product (id, sku, source_id, status, availability, price_minor, sale_minor, stock,
    currency, category, brand, price_key, changed_gen, source_updated_at, core_hash, part_hashes, weight_g, gtin,
    parent_sku, title, attributes, description) VALUES";

/// Writes products that exist.
pub(super) const REWRITE: BulkInsert = BulkInsert {
    head: HEAD,
    columns: COLUMNS,
    tail: "ON CONFLICT (id) DO UPDATE SET source_id = excluded.source_id, status = excluded.status,
        availability = excluded.availability, price_minor = excluded.price_minor, sale_minor = excluded.sale_minor,
        stock = excluded.stock, currency = excluded.currency, category = excluded.category, brand = excluded.brand,
        price_key = excluded.price_key, changed_gen = excluded.changed_gen,
        source_updated_at = excluded.source_updated_at, core_hash = excluded.core_hash,
        part_hashes = excluded.part_hashes, weight_g = excluded.weight_g, gtin = excluded.gtin,
        parent_sku = excluded.parent_sku, title = excluded.title, attributes = excluded.attributes,
        description = excluded.description",
};

/// For each row the stored product of that SKU, if any.
pub(super) async fn find(
    conn: &mut SqliteConnection,
    rows: &[PreparedRow],
) -> sqlx::Result<Vec<Option<Stored>>> {
    let skus: Vec<&str> = rows.iter().map(|row| row.product.sku.as_str()).collect();
    let hashes: Vec<u8> = rows.iter().flat_map(|row| row.hashes.core).collect();
    let mut found: Vec<Option<Stored>> = Vec::new();
    found.resize_with(rows.len(), || None);
    let list: Option<String> =
        sqlx::query_scalar(FIND).bind(json(&skus)?).bind(hashes).fetch_one(conn).await?;
    for item in list.iter().flat_map(|list| list.split(';')) {
        let (index, stored) =
            parse(item).ok_or_else(|| sqlx::Error::Decode(format!("found product {item:?}").into()))?;
        if let Some(slot) = found.get_mut(index) {
            *slot = Some(stored);
        }
    }
    Ok(found)
}

/// `row id same updated_at`, as [`FIND`] writes it.
fn parse(item: &str) -> Option<(usize, Stored)> {
    let mut parts = item.split(' ');
    let index = parts.next()?.parse().ok()?;
    let id = parts.next()?.parse().ok()?;
    let same = parts.next()? == "1";
    let updated_at = match parts.next()? {
        "" => None,
        number => Some(number.parse().ok()?),
    };
    Some((index, Stored { id, same, updated_at }))
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
                parts: parts(row.try_get(1)?),
                status: row.try_get(2)?,
                category: row.try_get(3)?,
                brand: row.try_get(4)?,
                price_key: row.try_get(5)?,
            };
            Ok((row.try_get(0)?, old))
        })
        .collect()
}

/// Highest product id given out. Products are archived, never deleted, so ids are not used twice.
pub(super) async fn last_id(conn: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar(LAST_ID).fetch_one(conn).await
}

/// Hashes as stored; zeros where the value is not what this release writes, so that it counts as changed.
fn parts(bytes: &[u8]) -> [Hash; 3] {
    let mut parts = [Hash::default(); 3];
    if bytes.len() == parts.as_flattened().len() {
        parts.as_flattened_mut().copy_from_slice(bytes);
    }
    parts
}

/// Writes rows under the ids given: [`INSERT`] or [`REWRITE`].
pub(super) async fn write(
    conn: &mut SqliteConnection,
    how: BulkInsert,
    rows: Vec<(PreparedRow, i64)>,
    source_id: i64,
    generation: i64,
) -> sqlx::Result<()> {
    how.run(conn, rows, |query, (row, id)| bind(query, row, id, source_id, generation)).await
}

fn bind(query: Binding, row: PreparedRow, id: i64, source_id: i64, generation: i64) -> Binding {
    let product = row.product;
    let (minor, currency) = product.price.map_or((None, String::new()), |m| (Some(m.minor), m.currency));
    query
        .bind(id)
        .bind(product.sku)
        .bind(source_id)
        .bind(status_code(product.status))
        .bind(availability_code(product.availability))
        .bind(minor)
        .bind(product.sale_price_minor)
        .bind(product.stock)
        .bind(currency)
        .bind(row.category)
        .bind(product.brand.unwrap_or_default())
        .bind(row.price_key)
        .bind(generation)
        .bind(product.source_updated_at_ms)
        .bind(row.hashes.core.to_vec())
        .bind(row.hashes.parts().as_flattened().to_vec())
        .bind(product.weight_g)
        .bind(product.gtin)
        .bind(product.parent_sku)
        .bind(product.title)
        .bind(row.attributes)
        .bind(product.description)
}

/// A JSON array for `json_each`.
pub(super) fn json<T: serde::Serialize + ?Sized>(values: &T) -> sqlx::Result<String> {
    serde_json::to_string(values).map_err(|e| sqlx::Error::Encode(e.into()))
}
