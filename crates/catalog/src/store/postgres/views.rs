//! Summary tables: one `GROUP BY` over the products each, refreshed by dirty keys.
//!
//! A refresh computes and replaces the rows of at most [`CHUNK`] keys in one short transaction and clears their marks if
//! nobody made them again meanwhile. Readers never wait; one refresher works on a view at a time, whatever the process;
//! a crash leaves keys dirty. A full refresh marks every key dirty first and is otherwise the same.

use std::time::Instant;

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::conn::Conn;
use super::discover::Found;
use super::open::PostgresCatalog;
use super::refresh::SIDE_BY_SIDE;
use super::{by_product, dirty};
use crate::store::dirty::Dirty;
use crate::store::error::{CatalogError, Result};
use crate::store::view::{RefreshMode, RefreshReport, Refreshed, VIEWS, View, ViewInfo, ViewRow};

/// Keys a transaction.
const CHUNK: u32 = 500;

/// The statements of a view. Its names are constants of this crate, never input.
pub(super) struct Sql(pub(super) &'static View);

impl Sql {
    fn create(&self) -> String {
        format!(
            "CREATE TABLE view_{} ({} text COLLATE \"C\" NOT NULL, {}, PRIMARY KEY ({}))",
            self.0.name,
            self.0.key,
            self.0.declarations(),
            self.0.grouping()
        )
    }

    /// The defining query. Archived products and drafts do not count.
    pub(super) fn select(&self, filter: &str) -> String {
        format!(
            "SELECT {}, {} FROM product WHERE status = 0 {filter} GROUP BY {}",
            self.0.key,
            self.0.expressions(),
            self.0.grouping()
        )
    }

    /// Replaces the rows of some keys; `$1` is a list of keys.
    fn delete(&self) -> String {
        format!("DELETE FROM view_{} WHERE {} = ANY($1)", self.0.name, self.0.key)
    }

    pub(super) fn insert(&self) -> String {
        format!("INSERT INTO view_{} {}", self.0.name, self.select(&format!("AND {} = ANY($1)", self.0.key)))
    }

    fn rows(&self) -> String {
        format!(
            "SELECT row_to_json(v)::text FROM view_{} v ORDER BY products DESC, {} LIMIT $1",
            self.0.name, self.0.key
        )
    }

    fn mark_all(&self) -> String {
        format!(
            "INSERT INTO dirty (kind, key, generation)
             SELECT {kind}, key, $1 FROM (SELECT DISTINCT {key} AS key FROM product UNION SELECT {key} FROM view_{name}) k
             ON CONFLICT (kind, key) DO UPDATE SET generation = excluded.generation",
            kind = self.0.kind.code(),
            key = self.0.key,
            name = self.0.name
        )
    }

    /// Every statement of this view, to be prepared by a test.
    #[cfg(test)]
    pub(super) fn statements(&self) -> Vec<String> {
        vec![self.select(""), self.delete(), self.insert(), self.rows(), self.mark_all()]
    }
}

const STATE: &str = "SELECT name, definition FROM view_state";
const CREATING: &str =
    "SELECT pg_advisory_xact_lock(hashtextextended('backstock views ' || current_schema(), 0))";
const SET_STATE: &str = "INSERT INTO view_state (name, definition, complete)
    VALUES ($1, $2, NOT EXISTS (SELECT 1 FROM product))
    ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, complete = excluded.complete";
const IS_COMPLETE: &str = "SELECT complete FROM view_state WHERE name = $1";
const SET_COMPLETE: &str = "UPDATE view_state SET complete = true WHERE name = $1";
/// One refresher a view: others wait until it is done with its chunk.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('backstock refresh ' || current_schema() || '.view_' || $1, 0))";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[STATE, CREATING, SET_STATE, IS_COMPLETE, SET_COMPLETE, LOCK];

/// Creates the tables of views that are new or defined differently from what the database has; those are then built in
/// full by their next refresh. Where all are as they should be, nothing is written and no right is needed.
pub(super) async fn create_tables(conn: &mut PgConnection) -> sqlx::Result<()> {
    if outdated(conn).await?.is_empty() {
        return Ok(());
    }
    let mut tx = conn.begin().await?;
    sqlx::query(CREATING).execute(&mut *tx).await?;
    for (view, definition) in outdated(&mut tx).await? {
        let drop = format!("DROP TABLE IF EXISTS view_{}", view.name);
        sqlx::query(AssertSqlSafe(drop)).execute(&mut *tx).await?;
        sqlx::query(AssertSqlSafe(Sql(view).create())).execute(&mut *tx).await?;
        sqlx::query(SET_STATE).bind(view.name).bind(definition).execute(&mut *tx).await?;
    }
    tx.commit().await
}

async fn outdated(conn: &mut PgConnection) -> sqlx::Result<Vec<(&'static View, String)>> {
    let known: Vec<(String, String)> = sqlx::query_as(STATE).fetch_all(conn).await?;
    let defined =
        VIEWS.iter().map(|view| (view, format!("{}; {}", Sql(view).create(), Sql(view).select(""))));
    let is_known =
        |view: &View, definition: &str| known.iter().any(|(n, d)| n == view.name && d == definition);
    Ok(defined.filter(|(view, definition)| !is_known(view, definition)).collect())
}

impl PostgresCatalog {
    pub(crate) async fn views(&self) -> Result<Vec<ViewInfo>> {
        let mut all = self.summaries().await?;
        all.extend(self.materialized().await?.iter().map(Found::info));
        Ok(all)
    }

    pub(crate) async fn summaries(&self) -> Result<Vec<ViewInfo>> {
        let waiting = self.dirty_counts().await?;
        let stale = |view: &View| waiting.iter().any(|(kind, keys)| *kind == view.kind && *keys > 0);
        let mut all: Vec<ViewInfo> =
            VIEWS.iter().map(|view| ViewInfo::summary(view.name, stale(view))).collect();
        all.push(self.product_summary().await?);
        Ok(all)
    }

    pub(crate) async fn refresh_view(&self, name: &str, mode: RefreshMode) -> Result<RefreshReport> {
        if name == by_product::NAME {
            return self.refresh_product_summary(mode).await;
        }
        if let Ok(view) = View::find(name) {
            return self.refresh_summary(view, mode).await;
        }
        let all = self.bounded(self.materialized()).await?;
        if let Some(view) = all.iter().find(|view| view.name == name) {
            return self.refresh_materialized(&all, view, mode).await;
        }
        let known: Vec<String> =
            self.bounded(self.views()).await?.into_iter().map(|view| view.name).collect();
        Err(CatalogError::UnknownView { name: name.to_owned(), known: known.join(", ") })
    }

    pub(crate) async fn refresh_views(
        &self,
        mode: RefreshMode,
    ) -> Result<Vec<(String, Result<RefreshReport>)>> {
        let mut work: Vec<BoxFuture<'_, (String, Result<RefreshReport>)>> = Vec::new();
        for view in &VIEWS {
            work.push(self.refresh_summary(view, mode).map(|done| (view.name.to_owned(), done)).boxed());
        }
        let product = self.refresh_product_summary(mode);
        work.push(product.map(|done| (by_product::NAME.to_owned(), done)).boxed());
        let mut done: Vec<_> = stream::iter(work).buffered(SIDE_BY_SIDE).collect().await;
        done.extend(self.refresh_all_materialized(mode).await?);
        Ok(done)
    }

    async fn refresh_summary(&self, view: &'static View, mode: RefreshMode) -> Result<RefreshReport> {
        let started = Instant::now();
        let complete: bool = {
            let mut conn = self.read().await?;
            let query = sqlx::query_scalar(IS_COMPLETE).bind(view.name);
            query.fetch_one(&mut *conn).await.map_err(|e| self.error(&e))?
        };
        let mode = if complete { mode } else { RefreshMode::Full };
        if mode == RefreshMode::Full {
            self.bounded(self.mark_view(view)).await?;
        }
        let (mut keys, mut rows, mut after) = (0, 0, None::<String>);
        while let Some(done) = self.bounded(self.refresh_chunk(view, after.as_deref())).await? {
            keys += done.keys;
            rows += done.rows;
            after = Some(done.last);
        }
        let done = if keys == 0 { Refreshed::Fresh } else { Refreshed::Keys };
        let (view, elapsed) = (view.name.to_owned(), started.elapsed());
        Ok(RefreshReport { view, mode, done, keys, rows, elapsed })
    }

    pub(crate) async fn view_rows(&self, name: &str, limit: u32) -> Result<Vec<ViewRow>> {
        let view = View::find(name)?;
        let mut conn = self.read().await?;
        let query = sqlx::query_scalar(AssertSqlSafe(Sql(view).rows())).bind(i64::from(limit));
        let rows: Vec<String> = query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        rows.iter()
            .map(|row| serde_json::from_str(row).map_err(|e| self.error(&sqlx::Error::Decode(e.into()))))
            .collect()
    }

    /// Marks every key that the products or the view have. From then on the view counts as built, since whatever is
    /// missing is dirty.
    async fn mark_view(&self, view: &'static View) -> Result<()> {
        let mut tx = self.write().await?;
        let mark = async {
            let generation = dirty::next_generation(&mut tx).await?;
            sqlx::query(AssertSqlSafe(Sql(view).mark_all())).bind(generation).execute(&mut *tx).await?;
            sqlx::query(SET_COMPLETE).bind(view.name).execute(&mut *tx).await
        };
        mark.await.map_err(|e| self.error(&e))?;
        self.commit(tx).await
    }

    /// Does the next keys behind `after`; `None` when there are no more.
    async fn refresh_chunk(&self, view: &'static View, after: Option<&str>) -> Result<Option<Chunk>> {
        let mut tx = self.write().await?;
        let replaced = async {
            sqlx::query(LOCK).bind(view.name).execute(&mut *tx).await?;
            let marks = dirty::page(&mut tx, view.kind, after, CHUNK).await?;
            replace(&mut tx, view, marks).await
        };
        let chunk = replaced.await.map_err(|e| self.error(&e))?;
        self.fault("computed")?;
        self.commit(tx).await?;
        Ok(chunk)
    }
}

/// What became of some keys.
struct Chunk {
    last: String,
    keys: u64,
    rows: u64,
}

async fn replace(conn: &mut Conn, view: &'static View, marks: Vec<Dirty>) -> sqlx::Result<Option<Chunk>> {
    let Some(last) = marks.last().map(|mark| mark.key.clone()) else { return Ok(None) };
    let keys: Vec<&str> = marks.iter().map(|mark| mark.key.as_str()).collect();
    sqlx::query(AssertSqlSafe(Sql(view).delete())).bind(&keys).execute(&mut *conn).await?;
    let insert = sqlx::query(AssertSqlSafe(Sql(view).insert())).bind(&keys);
    let rows = insert.execute(&mut *conn).await?.rows_affected();
    dirty::clear(conn, view.kind, &marks).await?;
    Ok(Some(Chunk { last, keys: marks.len() as u64, rows }))
}
