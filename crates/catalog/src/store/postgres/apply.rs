//! Applies one batch of an import.
//!
//! Only SKUs and hashes travel for the comparison. Then new rows are copied straight into the table, which the import
//! lock makes safe, and changed rows through a staging table. So an identical delivery writes no product at all, and a
//! fresh one writes each product once. An import that has met nothing known so far does not look at all: it copies, and
//! looks only when the unique index of the SKUs objects.

use std::collections::HashSet;

use super::conn::Conn;
use super::dirty::New;
use super::open::PostgresCatalog;
use super::{dirty, images, imports, products, seen};
use crate::store::batch::{Batch, BatchOutcome, Counters, PreparedRow, Severity};
use crate::store::dirty::DirtyKeys;
use crate::store::error::{CatalogError, Result};
use crate::store::plan::{self, Plan};
use crate::store::report::Running;
use crate::store::seen::Seen;

impl PostgresCatalog {
    pub(crate) async fn apply_batch(&self, import: &str, batch: Batch) -> Result<BatchOutcome> {
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
        let begun = self.begin_batch(&mut tx, &batch, &running).await.map_err(|e| self.error(&e))?;
        self.fault("compared")?;
        let counters = plan::count(&batch, &begun.plan);
        let written = write_products(&mut tx, &batch, &begun, &running).await;
        let (dirty, new_links) = written.map_err(|e| self.error(&e))?;
        self.fault("written")?;
        let new_skus = begun.plan.created.iter().map(|(index, _)| batch.rows[*index].product.sku.as_str());
        let new = New { skus: new_skus.collect(), links: new_links };
        let (plan, seen) = (begun.plan, begun.seen);
        write_ledger(&mut tx, &batch, plan, &running, &counters).await.map_err(|e| self.error(&e))?;
        seen::save(&mut tx, seen, running.no).await.map_err(|e| self.error(&e))?;
        // Last, because whoever else marks keys waits from here to the commit.
        dirty::mark(&mut tx, &dirty, Some(running.no), &new).await.map_err(|e| self.error(&e))?;
        self.commit(tx).await?;
        Ok(BatchOutcome { counters, dirty, spent: batch.rows })
    }

    /// Compares, unless nothing that is stored is expected to come: then the new products are written at once.
    async fn begin_batch(&self, conn: &mut Conn, batch: &Batch, running: &Running) -> sqlx::Result<Begun> {
        let last_id = products::last_id(conn).await?;
        if !batch.rows.is_empty() && self.expects_only_new(running, last_id) {
            let nothing = std::iter::repeat_with(|| None).take(batch.rows.len()).collect();
            let (plan, seen) = compare(conn, batch, running.no, last_id, nothing).await?;
            let (created, _) = plan.rows(&batch.rows);
            if let Some(change) = products::insert_unseen(conn, &created, running.source_id).await? {
                return Ok(Begun { plan, seen, change: Some(change) });
            }
            self.met_known(running.no);
        }
        let stored = products::find(conn, &batch.rows).await?;
        let (plan, seen) = compare(conn, batch, running.no, last_id, stored).await?;
        Ok(Begun { plan, seen, change: None })
    }
}

/// A batch that is compared.
struct Begun {
    plan: Plan,
    seen: Seen,
    /// Number of the change, when the new products are written already.
    change: Option<i64>,
}

async fn compare(
    conn: &mut Conn,
    batch: &Batch,
    import_no: i64,
    last_id: i64,
    stored: Vec<Option<plan::Stored>>,
) -> sqlx::Result<(Plan, Seen)> {
    let new_ids = last_id..=last_id + batch.rows.len() as i64;
    let refused = products::ids(conn, &batch.refused_skus).await?;
    let ids = stored.iter().flatten().map(|stored| stored.id).chain(new_ids);
    let mut seen = seen::load(conn, import_no, ids.chain(refused.iter().map(|id| -id))).await?;
    for id in refused {
        seen.mention(id);
    }
    Ok((plan::plan(&batch.rows, &stored, &mut seen, last_id), seen))
}

/// What became dirty, and which image links the catalog did not know before.
async fn write_products(
    conn: &mut Conn,
    batch: &Batch,
    begun: &Begun,
    running: &Running,
) -> sqlx::Result<(DirtyKeys, HashSet<String>)> {
    let mut dirty = DirtyKeys::default();
    let (created, changed) = begun.plan.rows(&batch.rows);
    if created.is_empty() && changed.is_empty() {
        return Ok((dirty, HashSet::new()));
    }
    let changed_ids: Vec<i64> = changed.iter().map(|(_, id)| *id).collect();
    let old = products::old(conn, &changed_ids).await?;
    let mut relink: Vec<(&PreparedRow, i64)> = created.clone();
    let mut had_links = Vec::new();
    plan::mark_created(&mut dirty, created.iter().map(|(row, _)| *row));
    for (row, id) in &changed {
        let Some(old) = old.get(id) else { continue };
        plan::mark_changed(&mut dirty, row, old);
        if old.parts[1] != row.hashes.image {
            relink.push((row, *id));
            had_links.push(*id);
        }
    }
    if begun.change.is_none() {
        let change = products::next_change(conn).await?;
        products::insert(conn, &created, running.source_id, change).await?;
        products::rewrite(conn, &changed, running.source_id, change).await?;
    }
    let links = images::relink(conn, &relink, &had_links).await?;
    dirty.image = links.pending;
    Ok((dirty, links.new))
}

async fn write_ledger(
    conn: &mut Conn,
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
