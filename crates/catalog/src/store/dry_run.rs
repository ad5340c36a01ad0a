//! A dry run: the same comparison and the same counts as an import, without a single write.

use std::collections::BTreeMap;

use super::batch::{Batch, Counters, Issue, Severity};
use super::guard::guard;
use super::plan::{self, Plan};
use super::report::{CodeCount, FileFailure, ISSUES_KEPT, ImportReport, ImportState, NewImport};
use super::seen::Seen;

/// An import that only looks. Keeps one bit a product in memory, nothing on disk.
#[derive(Debug)]
pub struct DryRun {
    report: ImportReport,
    pub(super) seen: Seen,
    /// Products that the batches so far would have created.
    pub(super) created: i64,
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

    /// Adds what a batch would come to.
    pub(super) fn add(&mut self, batch: &Batch, plan: Plan) -> Counters {
        let counters = plan::count(batch, &plan);
        self.created += plan.created.len() as i64;
        self.report.counters.add(counters);
        self.report.last_record = batch.last_record;
        let rejects = plan::in_order(&batch.rejects, plan.duplicates);
        let warnings = plan::in_order(&batch.warnings, plan.stale);
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

    /// Who delivers.
    pub(super) fn source(&self) -> &str {
        &self.report.source
    }

    /// The report. `missing` is how many of how many products of the source were not mentioned; it is not looked at
    /// after a failure.
    pub(super) fn finish(
        self,
        (missing, total): (u64, u64),
        failure: Option<FileFailure>,
        now_ms: i64,
    ) -> ImportReport {
        let mut report = self.report;
        report.file_error = failure;
        if report.file_error.is_none() {
            report.missing = missing;
            match guard(report.mode, missing, total) {
                Err(e) => {
                    report.file_error = Some(FileFailure { code: e.code().into(), message: e.to_string() });
                }
                Ok(archives) => report.archived = if archives { missing } else { 0 },
            }
        }
        report.state = if report.file_error.is_some() { ImportState::Failed } else { ImportState::Finished };
        report.finished_ms = Some(now_ms);
        let severity = |warning: bool| if warning { Severity::Warning } else { Severity::Error };
        report.codes = self
            .codes
            .into_iter()
            .map(|((warning, code), count)| CodeCount { severity: severity(warning), code, count })
            .collect();
        report
    }
}

fn keep(kept: &mut Vec<Issue>, issue: Issue) {
    if kept.len() < ISSUES_KEPT {
        kept.push(issue);
    }
}
