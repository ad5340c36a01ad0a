//! A dry run: the same comparison and the same counts as an import, without a single write.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;

use super::apply;
use super::batch::{Batch, Counters, Issue, Severity};
use super::error::Result;
use super::finish;
use super::imports::{CodeCount, FileFailure, ImportReport, ImportState, NewImport};
use super::open::Catalog;
use super::plan::{self, Plan};
use super::products;
use super::seen::Seen;

const SOURCE: &str = "SELECT id FROM source WHERE name = ?1";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[SOURCE];

/// Issues kept one by one, for each severity, as in the ledger.
const ISSUES_KEPT: usize = 1000;

/// An import that only looks. Keeps one bit a product in memory, nothing on disk.
#[derive(Debug)]
pub struct DryRun {
    report: ImportReport,
    seen: Seen,
    created: i64,
    codes: BTreeMap<(bool, String), u64>,
}

impl DryRun {
    /// Begins with nothing counted.
    pub fn new(import: &NewImport) -> Self {
        let report = ImportReport {
            id: import.id.clone(),
            file: import.file.clone(),
            fingerprint: import.fingerprint.clone(),
            source: import.source.clone(),
            mode: import.mode,
            state: ImportState::Running,
            last_record: 0,
            counters: Counters::default(),
            missing: 0,
            archived: 0,
            file_error: None,
            started_ms: import.now_ms,
            finished_ms: None,
            codes: Vec::new(),
            rejects: Vec::new(),
            remarks: Vec::new(),
        };
        Self { report, seen: Seen::default(), created: 0, codes: BTreeMap::new() }
    }

    fn add(&mut self, batch: &Batch, plan: Plan) -> Counters {
        let counters = apply::count(batch, &plan);
        self.created += plan.created.len() as i64;
        self.report.counters.add(counters);
        self.report.last_record = batch.last_record;
        let rejects = apply::in_order(&batch.rejects, plan.duplicates);
        let warnings = apply::in_order(&batch.warnings, plan.stale);
        for (is_warning, issues, kept) in
            [(false, rejects, &mut self.report.rejects), (true, warnings, &mut self.report.remarks)]
        {
            for issue in issues {
                *self.codes.entry((is_warning, issue.code.clone())).or_default() += 1;
                keep(kept, issue);
            }
        }
        counters
    }
}

fn keep(kept: &mut Vec<Issue>, issue: Issue) {
    if kept.len() < ISSUES_KEPT {
        kept.push(issue);
    }
}

impl Catalog {
    /// Counts what [`Catalog::apply_batch`] would do, given the batches before.
    pub async fn compare_batch(&self, dry_run: &mut DryRun, batch: &Batch) -> Result<Counters> {
        let mut conn = self.read().await?;
        let plan = compare(&mut conn, dry_run, batch).await.map_err(|e| self.error(&e))?;
        Ok(dry_run.add(batch, plan))
    }

    /// What [`Catalog::finish_import`] would report. A mass delete is reported as `file_error`, nothing is archived
    /// and `archived` says what would be.
    pub async fn finish_dry_run(
        &self,
        mut dry_run: DryRun,
        failure: Option<FileFailure>,
        now_ms: i64,
    ) -> Result<ImportReport> {
        let report = &mut dry_run.report;
        report.file_error = failure;
        if report.file_error.is_none() {
            let mut conn = self.read().await?;
            let (missing, total) =
                missing(&mut conn, &report.source, &dry_run.seen).await.map_err(|e| self.error(&e))?;
            report.missing = missing;
            match finish::guard(report.mode, missing, total) {
                Err(e) => {
                    report.file_error = Some(FileFailure { code: e.code().into(), message: e.to_string() });
                }
                Ok(archives) => report.archived = if archives { missing } else { 0 },
            }
        }
        report.state = if report.file_error.is_some() { ImportState::Failed } else { ImportState::Finished };
        report.finished_ms = Some(now_ms);
        let severity = |warning: bool| if warning { Severity::Warning } else { Severity::Error };
        report.codes = dry_run
            .codes
            .into_iter()
            .map(|((warning, code), count)| CodeCount { severity: severity(warning), code, count })
            .collect();
        Ok(dry_run.report)
    }
}

async fn compare(conn: &mut SqliteConnection, dry_run: &mut DryRun, batch: &Batch) -> sqlx::Result<Plan> {
    let stored = products::find(conn, &batch.rows).await?;
    for id in products::ids(conn, &batch.refused_skus).await? {
        dry_run.seen.mention(id);
    }
    let last_id = products::last_id(conn).await? + dry_run.created;
    Ok(plan::plan(&batch.rows, &stored, &mut dry_run.seen, last_id))
}

async fn missing(conn: &mut SqliteConnection, source: &str, seen: &Seen) -> sqlx::Result<(u64, u64)> {
    let query = sqlx::query_scalar(SOURCE).bind(source.to_owned());
    let Some(source_id) = query.fetch_optional(&mut *conn).await? else { return Ok((0, 0)) };
    let (missing, total) = finish::missing(conn, source_id, seen).await?;
    Ok((missing.len() as u64, total))
}
