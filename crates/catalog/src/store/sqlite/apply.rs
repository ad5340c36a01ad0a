//! Applies one batch of an import: compare, write what changed, mark follow-up work, move the checkpoint.

use sqlx::SqliteConnection;

use super::dirty;
use super::images;
use super::imports;
use super::open::SqliteCatalog;
use super::products;
use super::seen;
use crate::store::batch::{Batch, BatchOutcome, Counters, PreparedRow, Severity};
use crate::store::dirty::DirtyKeys;
use crate::store::error::{CatalogError, Result};
use crate::store::plan::{self, Plan};
use crate::store::report::Running;
use crate::store::seen::Seen;

impl SqliteCatalog {
    pub(crate) async fn apply_batch(&self, import: &str, mut batch: Batch) -> Result<BatchOutcome> {
        let mut tx = self.write().await?;
        let running = imports::running(&mut tx, import).await.map_err(|e| self.error(&e))?;
        let running = running.ok_or_else(|| CatalogError::UnknownImport { id: import.to_owned() })?;
        if running.ended {
            return Err(CatalogError::ImportEnded { id: import.to_owned() });
        }
        if batch.last_record <= running.last_record {
            return Ok(BatchOutcome::default());
        }
        let (plan, seen) = compare(&mut tx, &batch, running.no).await.map_err(|e| self.error(&e))?;
        self.fault("compared")?;
        let counters = plan::count(&batch, &plan);
        let written = write_products(&mut tx, &mut batch.rows, &plan, &running).await;
        let dirty = written.map_err(|e| self.error(&e))?;
        self.fault("written")?;
        write_ledger(&mut tx, &batch, plan, &running, &counters).await.map_err(|e| self.error(&e))?;
        seen::save(&mut tx, seen, running.no).await.map_err(|e| self.error(&e))?;
        self.commit(tx).await?;
        Ok(BatchOutcome { counters, dirty, spent: batch.rows })
    }
}

async fn compare(conn: &mut SqliteConnection, batch: &Batch, import_no: i64) -> sqlx::Result<(Plan, Seen)> {
    let stored = products::find(conn, &batch.rows).await?;
    let last_id = products::last_id(conn).await?;
    let new_ids = last_id..=last_id + batch.rows.len() as i64;
    let refused = products::ids(conn, &batch.refused_skus).await?;
    let ids = stored.iter().flatten().map(|stored| stored.id).chain(new_ids);
    let mut seen = seen::load(conn, import_no, ids.chain(refused.iter().map(|id| -id))).await?;
    for id in refused {
        seen.mention(id);
    }
    Ok((plan::plan(&batch.rows, &stored, &mut seen, last_id), seen))
}

/// Takes out of `rows` those that are written.
async fn write_products(
    conn: &mut SqliteConnection,
    rows: &mut Vec<PreparedRow>,
    plan: &Plan,
    running: &Running,
) -> sqlx::Result<DirtyKeys> {
    let mut dirty = DirtyKeys::default();
    if plan.created.is_empty() && plan.changed.is_empty() {
        return Ok(dirty);
    }
    let changed_ids: Vec<i64> = plan.changed.iter().map(|(_, id)| *id).collect();
    let old = products::old(conn, &changed_ids).await?;
    let (created, changed) = plan.split(rows);
    let mut relink: Vec<(&PreparedRow, i64)> = created.iter().map(|(row, id)| (row, *id)).collect();
    let mut had_links = Vec::new();
    plan::mark_created(&mut dirty, created.iter().map(|(row, _)| row));
    for (row, id) in &changed {
        let Some(old) = old.get(id) else { continue };
        plan::mark_changed(&mut dirty, row, old);
        if old.parts[1] != row.hashes.image {
            relink.push((row, *id));
            had_links.push(*id);
        }
    }
    let generation = dirty::next_generation(conn).await?;
    dirty.image = images::relink(conn, &relink, &had_links).await?;
    dirty::mark(conn, &dirty, generation, Some(running.no)).await?;
    products::write(conn, products::INSERT, created, running.source_id, generation).await?;
    products::write(conn, products::REWRITE, changed, running.source_id, generation).await?;
    Ok(dirty)
}

async fn write_ledger(
    conn: &mut SqliteConnection,
    batch: &Batch,
    plan: Plan,
    running: &Running,
    counters: &Counters,
) -> sqlx::Result<()> {
    let rejects = plan::in_order(&batch.rejects, plan.duplicates);
    imports::add_issues(conn, running.no, Severity::Error, &rejects).await?;
    let warnings = plan::in_order(&batch.warnings, plan.stale);
    imports::add_issues(conn, running.no, Severity::Warning, &warnings).await?;
    imports::checkpoint(conn, running.no, batch.last_record, counters).await
}
