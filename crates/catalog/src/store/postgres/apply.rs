//! Applies one batch of an import.
//!
//! Only SKUs and hashes travel for the comparison. Then new rows are copied straight into the table, which the import
//! lock makes safe, and changed rows through a staging table. So an identical delivery writes no product at all, and a
//! fresh one writes each product once.

use std::collections::HashSet;

use sqlx::PgConnection;

use super::open::PostgresCatalog;
use super::{dirty, images, imports, products, seen};
use crate::store::batch::{Batch, BatchOutcome, Counters, PreparedRow, Severity};
use crate::store::dirty::DirtyKeys;
use crate::store::error::{CatalogError, Result};
use crate::store::plan::{self, Plan};
use crate::store::report::Running;
use crate::store::seen::Seen;

impl PostgresCatalog {
    pub(crate) async fn apply_batch(&self, import: &str, mut batch: Batch) -> Result<BatchOutcome> {
        let mut tx = self.importing().await?;
        let running = imports::running(&mut tx, import).await.map_err(|e| self.error(&e))?;
        let Some(running) = running else {
            self.roll_back(tx).await?;
            return Err(CatalogError::UnknownImport { id: import.to_owned() });
        };
        if running.ended {
            self.roll_back(tx).await?;
            return Err(CatalogError::ImportEnded { id: import.to_owned() });
        }
        if batch.last_record <= running.last_record {
            self.roll_back(tx).await?;
            return Ok(BatchOutcome::default());
        }
        let (plan, seen) = compare(&mut tx, &batch, running.no).await.map_err(|e| self.error(&e))?;
        self.fault("compared")?;
        let counters = plan::count(&batch, &plan);
        let (created, changed) = plan.split(std::mem::take(&mut batch.rows));
        let written = write_products(&mut tx, &created, &changed, running.source_id).await;
        let dirty = written.map_err(|e| self.error(&e))?;
        self.fault("written")?;
        write_ledger(&mut tx, &batch, plan, &running, &counters).await.map_err(|e| self.error(&e))?;
        seen::save(&mut tx, seen, running.no).await.map_err(|e| self.error(&e))?;
        let new: HashSet<&str> = created.iter().map(|(row, _)| row.product.sku.as_str()).collect();
        // Last, because whoever else marks keys waits from here to the commit.
        dirty::mark(&mut tx, &dirty, Some(running.no), &new).await.map_err(|e| self.error(&e))?;
        self.commit(tx).await?;
        Ok(BatchOutcome { counters, dirty })
    }
}

async fn compare(conn: &mut PgConnection, batch: &Batch, import_no: i64) -> sqlx::Result<(Plan, Seen)> {
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

async fn write_products(
    conn: &mut PgConnection,
    created: &[(PreparedRow, i64)],
    changed: &[(PreparedRow, i64)],
    source_id: i64,
) -> sqlx::Result<DirtyKeys> {
    let mut dirty = DirtyKeys::default();
    if created.is_empty() && changed.is_empty() {
        return Ok(dirty);
    }
    let changed_ids: Vec<i64> = changed.iter().map(|(_, id)| *id).collect();
    let old = products::old(conn, &changed_ids).await?;
    let mut relink: Vec<(&PreparedRow, i64)> = created.iter().map(|(row, id)| (row, *id)).collect();
    let mut had_links = Vec::new();
    plan::mark_created(&mut dirty, created.iter().map(|(row, _)| row));
    for (row, id) in changed {
        let Some(old) = old.get(id) else { continue };
        plan::mark_changed(&mut dirty, row, old);
        if old.parts[1] != row.hashes.image {
            relink.push((row, *id));
            had_links.push(*id);
        }
    }
    let change = products::next_change(conn).await?;
    products::insert(conn, created, source_id, change).await?;
    products::rewrite(conn, changed, source_id, change).await?;
    dirty.image = images::relink(conn, &relink, &had_links).await?;
    Ok(dirty)
}

async fn write_ledger(
    conn: &mut PgConnection,
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
