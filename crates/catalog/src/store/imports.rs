//! Statements of the ledger of imports that both databases understand, and what else they share.

use std::collections::BTreeMap;

use super::batch::Issue;
use super::report::SyncMode;

pub(super) const GET: &str = "SELECT i.no, i.id, i.file, i.fingerprint, s.name, i.full_sync,
    CAST(i.max_missing_pct AS bigint), i.state, i.last_record, i.rows, i.created, i.updated, i.unchanged, i.rejected,
    i.skipped, i.warnings, i.missing, i.archived, i.file_error, i.file_message, i.started_ms, i.finished_ms
    FROM import i JOIN source s ON s.id = i.source_id WHERE i.id = $1";
pub(super) const RUNNING: &str = "SELECT no, source_id, last_record, state, full_sync,
    CAST(max_missing_pct AS bigint), created > 0 AND updated + unchanged = 0 FROM import WHERE id = $1";
pub(super) const BEGIN: &str = "INSERT INTO import
    (id, file, fingerprint, source_id, full_sync, max_missing_pct, state, started_ms, images)
    VALUES ($1, $2, $3, (SELECT id FROM source WHERE name = $4), $5, $6, 'running', $7, $8)";
pub(super) const ADD_SOURCE: &str = "INSERT INTO source (name) VALUES ($1) ON CONFLICT DO NOTHING";
pub(super) const CHECKPOINT: &str =
    "UPDATE import SET last_record = $2, rows = rows + $3, created = created + $4,
    updated = updated + $5, unchanged = unchanged + $6, rejected = rejected + $7, skipped = skipped + $8,
    warnings = warnings + $9 WHERE no = $1";
pub(super) const ADD_CODE: &str =
    "INSERT INTO import_code (import_no, severity, code, count) VALUES ($1, $2, $3, $4)
    ON CONFLICT (import_no, severity, code) DO UPDATE SET count = import_code.count + excluded.count";
pub(super) const ISSUE_COUNT: &str =
    "SELECT count(*) FROM import_issue WHERE import_no = $1 AND severity = $2";
pub(super) const CODES: &str = "SELECT CAST(severity AS bigint), code, count FROM import_code
    WHERE import_no = $1 ORDER BY severity, code";
pub(super) const ISSUES: &str = "SELECT record, line, code, field, message FROM import_issue
    WHERE import_no = $1 AND severity = $2 ORDER BY record, seq LIMIT $3";
pub(super) const LIST: &str = "SELECT id FROM import ORDER BY no DESC LIMIT $1";

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] =
    &[GET, RUNNING, BEGIN, ADD_SOURCE, CHECKPOINT, ADD_CODE, ISSUE_COUNT, CODES, ISSUES, LIST];

/// How a mode is stored: whether the delivery is all there is, and the percentage that may be missing.
pub(super) fn columns_of(mode: SyncMode) -> (bool, i32) {
    match mode {
        SyncMode::Merge => (false, 0),
        SyncMode::Full { max_missing_percent } => (true, max_missing_percent.into()),
    }
}

/// Issues by code.
pub(super) fn by_code(issues: &[Issue]) -> BTreeMap<&str, i64> {
    let mut counts = BTreeMap::new();
    for issue in issues {
        *counts.entry(issue.code.as_str()).or_default() += 1;
    }
    counts
}
