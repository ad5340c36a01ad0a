//! Product rows: compared by SKU and hash in bulk, written in bulk.

use std::collections::HashMap;

use sqlx::Row;

use super::conn::Conn;
use super::copy::{Rows, copy};
use super::tx::Savepoint;
use crate::store::batch::PreparedRow;
use crate::store::hash::{Hash, availability_code, status_code};
use crate::store::plan::{Old, Stored};

/// A few arrays for the whole batch: thousands of result rows would cost more than the comparison.
pub(super) const FIND: &str = "SELECT coalesce(array_agg(k.no), '{}'), coalesce(array_agg(p.id), '{}'),
        coalesce(array_agg(p.core_hash = k.hash), '{}'), coalesce(array_agg(p.source_updated_at), '{}')
    FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS k(sku, hash, no) JOIN product p ON p.sku = k.sku";
const OLD: &str =
    "SELECT id, part_hashes, status, category, brand, price_key FROM product WHERE id = ANY($1)";
const IDS: &str = "SELECT id FROM product WHERE sku = ANY($1)";
const LAST_ID: &str = "SELECT coalesce(max(id), 0) FROM product";
const NEXT_CHANGE: &str = "UPDATE meta SET value = value + 1 WHERE name = 'change' RETURNING value";
const INSERT: &str = "COPY product (id, source_id, price_minor, sale_minor, changed_gen, source_updated_at, stock,
    weight_g, status, availability, sku, currency, category, brand, price_key, core_hash, part_hashes, gtin, parent_sku,
    title, attributes, description) FROM STDIN (FORMAT binary)";
const COLUMNS: i16 = 22;
/// One a connection, empty outside of transactions.
const STAGING: &str =
    "CREATE TEMPORARY TABLE IF NOT EXISTS product_staging (LIKE product) ON COMMIT DELETE ROWS";
const STAGE: &str = "COPY product_staging (id, source_id, price_minor, sale_minor, changed_gen, source_updated_at,
    stock, weight_g, status, availability, sku, currency, category, brand, price_key, core_hash, part_hashes, gtin,
    parent_sku, title, attributes, description) FROM STDIN (FORMAT binary)";
const REWRITE: &str = "UPDATE product p SET source_id = s.source_id, price_minor = s.price_minor,
        sale_minor = s.sale_minor, changed_gen = s.changed_gen, source_updated_at = s.source_updated_at,
        stock = s.stock, weight_g = s.weight_g, status = s.status, availability = s.availability,
        currency = s.currency, category = s.category, brand = s.brand, price_key = s.price_key,
        core_hash = s.core_hash, part_hashes = s.part_hashes, gtin = s.gtin, parent_sku = s.parent_sku,
        title = s.title, attributes = s.attributes, description = s.description
    FROM product_staging s WHERE p.id = s.id";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[FIND, OLD, IDS, LAST_ID, NEXT_CHANGE];

/// For each row the stored product of that SKU, if any.
pub(super) async fn find(conn: &mut Conn, rows: &[PreparedRow]) -> sqlx::Result<Vec<Option<Stored>>> {
    let skus: Vec<&str> = rows.iter().map(|row| row.product.sku.as_str()).collect();
    let hashes: Vec<&[u8]> = rows.iter().map(|row| row.hashes.core.as_slice()).collect();
    let row = sqlx::query(FIND).bind(skus).bind(hashes).fetch_one(conn).await?;
    let (numbers, ids): (Vec<i64>, Vec<i64>) = (row.try_get(0)?, row.try_get(1)?);
    let (same, updated): (Vec<bool>, Vec<Option<i64>>) = (row.try_get(2)?, row.try_get(3)?);
    let mut found: Vec<Option<Stored>> = Vec::new();
    found.resize_with(rows.len(), || None);
    for (((number, id), same), updated_at) in numbers.into_iter().zip(ids).zip(same).zip(updated) {
        if let Some(slot) = found.get_mut(number as usize - 1) {
            *slot = Some(Stored { id, same, updated_at });
        }
    }
    Ok(found)
}

/// Ids of the SKUs that exist.
pub(super) async fn ids(conn: &mut Conn, skus: &[String]) -> sqlx::Result<Vec<i64>> {
    if skus.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_scalar(IDS).bind(skus).fetch_all(conn).await
}

/// The groups of fields as they are stored, by product id.
pub(super) async fn old(conn: &mut Conn, ids: &[i64]) -> sqlx::Result<HashMap<i64, Old>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(OLD).bind(ids).fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            let old = Old {
                parts: parts(row.try_get(1)?),
                status: row.try_get::<i16, _>(2)?.into(),
                category: row.try_get(3)?,
                brand: row.try_get(4)?,
                price_key: row.try_get(5)?,
            };
            Ok((row.try_get(0)?, old))
        })
        .collect()
}

/// Hashes as stored; zeros where the value is not what this release writes, so that it counts as changed.
fn parts(bytes: &[u8]) -> [Hash; 3] {
    let mut parts = [Hash::default(); 3];
    if bytes.len() == parts.as_flattened().len() {
        parts.as_flattened_mut().copy_from_slice(bytes);
    }
    parts
}

/// Highest product id given out. Products are archived, never deleted, so ids are not used twice.
pub(super) async fn last_id(conn: &mut Conn) -> sqlx::Result<i64> {
    sqlx::query_scalar(LAST_ID).fetch_one(conn).await
}

/// Number of the running transaction among those that write products: they become visible in the order of their numbers.
pub(super) async fn next_change(conn: &mut Conn) -> sqlx::Result<i64> {
    sqlx::query_scalar(NEXT_CHANGE).fetch_one(conn).await
}

/// Writes new products.
pub(super) async fn insert(
    conn: &mut Conn,
    rows: &[(&PreparedRow, i64)],
    source_id: i64,
    change: i64,
) -> sqlx::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    copy(conn, INSERT, rows, |out, (row, id)| encode(out, row, *id, source_id, change)).await.map(|_| ())
}

/// Writes products that nobody has looked for; returns the number of the change. `None`, and nothing done, when one of
/// their SKUs is known after all.
pub(super) async fn insert_unseen(
    conn: &mut Conn,
    rows: &[(&PreparedRow, i64)],
    source_id: i64,
) -> sqlx::Result<Option<i64>> {
    let savepoint = Savepoint::set(conn).await?;
    let change = next_change(conn).await?;
    let inserted = insert(conn, rows, source_id, change).await;
    Ok(savepoint.end(conn, inserted).await?.then_some(change))
}

/// Writes products that exist.
pub(super) async fn rewrite(
    conn: &mut Conn,
    rows: &[(&PreparedRow, i64)],
    source_id: i64,
    change: i64,
) -> sqlx::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::raw_sql(STAGING).execute(&mut *conn).await?;
    copy(conn, STAGE, rows, |out, (row, id)| encode(out, row, *id, source_id, change)).await?;
    sqlx::raw_sql(REWRITE).execute(conn).await.map(|_| ())
}

fn encode(out: &mut Rows, row: &PreparedRow, id: i64, source_id: i64, change: i64) {
    let product = &row.product;
    let (minor, currency) =
        product.price.as_ref().map_or((None, ""), |money| (Some(money.minor), money.currency.as_str()));
    out.row(COLUMNS)
        .bigint(id)
        .bigint(source_id)
        .bigint(minor)
        .bigint(product.sale_price_minor)
        .bigint(change)
        .bigint(product.source_updated_at_ms)
        .integer(product.stock)
        .integer(product.weight_g)
        .smallint(status_code(product.status).into())
        .smallint(availability_code(product.availability).into())
        .text(product.sku.as_str())
        .text(currency)
        .text(row.category.as_str())
        .text(product.brand.as_deref().unwrap_or_default())
        .text(row.price_key.as_str())
        .bytes(&row.hashes.core)
        .bytes(row.hashes.parts().as_flattened())
        .text(product.gtin.as_deref())
        .text(product.parent_sku.as_deref())
        .text(product.title.as_str())
        .text(row.attributes.as_str())
        .text(product.description.as_deref());
}
