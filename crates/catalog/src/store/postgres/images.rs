//! Which product shows which image.

use std::collections::{BTreeSet, HashMap, HashSet};

use sqlx::Row;

use super::conn::Conn;
use super::copy::copy;
use super::dirty;
use super::open::PostgresCatalog;
use crate::store::batch::PreparedRow;
use crate::store::dirty::DirtyKeys;
use crate::store::error::Result;
use crate::store::image::{ImageResult, MadeImage, PendingImage};

const FIND: &str = "SELECT k.no, i.id, i.content_hash IS NOT NULL
    FROM unnest($1::text[]) WITH ORDINALITY AS k(link, no) JOIN image i ON i.link = k.link";
const LAST_ID: &str = "SELECT coalesce(max(id), 0) FROM image";
const UNLINK: &str = "DELETE FROM product_image WHERE product_id = ANY($1)";
pub(super) const USAGE: &str =
    "SELECT DISTINCT p.sku FROM image i JOIN product_image pi ON pi.image_id = i.id
    JOIN product p ON p.id = pi.product_id WHERE i.link = $1 ORDER BY p.sku";
const SET: &str = "UPDATE image SET content_hash = $2, manifest = $3, error_code = $4
    WHERE link = $1 AND (content_hash, manifest, error_code) IS DISTINCT FROM ($2, $3, $4)";
const PENDING: &str = "SELECT i.link, m.images FROM dirty d JOIN image i ON i.link = d.key
    LEFT JOIN import m ON m.no = d.import_no
    WHERE d.kind = 2 AND d.key > $1 AND EXISTS (
        SELECT 1 FROM product_image pi JOIN product p ON p.id = pi.product_id
        WHERE pi.image_id = i.id AND p.status <> 2)
    ORDER BY d.key LIMIT $2";
const INSERT: &str = "COPY image (id, link) FROM STDIN (FORMAT binary)";
const LINK: &str = "COPY product_image (product_id, image_id, position) FROM STDIN (FORMAT binary)";
const MADE: &str = "SELECT i.link, i.manifest FROM image i
    WHERE i.link > $1 AND i.manifest IS NOT NULL AND EXISTS (
        SELECT 1 FROM product_image pi JOIN product p ON p.id = pi.product_id
        WHERE pi.image_id = i.id AND p.status <> 2)
    ORDER BY i.link LIMIT $2";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[FIND, LAST_ID, UNLINK, USAGE, SET, PENDING, MADE];

/// What became of the links of some products.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Those that have no thumbnails yet.
    pub(super) pending: BTreeSet<String>,
    /// Those that the catalog did not know before.
    pub(super) new: HashSet<String>,
}

/// Replaces the links of changed products.
pub(super) async fn relink(
    conn: &mut Conn,
    rows: &[(&PreparedRow, i64)],
    had_links: &[i64],
) -> sqlx::Result<Links> {
    if !had_links.is_empty() {
        sqlx::query(UNLINK).bind(had_links).execute(&mut *conn).await?;
    }
    let mut order: Vec<&str> = Vec::new();
    let mut ids: HashMap<&str, Option<i64>> = HashMap::new();
    for (row, _) in rows {
        for link in &row.product.image_links {
            ids.entry(link).or_insert_with(|| {
                order.push(link);
                None
            });
        }
    }
    let mut links = Links::default();
    if order.is_empty() {
        return Ok(links);
    }
    let last: i64 = sqlx::query_scalar(LAST_ID).fetch_one(&mut *conn).await?;
    if last > 0 {
        for found in sqlx::query(FIND).bind(&order).fetch_all(&mut *conn).await? {
            let index: i64 = found.try_get(0)?;
            if let Some(link) = order.get(index as usize - 1) {
                ids.insert(link, Some(found.try_get(1)?));
                if !found.try_get::<bool, _>(2)? {
                    links.pending.insert((*link).to_owned());
                }
            }
        }
    }
    let mut new = Vec::new();
    for link in order {
        if let Some(slot @ None) = ids.get_mut(link) {
            let id = last + 1 + new.len() as i64;
            *slot = Some(id);
            new.push((id, link));
        }
    }
    links.new = new.iter().map(|(_, link)| (*link).to_owned()).collect();
    links.pending.extend(links.new.iter().cloned());
    if !new.is_empty() {
        copy(conn, INSERT, &new, |out, (id, link)| {
            out.row(2).bigint(*id).text(*link);
        })
        .await?;
    }
    link(conn, rows, &ids).await?;
    Ok(links)
}

async fn link(
    conn: &mut Conn,
    rows: &[(&PreparedRow, i64)],
    ids: &HashMap<&str, Option<i64>>,
) -> sqlx::Result<()> {
    let links = rows.iter().flat_map(|(row, product)| {
        row.product.image_links.iter().zip(0_i32..).filter_map(move |(link, position)| {
            ids.get(link.as_str()).copied().flatten().map(|image| (*product, image, position))
        })
    });
    let links: Vec<(i64, i64, i32)> = links.collect();
    copy(conn, LINK, links, |out, (product, image, position)| {
        out.row(3).bigint(*product).bigint(*image).integer(*position);
    })
    .await
    .map(|_| ())
}

impl PostgresCatalog {
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
        } else {
            self.roll_back(tx).await?;
        }
        Ok(changed)
    }

    pub(crate) async fn images_pending(&self, after: Option<&str>, limit: u32) -> Result<Vec<PendingImage>> {
        let mut conn = self.read().await?;
        let query = sqlx::query_as(PENDING).bind(after.unwrap_or_default().to_owned()).bind(i64::from(limit));
        let rows: Vec<(String, Option<String>)> =
            query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        Ok(rows.into_iter().map(|(link, images)| PendingImage { link, images }).collect())
    }

    pub(crate) async fn images_made(&self, after: Option<&str>, limit: u32) -> Result<Vec<MadeImage>> {
        let mut conn = self.read().await?;
        let query = sqlx::query_as(MADE).bind(after.unwrap_or_default().to_owned()).bind(i64::from(limit));
        let rows: Vec<(String, String)> = query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        // What is no JSON was damaged from outside; such an image counts as one without a manifest.
        let made = |(link, manifest): (String, String)| {
            Some(MadeImage { link, manifest: serde_json::from_str(&manifest).ok()? })
        };
        Ok(rows.into_iter().filter_map(made).collect())
    }
}

async fn mark_users(conn: &mut Conn, link: &str) -> sqlx::Result<()> {
    let users: Vec<String> = sqlx::query_scalar(USAGE).bind(link).fetch_all(&mut *conn).await?;
    let keys = DirtyKeys { cache: users.into_iter().collect(), ..DirtyKeys::default() };
    dirty::mark(conn, &keys, None, &dirty::New::default()).await
}
