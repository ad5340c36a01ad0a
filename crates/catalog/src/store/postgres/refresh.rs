//! Refreshing materialized views: beside their readers where that is possible, one refresher a view over all processes,
//! within limits that follow from what it cost before.

use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt};
use sqlx::AssertSqlSafe;

use super::conn::Conn;
use super::discover::{Found, discover};
use super::open::PostgresCatalog;
use super::tx::Tx;
use crate::store::error::{CatalogError, Result};
use crate::store::refresh::{self, Limits};
use crate::store::view::{RefreshMode, RefreshReport, Refreshed};

/// Taken inside of the transaction, so that it is free again whatever becomes of us.
const TRY_LOCK: &str = "SELECT pg_try_advisory_xact_lock(hashtextextended('backstock refresh ' || $1, 0))";
const LIMITS: &str = "SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true)";
const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
const SUCCEEDED: &str = "INSERT INTO view_run (view, mark, cost_ms, finished_ms)
    VALUES ($1, $2, $3, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
    ON CONFLICT (view) DO UPDATE SET mark = excluded.mark, cost_ms = excluded.cost_ms,
        finished_ms = excluded.finished_ms, failures = 0, last_error = NULL";
const FAILED: &str = "INSERT INTO view_run (view, mark, cost_ms, finished_ms, failures, last_error)
    VALUES ($1, 0, 0, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, 1, $2)
    ON CONFLICT (view) DO UPDATE SET finished_ms = excluded.finished_ms, failures = view_run.failures + 1,
        last_error = excluded.last_error";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[TRY_LOCK, LIMITS, SUCCEEDED, FAILED];

/// Views that do not read each other and are refreshed at the same time.
pub(super) const SIDE_BY_SIDE: usize = 2;
/// Time for the server to say that its own limit has passed.
const MARGIN: Duration = Duration::from_secs(10);

impl PostgresCatalog {
    /// Every materialized view, lower levels first.
    pub(super) async fn materialized(&self) -> Result<Vec<Found>> {
        let mut conn = self.read().await?;
        discover(&mut conn).await.map_err(|e| self.error(&e))
    }

    /// Brings one up to date, after the stale ones that it reads.
    pub(super) async fn refresh_materialized(
        &self,
        all: &[Found],
        view: &Found,
        mode: RefreshMode,
    ) -> Result<RefreshReport> {
        for below in all.iter().filter(|other| view.reads_from(other, all) && other.is_stale()) {
            self.refresh_one(below, RefreshMode::Incremental).await?;
        }
        self.refresh_one(view, mode).await
    }

    /// Brings every stale one up to date whose turn it is: level by level, those of a level side by side. One that fails
    /// does not keep the others.
    pub(super) async fn refresh_all_materialized(
        &self,
        mode: RefreshMode,
    ) -> Result<Vec<(String, Result<RefreshReport>)>> {
        let mut done = Vec::new();
        let mut level = 0;
        loop {
            // Looked at again for each level: what was refreshed below makes what is above stale.
            let all = self.materialized().await?;
            if all.iter().all(|view| view.level < level) {
                return Ok(done);
            }
            let now_ms = self.now_ms().await?;
            let mut work: Vec<BoxFuture<'_, (String, Result<RefreshReport>)>> = Vec::new();
            for view in all.iter().filter(|view| view.level == level && view.allowed) {
                work.push(self.refresh_if_due(view, mode, now_ms).boxed());
            }
            let reports: Vec<_> = stream::iter(work).buffer_unordered(SIDE_BY_SIDE).collect().await;
            done.extend(reports);
            level += 1;
        }
    }

    async fn refresh_if_due(
        &self,
        view: &Found,
        mode: RefreshMode,
        now_ms: i64,
    ) -> (String, Result<RefreshReport>) {
        let due = view.run.as_ref().is_none_or(|run| refresh::next_due_ms(run) <= now_ms);
        let report = match mode {
            RefreshMode::Incremental if !view.is_stale() => {
                Ok(RefreshReport::idle(&view.name, mode, Refreshed::Fresh))
            }
            RefreshMode::Incremental if !due => Ok(RefreshReport::idle(&view.name, mode, Refreshed::NotDue)),
            _ => self.refresh_one(view, mode).await,
        };
        (view.name.clone(), report)
    }

    async fn now_ms(&self) -> Result<i64> {
        let mut conn = self.read().await?;
        let query = sqlx::query_scalar(AssertSqlSafe(format!("SELECT {NOW}")));
        query.fetch_one(&mut *conn).await.map_err(|e| self.error(&e))
    }

    async fn refresh_one(&self, view: &Found, mode: RefreshMode) -> Result<RefreshReport> {
        let limits = refresh::limits(view.run.as_ref(), view.plain_because.is_none());
        let refreshed =
            tokio::time::timeout(limits.statement * 2 + MARGIN, self.try_refresh(view, mode, limits));
        let refreshed = refreshed.await.unwrap_or_else(|_| {
            let reason = format!("no answer while {} was refreshed", view.name);
            Err(CatalogError::Away { at: self.place().to_owned(), reason })
        });
        refreshed.map_err(|error| CatalogError::View { view: view.name.clone(), source: Box::new(error) })
    }

    async fn try_refresh(&self, view: &Found, mode: RefreshMode, limits: Limits) -> Result<RefreshReport> {
        let started = Instant::now();
        let mut tx = self.write().await?;
        let report = match refresh_inside(&mut tx, view, mode, limits, started).await {
            Ok(Some(report)) => report,
            Ok(None) => {
                self.roll_back(tx).await?;
                return Ok(RefreshReport::idle(&view.name, mode, Refreshed::Busy));
            }
            Err(error) => {
                let error = match self.error(&error) {
                    CatalogError::Unexpected { at, reason } => CatalogError::Query { at, reason },
                    other => other,
                };
                self.note_failure(tx, view, &error).await;
                return Err(error);
            }
        };
        self.commit(tx).await?;
        if report.worked() {
            self.analyze(view).await;
        }
        Ok(report)
    }

    /// The planner's idea of the new rows. That it failed is no failure of the refresh.
    async fn analyze(&self, view: &Found) {
        let Ok(mut conn) = self.read().await else { return };
        let sql = AssertSqlSafe(format!("ANALYZE {}", view.identifier));
        if let Err(error) = sqlx::raw_sql(sql).execute(&mut *conn).await {
            tracing::debug!(view = view.name, %error, "statistics of the view are old");
        }
    }

    /// Notes a failure that is the view's own; one of the connection says nothing about it.
    async fn note_failure(&self, tx: Tx, view: &Found, error: &CatalogError) {
        drop(tx);
        if matches!(error, CatalogError::Away { .. }) {
            return;
        }
        let Ok(mut conn) = self.read().await else { return };
        let noted =
            sqlx::query(FAILED).bind(&view.identifier).bind(error.to_string()).execute(&mut *conn).await;
        if let Err(error) = noted {
            tracing::warn!(view = view.name, %error, "that the refresh failed could not be noted");
        }
    }
}

/// `None` when somebody else refreshes the view.
async fn refresh_inside(
    conn: &mut Conn,
    view: &Found,
    mode: RefreshMode,
    limits: Limits,
    started: Instant,
) -> sqlx::Result<Option<RefreshReport>> {
    let ms = |limit: Duration| limit.as_millis().to_string();
    sqlx::query(LIMITS).bind(ms(limits.lock)).bind(ms(limits.statement)).execute(&mut *conn).await?;
    if !sqlx::query_scalar(TRY_LOCK).bind(&view.identifier).fetch_one(&mut *conn).await? {
        return Ok(None);
    }
    // Only now is it sure that nobody has refreshed it since we looked.
    let Some(view) = discover(conn).await?.into_iter().find(|found| found.identifier == view.identifier)
    else {
        return Ok(Some(RefreshReport::idle(&view.name, mode, Refreshed::Fresh)));
    };
    if mode == RefreshMode::Incremental && !view.is_stale() {
        return Ok(Some(RefreshReport::idle(&view.name, mode, Refreshed::Fresh)));
    }
    let (concurrently, done) = match view.plain_because {
        None => ("CONCURRENTLY ", Refreshed::Concurrently),
        Some(reason) => ("", Refreshed::Plain(reason)),
    };
    let sql = format!("REFRESH MATERIALIZED VIEW {concurrently}{}", view.identifier);
    let begun = Instant::now();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await?;
    let cost = refresh::smoothed(view.run.as_ref().map(|run| run.cost), begun.elapsed());
    let ledger =
        sqlx::query(SUCCEEDED).bind(&view.identifier).bind(view.mark).bind(cost.as_secs_f64() * 1000.0);
    ledger.execute(conn).await?;
    let elapsed = started.elapsed();
    Ok(Some(RefreshReport { view: view.name, mode, done, keys: 0, rows: 0, elapsed }))
}
