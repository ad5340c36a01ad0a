//! The ledger of imports: what was delivered, how far it got, what became of its rows.

use super::conn::Conn;
use super::open::PostgresCatalog;
use crate::store::batch::{Counters, Issue, Severity};
use crate::store::error::{CatalogError, Result};
use crate::store::imports::{
    self, ADD_CODE, ADD_SOURCE, BEGIN, CHECKPOINT, CODES, GET, ISSUE_COUNT, ISSUES, LIST, RUNNING,
};
use crate::store::report::{ISSUES_KEPT, ImportReport, NewImport, Running};
use crate::store::row;

const ADD_ISSUES: &str =
    "INSERT INTO import_issue (import_no, severity, record, seq, line, code, field, message)
    SELECT $1, $2, i.record, i.seq - 1, i.line, i.code, i.field, i.message
    FROM unnest($3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[])
        WITH ORDINALITY AS i(record, line, code, field, message, seq)";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[ADD_ISSUES];

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

async fn insert(conn: &mut Conn, new: &NewImport) -> sqlx::Result<()> {
    sqlx::query(ADD_SOURCE).bind(new.source.clone()).execute(&mut *conn).await?;
    let (full, percent) = imports::columns_of(new.mode);
    let query = sqlx::query(BEGIN)
        .bind(new.id.clone())
        .bind(new.file.clone())
        .bind(new.fingerprint.clone())
        .bind(new.source.clone())
        .bind(full)
        .bind(percent)
        .bind(new.now_ms)
        .bind(new.images.clone());
    query.execute(conn).await.map(|_| ())
}

/// The import of this id, for a transaction that goes on with it.
pub(super) async fn running(conn: &mut Conn, id: &str) -> sqlx::Result<Option<Running>> {
    let row = sqlx::query(RUNNING).bind(id.to_owned()).fetch_optional(conn).await?;
    row.as_ref().map(row::running).transpose()
}

async fn get(conn: &mut Conn, id: &str) -> sqlx::Result<Option<ImportReport>> {
    let Some(row) = sqlx::query(GET).bind(id.to_owned()).fetch_optional(&mut *conn).await? else {
        return Ok(None);
    };
    let (no, mut report) = row::report(&row)?;
    let codes = sqlx::query(CODES).bind(no).fetch_all(&mut *conn).await?;
    report.codes = codes.iter().map(row::code).collect::<sqlx::Result<_>>()?;
    report.rejects = issues(conn, no, Severity::Error).await?;
    report.remarks = issues(conn, no, Severity::Warning).await?;
    Ok(Some(report))
}

async fn issues(conn: &mut Conn, no: i64, severity: Severity) -> sqlx::Result<Vec<Issue>> {
    let query = sqlx::query(ISSUES).bind(no).bind(severity as i64).bind(ISSUES_KEPT as i64);
    let rows = query.fetch_all(conn).await?;
    rows.iter().map(row::issue).collect()
}

/// Moves the checkpoint and adds the counts, in the transaction of the batch.
pub(super) async fn checkpoint(
    conn: &mut Conn,
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
    conn: &mut Conn,
    no: i64,
    severity: Severity,
    issues: &[Issue],
) -> sqlx::Result<()> {
    if issues.is_empty() {
        return Ok(());
    }
    for (code, count) in imports::by_code(issues) {
        let query = sqlx::query(ADD_CODE).bind(no).bind(severity as i64).bind(code.to_owned()).bind(count);
        query.execute(&mut *conn).await?;
    }
    let kept: i64 =
        sqlx::query_scalar(ISSUE_COUNT).bind(no).bind(severity as i64).fetch_one(&mut *conn).await?;
    let room = (ISSUES_KEPT as i64 - kept).max(0) as usize;
    let issues = &issues[..issues.len().min(room)];
    let numbers =
        |of: fn(&Issue) -> u64| -> Vec<i64> { issues.iter().map(|issue| of(issue) as i64).collect() };
    let texts = |of: fn(&Issue) -> &str| -> Vec<&str> { issues.iter().map(of).collect() };
    let fields: Vec<Option<&str>> = issues.iter().map(|issue| issue.field.as_deref()).collect();
    let query = sqlx::query(ADD_ISSUES)
        .bind(no)
        .bind(severity as i64)
        .bind(numbers(|issue| issue.record))
        .bind(numbers(|issue| issue.line))
        .bind(texts(|issue| &issue.code))
        .bind(fields)
        .bind(texts(|issue| &issue.message));
    query.execute(conn).await.map(|_| ())
}
