//! The end of an import: what was not delivered is counted or archived, then the ledger is closed.

use super::conn::Conn;
use super::open::PostgresCatalog;
use super::{dirty, imports, products, seen};
use crate::product::Status;
use crate::store::error::{CatalogError, Result};
use crate::store::guard::guard;
use crate::store::hash::status_code;
use crate::store::report::{FileFailure, ImportReport};
use crate::store::seen::Seen;

/// Ids a statement when products are archived.
const CHUNK: usize = 10_000;

pub(super) const PAGE: &str = "SELECT id FROM product WHERE source_id = $1 AND status = $2 AND id > $3
    ORDER BY id LIMIT 20000";
const ARCHIVE: &str = "UPDATE product SET status = 2, core_hash = '', changed_gen = $2 WHERE id = ANY($1)";
const MARK: &str = "INSERT INTO dirty (generation, import_no, kind, key)
    SELECT DISTINCT $2::bigint, $3::bigint, k.kind, k.key FROM product p CROSS JOIN LATERAL (VALUES
        (1::smallint, p.sku), (3, p.category), (4, p.brand), (5, p.price_key), (6, p.sku)) AS k(kind, key)
    WHERE p.id = ANY($1)
    ON CONFLICT (kind, key) DO UPDATE SET generation = excluded.generation, import_no = excluded.import_no";
const END: &str =
    "UPDATE import SET state = $2, missing = $3, archived = $4, file_error = $5, file_message = $6,
    finished_ms = $7 WHERE no = $1";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[PAGE, ARCHIVE, MARK, END];

impl PostgresCatalog {
    pub(crate) async fn finish_import(
        &self,
        id: &str,
        failure: Option<FileFailure>,
        now_ms: i64,
    ) -> Result<ImportReport> {
        let mut tx = self.importing().await?;
        let running = imports::running(&mut tx, id).await.map_err(|e| self.error(&e))?;
        let Some(running) = running else {
            self.roll_back(tx).await?;
            return Err(CatalogError::UnknownImport { id: id.to_owned() });
        };
        if running.ended {
            self.roll_back(tx).await?;
            return self.import_report(id).await;
        }
        let (missing, total) = match failure {
            None => {
                let seen = seen::load_all(&mut tx, running.no).await.map_err(|e| self.error(&e))?;
                missing(&mut tx, running.source_id, &seen).await.map_err(|e| self.error(&e))?
            }
            Some(_) => (Vec::new(), 0),
        };
        let guard = guard(running.mode, missing.len() as u64, total);
        let archive = matches!(guard, Ok(true));
        if archive && !missing.is_empty() {
            archive_products(&mut tx, &missing, running.no).await.map_err(|e| self.error(&e))?;
        }
        self.fault("archived")?;
        let stopped =
            guard.as_ref().err().map(|e| FileFailure { code: e.code().into(), message: e.to_string() });
        let archived = if archive { missing.len() } else { 0 };
        end(&mut tx, running.no, missing.len(), archived, failure.or(stopped), now_ms)
            .await
            .map_err(|e| self.error(&e))?;
        self.commit(tx).await?;
        guard?;
        self.import_report(id).await
    }
}

/// Ids of the source's products that were not delivered, and how many products it has in all.
pub(super) async fn missing(conn: &mut Conn, source_id: i64, seen: &Seen) -> sqlx::Result<(Vec<i64>, u64)> {
    let (mut missing, mut total) = (Vec::new(), 0);
    for status in [Status::Active, Status::Draft] {
        let mut after = 0;
        loop {
            let query =
                sqlx::query_scalar(PAGE).bind(source_id).bind(i16::from(status_code(status))).bind(after);
            let page: Vec<i64> = query.fetch_all(&mut *conn).await?;
            let Some(last) = page.last() else { break };
            after = *last;
            total += page.len() as u64;
            missing.extend(page.into_iter().filter(|id| !seen.knows(*id)));
        }
    }
    Ok((missing, total))
}

/// Archives and marks; the emptied hash makes a product that is delivered again count as changed.
async fn archive_products(conn: &mut Conn, ids: &[i64], import_no: i64) -> sqlx::Result<()> {
    let change = products::next_change(conn).await?;
    for chunk in ids.chunks(CHUNK) {
        sqlx::query(ARCHIVE).bind(chunk).bind(change).execute(&mut *conn).await?;
    }
    let generation = dirty::next_generation(conn).await?;
    for chunk in ids.chunks(CHUNK) {
        sqlx::query(MARK).bind(chunk).bind(generation).bind(import_no).execute(&mut *conn).await?;
    }
    Ok(())
}

async fn end(
    conn: &mut Conn,
    no: i64,
    missing: usize,
    archived: usize,
    failure: Option<FileFailure>,
    now_ms: i64,
) -> sqlx::Result<()> {
    let state = if failure.is_some() { "failed" } else { "finished" };
    let (code, message) = failure.map(|f| (f.code, f.message)).unzip();
    let query = sqlx::query(END)
        .bind(no)
        .bind(state)
        .bind(missing as i64)
        .bind(archived as i64)
        .bind(code)
        .bind(message)
        .bind(now_ms);
    query.execute(&mut *conn).await?;
    sqlx::query(seen::FORGET).bind(no).execute(conn).await.map(|_| ())
}
