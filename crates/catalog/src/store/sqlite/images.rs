//! Which product shows which image.

use std::collections::{BTreeSet, HashMap};

use sqlx::{Row, SqliteConnection};

use super::bulk::BulkInsert;
use super::dirty;
use super::open::SqliteCatalog;
use super::products::json;
use crate::store::batch::PreparedRow;
use crate::store::dirty::DirtyKeys;
use crate::store::error::Result;
use crate::store::image::{ImageResult, MadeImage, PendingImage};

const FIND: &str = "SELECT j.key, i.id, i.content_hash IS NOT NULL
    FROM json_each(?1) j CROSS JOIN image i ON i.link = j.value";
const LAST_ID: &str = "SELECT coalesce(max(id), 0) FROM image";
const UNLINK: &str = "DELETE FROM product_image WHERE product_id IN (SELECT value FROM json_each(?1))";
const USAGE: &str = "SELECT p.sku FROM image i CROSS JOIN product_image pi ON pi.image_id = i.id
    CROSS JOIN product p ON p.id = pi.product_id WHERE i.link = ?1 GROUP BY p.sku ORDER BY p.sku";
const SET: &str = "UPDATE image SET content_hash = ?2, manifest = ?3, error_code = ?4
    WHERE link = ?1 AND (content_hash, manifest, error_code) IS NOT (?2, ?3, ?4)";
const PENDING: &str = "SELECT i.link, m.images FROM dirty d CROSS JOIN image i ON i.link = d.key
    LEFT JOIN import m ON m.no = d.import_no
    WHERE d.kind = 2 AND d.key > ?1 AND EXISTS (
        SELECT 1 FROM product_image pi CROSS JOIN product p ON p.id = pi.product_id
        WHERE pi.image_id = i.id AND p.status <> 2)
    ORDER BY d.key LIMIT ?2";
const MADE: &str = "SELECT i.link, i.manifest FROM image i
    WHERE i.link > ?1 AND i.manifest IS NOT NULL AND EXISTS (
        SELECT 1 FROM product_image pi CROSS JOIN product p ON p.id = pi.product_id
        WHERE pi.image_id = i.id AND p.status <> 2)
    ORDER BY i.link LIMIT ?2";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[FIND, LAST_ID, UNLINK, USAGE, SET, PENDING, MADE];

pub(super) const INSERT: BulkInsert =
    BulkInsert { head: "INSERT INTO image (id, link) VALUES", columns: 2, tail: "" };
pub(super) const LINK: BulkInsert = BulkInsert {
    head: "INSERT OR IGNORE INTO product_image (product_id, position, image_id) VALUES",
    columns: 3,
    tail: "",
};

/// Replaces the links of changed products. Returns the links that have no thumbnails yet.
pub(super) async fn relink(
    conn: &mut SqliteConnection,
    rows: &[(&PreparedRow, i64)],
    had_links: &[i64],
) -> sqlx::Result<BTreeSet<String>> {
    if !had_links.is_empty() {
        sqlx::query(UNLINK).bind(json(had_links)?).execute(&mut *conn).await?;
    }
    let mut order: Vec<&str> = Vec::new();
    let mut ids: HashMap<&str, Option<i64>> = HashMap::new();
    for (row, _) in rows {
        for link in &row.product.image_links {
            if !ids.contains_key(link.as_str()) {
                ids.insert(link, None);
                order.push(link);
            }
        }
    }
    if order.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut pending = BTreeSet::new();
    for found in sqlx::query(FIND).bind(json(&order)?).fetch_all(&mut *conn).await? {
        let index: i64 = found.try_get(0)?;
        if let Some(link) = order.get(index as usize) {
            ids.insert(link, Some(found.try_get(1)?));
            if !found.try_get::<bool, _>(2)? {
                pending.insert((*link).to_owned());
            }
        }
    }
    let mut next: i64 = sqlx::query_scalar(LAST_ID).fetch_one(&mut *conn).await?;
    let mut new = Vec::new();
    for link in order {
        if let Some(slot @ None) = ids.get_mut(link) {
            next += 1;
            *slot = Some(next);
            new.push((next, link));
            pending.insert(link.to_owned());
        }
    }
    INSERT.run(conn, new, |query, (id, link)| query.bind(id).bind(link.to_owned())).await?;
    let links: Vec<(i64, i64, i64)> = rows
        .iter()
        .flat_map(|(row, product)| {
            let ids = &ids;
            row.product.image_links.iter().enumerate().filter_map(move |(position, link)| {
                ids.get(link.as_str()).copied().flatten().map(|image| (*product, position as i64, image))
            })
        })
        .collect();
    LINK.run(conn, links, |query, (product, position, image)| query.bind(product).bind(position).bind(image))
        .await?;
    Ok(pending)
}

impl SqliteCatalog {
    pub(crate) async fn image_usage(&self, link: &str) -> Result<Vec<String>> {
        let mut conn = self.read().await?;
        let query = sqlx::query_scalar(USAGE).bind(link.to_owned());
        query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))
    }

    pub(crate) async fn set_image_result(&self, link: &str, result: &ImageResult) -> Result<bool> {
        let (hash, manifest, code) = match result {
            ImageResult::Done { content_hash, manifest } => {
                (Some(content_hash.clone()), Some(manifest.to_string()), None)
            }
            ImageResult::Failed { code } => (None, None, Some(code.clone())),
        };
        let mut tx = self.write().await?;
        let query = sqlx::query(SET).bind(link.to_owned()).bind(hash).bind(manifest).bind(code);
        let changed = query.execute(&mut *tx).await.map_err(|e| self.error(&e))?.rows_affected() > 0;
        if changed {
            mark_users(&mut tx, link).await.map_err(|e| self.error(&e))?;
            self.commit(tx).await?;
        }
        Ok(changed)
    }

    pub(crate) async fn images_pending(&self, after: Option<&str>, limit: u32) -> Result<Vec<PendingImage>> {
        let mut conn = self.read().await?;
        let query = sqlx::query_as(PENDING).bind(after.unwrap_or_default().to_owned()).bind(limit);
        let rows: Vec<(String, Option<String>)> =
            query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        Ok(rows.into_iter().map(|(link, images)| PendingImage { link, images }).collect())
    }

    pub(crate) async fn images_made(&self, after: Option<&str>, limit: u32) -> Result<Vec<MadeImage>> {
        let mut conn = self.read().await?;
        let query = sqlx::query_as(MADE).bind(after.unwrap_or_default().to_owned()).bind(limit);
        let rows: Vec<(String, String)> = query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        // What is no JSON was damaged from outside; such an image counts as one without a manifest.
        let made = |(link, manifest): (String, String)| {
            Some(MadeImage { link, manifest: serde_json::from_str(&manifest).ok()? })
        };
        Ok(rows.into_iter().filter_map(made).collect())
    }
}

async fn mark_users(conn: &mut SqliteConnection, link: &str) -> sqlx::Result<()> {
    let users: Vec<String> = sqlx::query_scalar(USAGE).bind(link.to_owned()).fetch_all(&mut *conn).await?;
    let generation = dirty::next_generation(conn).await?;
    let keys = DirtyKeys { cache: users.into_iter().collect(), ..DirtyKeys::default() };
    dirty::mark(conn, &keys, generation, None).await
}
