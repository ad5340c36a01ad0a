//! What a dry run looks up.

use super::conn::Conn;
use super::open::PostgresCatalog;
use super::{finish, products};
use crate::store::batch::{Batch, Counters};
use crate::store::dry_run::DryRun;
use crate::store::error::Result;
use crate::store::plan::{self, Plan};
use crate::store::report::{FileFailure, ImportReport};
use crate::store::seen::Seen;

const SOURCE: &str = "SELECT id FROM source WHERE name = $1";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[SOURCE];

impl PostgresCatalog {
    pub(crate) async fn compare_batch(&self, dry_run: &mut DryRun, batch: &Batch) -> Result<Counters> {
        let mut conn = self.read().await?;
        let plan = compare(&mut conn, dry_run, batch).await.map_err(|e| self.error(&e))?;
        Ok(dry_run.add(batch, plan))
    }

    pub(crate) async fn finish_dry_run(
        &self,
        dry_run: DryRun,
        failure: Option<FileFailure>,
        now_ms: i64,
    ) -> Result<ImportReport> {
        let mut conn = self.read().await?;
        let found = missing(&mut conn, dry_run.source(), &dry_run.seen).await.map_err(|e| self.error(&e))?;
        Ok(dry_run.finish(found, failure, now_ms))
    }
}

async fn compare(conn: &mut Conn, dry_run: &mut DryRun, batch: &Batch) -> sqlx::Result<Plan> {
    let stored = products::find(conn, &batch.rows).await?;
    for id in products::ids(conn, &batch.refused_skus).await? {
        dry_run.seen.mention(id);
    }
    let last_id = products::last_id(conn).await? + dry_run.created;
    Ok(plan::plan(&batch.rows, &stored, &mut dry_run.seen, last_id))
}

async fn missing(conn: &mut Conn, source: &str, seen: &Seen) -> sqlx::Result<(u64, u64)> {
    let query = sqlx::query_scalar(SOURCE).bind(source);
    let Some(source_id) = query.fetch_optional(&mut *conn).await? else { return Ok((0, 0)) };
    let (missing, total) = finish::missing(conn, source_id, seen).await?;
    Ok((missing.len() as u64, total))
}
