//! The ledger of imports: what was delivered, how far it got, what became of its rows.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::open::PostgresCatalog;
use crate::store::batch::{Counters, Issue, Severity};
use crate::store::error::{CatalogError, Result};
use crate::store::report::{
    CodeCount, FileFailure, ISSUES_KEPT, ImportReport, ImportState, NewImport, Running, SyncMode,
};

const GET: &str = "SELECT i.no, i.id, i.file, i.fingerprint, s.name, i.full_sync, i.max_missing_pct, i.state,
    i.last_record, i.rows, i.created, i.updated, i.unchanged, i.rejected, i.skipped, i.warnings, i.missing,
    i.archived, i.file_error, i.file_message, i.started_ms, i.finished_ms
    FROM import i JOIN source s ON s.id = i.source_id WHERE i.id = $1";
const RUNNING: &str =
    "SELECT no, source_id, last_record, state, full_sync, max_missing_pct FROM import WHERE id = $1";
const BEGIN: &str = "INSERT INTO import
    (id, file, fingerprint, source_id, full_sync, max_missing_pct, state, started_ms, images)
    VALUES ($1, $2, $3, (SELECT id FROM source WHERE name = $4), $5, $6, 'running', $7, $8)";
const ADD_SOURCE: &str = "INSERT INTO source (name) VALUES ($1) ON CONFLICT DO NOTHING";
const CHECKPOINT: &str = "UPDATE import SET last_record = $2, rows = rows + $3, created = created + $4,
    updated = updated + $5, unchanged = unchanged + $6, rejected = rejected + $7, skipped = skipped + $8,
    warnings = warnings + $9 WHERE no = $1";
const ADD_CODE: &str = "INSERT INTO import_code (import_no, severity, code, count) VALUES ($1, $2, $3, $4)
    ON CONFLICT (import_no, severity, code) DO UPDATE SET count = import_code.count + excluded.count";
const ISSUE_COUNT: &str = "SELECT count(*) FROM import_issue WHERE import_no = $1 AND severity = $2";
const ADD_ISSUES: &str =
    "INSERT INTO import_issue (import_no, severity, record, seq, line, code, field, message)
    SELECT $1, $2, i.record, i.seq - 1, i.line, i.code, i.field, i.message
    FROM unnest($3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[])
        WITH ORDINALITY AS i(record, line, code, field, message, seq)";
const CODES: &str =
    "SELECT severity, code, count FROM import_code WHERE import_no = $1 ORDER BY severity, code";
const ISSUES: &str = "SELECT record, line, code, field, message FROM import_issue
    WHERE import_no = $1 AND severity = $2 ORDER BY record, seq LIMIT $3";
const LIST: &str = "SELECT id FROM import ORDER BY no DESC LIMIT $1";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] =
    &[GET, RUNNING, BEGIN, ADD_SOURCE, CHECKPOINT, ADD_CODE, ISSUE_COUNT, ADD_ISSUES, CODES, ISSUES, LIST];

impl PostgresCatalog {
    pub(crate) async fn begin_import(&self, new: &NewImport) -> Result<ImportReport> {
        let mut tx = self.write().await?;
        let known = get(&mut tx, &new.id).await.map_err(|e| self.error(&e))?;
        if let Some(report) = known {
            if report.fingerprint != new.fingerprint {
                self.roll_back(tx).await?;
                return Err(CatalogError::FileChanged { id: new.id.clone() });
            }
            self.roll_back(tx).await?;
            return Ok(report);
        }
        insert(&mut tx, new).await.map_err(|e| self.error(&e))?;
        self.commit(tx).await?;
        self.import_report(&new.id).await
    }

    pub(crate) async fn import_report(&self, id: &str) -> Result<ImportReport> {
        let mut conn = self.read().await?;
        let found = get(&mut conn, id).await.map_err(|e| self.error(&e))?;
        found.ok_or_else(|| CatalogError::UnknownImport { id: id.to_owned() })
    }

    pub(crate) async fn imports(&self, limit: u32) -> Result<Vec<String>> {
        let mut conn = self.read().await?;
        let query = sqlx::query_scalar(LIST).bind(i64::from(limit));
        query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))
    }
}

async fn insert(conn: &mut PgConnection, new: &NewImport) -> sqlx::Result<()> {
    sqlx::query(ADD_SOURCE).bind(new.source.clone()).execute(&mut *conn).await?;
    let (full, percent) = match new.mode {
        SyncMode::Merge => (false, 0),
        SyncMode::Full { max_missing_percent } => (true, max_missing_percent),
    };
    let query = sqlx::query(BEGIN)
        .bind(new.id.clone())
        .bind(new.file.clone())
        .bind(new.fingerprint.clone())
        .bind(new.source.clone())
        .bind(full)
        .bind(i32::from(percent))
        .bind(new.now_ms)
        .bind(new.images.clone());
    query.execute(conn).await.map(|_| ())
}

/// The import of this id, for a transaction that goes on with it.
pub(super) async fn running(conn: &mut PgConnection, id: &str) -> sqlx::Result<Option<Running>> {
    let row = sqlx::query(RUNNING).bind(id.to_owned()).fetch_optional(conn).await?;
    row.map(|row| {
        Ok(Running {
            no: row.try_get(0)?,
            source_id: row.try_get(1)?,
            last_record: unsigned(&row, 2)?,
            ended: row.try_get::<&str, _>(3)? != "running",
            mode: mode(row.try_get(4)?, row.try_get(5)?),
        })
    })
    .transpose()
}

fn mode(full: bool, max_missing_percent: i32) -> SyncMode {
    if full { SyncMode::Full { max_missing_percent: max_missing_percent as u8 } } else { SyncMode::Merge }
}

async fn get(conn: &mut PgConnection, id: &str) -> sqlx::Result<Option<ImportReport>> {
    let Some(row) = sqlx::query(GET).bind(id.to_owned()).fetch_optional(&mut *conn).await? else {
        return Ok(None);
    };
    let no: i64 = row.try_get(0)?;
    let mut report = decode(&row)?;
    let codes: Vec<(i16, String, i64)> = sqlx::query_as(CODES).bind(no).fetch_all(&mut *conn).await?;
    let code = |(severity, code, count): (i16, String, i64)| CodeCount {
        severity: if severity == 0 { Severity::Error } else { Severity::Warning },
        code,
        count: count as u64,
    };
    report.codes = codes.into_iter().map(code).collect();
    report.rejects = issues(conn, no, Severity::Error).await?;
    report.remarks = issues(conn, no, Severity::Warning).await?;
    Ok(Some(report))
}

fn decode(row: &PgRow) -> sqlx::Result<ImportReport> {
    let state: &str = row.try_get(7)?;
    let (code, message): (Option<String>, Option<String>) = (row.try_get(18)?, row.try_get(19)?);
    Ok(ImportReport {
        id: row.try_get(1)?,
        file: row.try_get(2)?,
        fingerprint: row.try_get(3)?,
        source: row.try_get(4)?,
        mode: mode(row.try_get(5)?, row.try_get(6)?),
        state: match state {
            "running" => ImportState::Running,
            "finished" => ImportState::Finished,
            _ => ImportState::Failed,
        },
        last_record: unsigned(row, 8)?,
        counters: Counters {
            rows: unsigned(row, 9)?,
            created: unsigned(row, 10)?,
            updated: unsigned(row, 11)?,
            unchanged: unsigned(row, 12)?,
            rejected: unsigned(row, 13)?,
            skipped: unsigned(row, 14)?,
            warnings: unsigned(row, 15)?,
        },
        missing: unsigned(row, 16)?,
        archived: unsigned(row, 17)?,
        file_error: code.map(|code| FileFailure { code, message: message.unwrap_or_default() }),
        started_ms: row.try_get(20)?,
        finished_ms: row.try_get(21)?,
        codes: Vec::new(),
        rejects: Vec::new(),
        remarks: Vec::new(),
    })
}

fn unsigned(row: &PgRow, column: usize) -> sqlx::Result<u64> {
    row.try_get::<i64, _>(column).map(|value| value as u64)
}

async fn issues(conn: &mut PgConnection, no: i64, severity: Severity) -> sqlx::Result<Vec<Issue>> {
    let query = sqlx::query(ISSUES).bind(no).bind(severity as i16).bind(ISSUES_KEPT as i64);
    let rows = query.fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            Ok(Issue {
                record: unsigned(row, 0)?,
                line: unsigned(row, 1)?,
                code: row.try_get(2)?,
                field: row.try_get(3)?,
                message: row.try_get(4)?,
            })
        })
        .collect()
}

/// Moves the checkpoint and adds the counts, in the transaction of the batch.
pub(super) async fn checkpoint(
    conn: &mut PgConnection,
    no: i64,
    last_record: u64,
    counters: &Counters,
) -> sqlx::Result<()> {
    let query = sqlx::query(CHECKPOINT)
        .bind(no)
        .bind(last_record as i64)
        .bind(counters.rows as i64)
        .bind(counters.created as i64)
        .bind(counters.updated as i64)
        .bind(counters.unchanged as i64)
        .bind(counters.rejected as i64)
        .bind(counters.skipped as i64)
        .bind(counters.warnings as i64);
    query.execute(conn).await.map(|_| ())
}

/// Adds issues to the ledger: all of them by code, the first [`ISSUES_KEPT`] one by one.
pub(super) async fn add_issues(
    conn: &mut PgConnection,
    no: i64,
    severity: Severity,
    issues: &[Issue],
) -> sqlx::Result<()> {
    if issues.is_empty() {
        return Ok(());
    }
    let mut counts = std::collections::BTreeMap::<&str, i64>::new();
    for issue in issues {
        *counts.entry(&issue.code).or_default() += 1;
    }
    for (code, count) in counts {
        let query = sqlx::query(ADD_CODE).bind(no).bind(severity as i16).bind(code.to_owned()).bind(count);
        query.execute(&mut *conn).await?;
    }
    let kept: i64 =
        sqlx::query_scalar(ISSUE_COUNT).bind(no).bind(severity as i16).fetch_one(&mut *conn).await?;
    let room = (ISSUES_KEPT as i64 - kept).max(0) as usize;
    let issues = &issues[..issues.len().min(room)];
    let numbers =
        |of: fn(&Issue) -> u64| -> Vec<i64> { issues.iter().map(|issue| of(issue) as i64).collect() };
    let texts = |of: fn(&Issue) -> &str| -> Vec<&str> { issues.iter().map(of).collect() };
    let fields: Vec<Option<&str>> = issues.iter().map(|issue| issue.field.as_deref()).collect();
    let query = sqlx::query(ADD_ISSUES)
        .bind(no)
        .bind(severity as i16)
        .bind(numbers(|issue| issue.record))
        .bind(numbers(|issue| issue.line))
        .bind(texts(|issue| &issue.code))
        .bind(fields)
        .bind(texts(|issue| &issue.message));
    query.execute(conn).await.map(|_| ())
}
