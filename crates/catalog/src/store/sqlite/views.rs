//! Summary views: tables that hold one `GROUP BY` over the products each, refreshed by dirty keys.
//!
//! A view is one entry in [`VIEWS`]; its table and its refresh are made from that entry. A refresh reads outside the
//! write lock and then writes the rows of at most [`CHUNK`] keys in one short transaction, but only for keys whose
//! generation is still the one it read: a key that changed meanwhile stays dirty and is done by the next pass. So
//! readers never wait, two refreshers never overwrite newer rows by older ones, and a crash leaves keys dirty.
//! A full refresh marks every key dirty first and is otherwise the same.

use std::time::Instant;

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::dirty;
use super::open::SqliteCatalog;
use super::products::json;
use crate::store::dirty::Dirty;
use crate::store::error::Result;
use crate::store::view::{RefreshMode, RefreshReport, Refreshed, VIEWS, View, ViewInfo, ViewRow};

/// Keys a write transaction.
const CHUNK: u32 = 500;

/// The statements of a view.
pub(super) struct Sql(pub(super) &'static View);

impl Sql {
    fn create(&self) -> String {
        format!(
            "CREATE TABLE view_{} ({} TEXT NOT NULL, {}, PRIMARY KEY ({})) WITHOUT ROWID",
            self.0.name,
            self.0.key,
            self.0.declarations(),
            self.0.grouping()
        )
    }

    /// The defining query, one JSON array a row. Archived products and drafts do not count.
    fn select(&self, filter: &str) -> String {
        format!(
            "SELECT json_array({}) FROM (SELECT {}, {} FROM product WHERE status = 0 {filter} GROUP BY {group}) ORDER BY {group}",
            self.0.column_names().join(", "),
            self.0.key,
            self.0.expressions(),
            group = self.0.grouping()
        )
    }

    fn select_keys(&self) -> String {
        self.select(&format!("AND {} IN (SELECT value FROM json_each(?1))", self.0.key))
    }

    fn rows(&self) -> String {
        let names: Vec<&str> = self.0.columns.iter().map(|(name, _, _)| *name).collect();
        let pairs: Vec<String> = names.iter().map(|name| format!("'{name}', {name}")).collect();
        format!(
            "SELECT json_object('{key}', {key}, {}) FROM view_{} ORDER BY products DESC, {key} LIMIT ?1",
            pairs.join(", "),
            self.0.name,
            key = self.0.key
        )
    }

    fn delete(&self) -> String {
        format!("DELETE FROM view_{} WHERE {} IN (SELECT value FROM json_each(?1))", self.0.name, self.0.key)
    }

    fn insert(&self) -> String {
        let values: Vec<String> = (0..=self.0.columns.len()).map(|i| format!("value ->> {i}")).collect();
        format!(
            "INSERT INTO view_{} SELECT {} FROM json_each(?1) WHERE value ->> 0 IN (SELECT value FROM json_each(?2))",
            self.0.name,
            values.join(", ")
        )
    }

    fn mark_all(&self) -> String {
        format!(
            "INSERT INTO dirty (kind, key, generation)
             SELECT {kind}, key, ?1 FROM (SELECT DISTINCT {key} AS key FROM product UNION SELECT {key} FROM view_{name})
             WHERE true ON CONFLICT (kind, key) DO UPDATE SET generation = excluded.generation",
            kind = self.0.kind.code(),
            key = self.0.key,
            name = self.0.name
        )
    }

    /// Every statement of this view, to be prepared by a test.
    #[cfg(test)]
    pub(super) fn statements(&self) -> Vec<String> {
        vec![self.select(""), self.select_keys(), self.rows(), self.delete(), self.insert(), self.mark_all()]
    }

    /// The defining query over all products, for the test that compares it with the table.
    #[cfg(test)]
    pub(super) fn definition(&self) -> (String, String) {
        (
            self.select(""),
            format!("SELECT json_array({}) FROM view_{}", self.0.column_names().join(", "), self.0.name),
        )
    }
}

const STATE: &str = "SELECT definition FROM view_state WHERE name = ?1";
const SET_STATE: &str = "INSERT INTO view_state (name, definition, complete)
    VALUES (?1, ?2, NOT EXISTS (SELECT 1 FROM product))
    ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, complete = excluded.complete";
const IS_COMPLETE: &str = "SELECT complete FROM view_state WHERE name = ?1";
const SET_COMPLETE: &str = "UPDATE view_state SET complete = 1 WHERE name = ?1";
const STILL: &str = "SELECT d.key FROM json_each(?2) j CROSS JOIN dirty d
    ON d.kind = ?1 AND d.key = j.value ->> 0 AND d.generation = j.value ->> 1";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[STATE, SET_STATE, IS_COMPLETE, SET_COMPLETE, STILL];

/// Creates the tables of views that are new or defined differently from what the file has; those are then built in
/// full by their next refresh.
pub(super) async fn create_tables(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    for view in &VIEWS {
        let definition = format!("{}; {}", Sql(view).create(), Sql(view).select(""));
        let known: Option<String> =
            sqlx::query_scalar(STATE).bind(view.name).fetch_optional(&mut *conn).await?;
        if known.as_deref() == Some(definition.as_str()) {
            continue;
        }
        let drop = format!("DROP TABLE IF EXISTS view_{}", view.name);
        sqlx::query(AssertSqlSafe(drop)).execute(&mut *conn).await?;
        sqlx::query(AssertSqlSafe(Sql(view).create())).execute(&mut *conn).await?;
        sqlx::query(SET_STATE).bind(view.name).bind(definition).execute(&mut *conn).await?;
    }
    Ok(())
}

impl SqliteCatalog {
    pub(crate) async fn refresh_view(&self, name: &str, mode: RefreshMode) -> Result<RefreshReport> {
        let view = View::find(name)?;
        let started = Instant::now();
        let complete: bool = {
            let mut conn = self.read().await?;
            let query = sqlx::query_scalar(IS_COMPLETE).bind(view.name);
            query.fetch_one(&mut *conn).await.map_err(|e| self.error(&e))?
        };
        let mode = if complete { mode } else { RefreshMode::Full };
        if mode == RefreshMode::Full {
            self.mark_view(view).await?;
        }
        let (mut keys, mut rows, mut after) = (0, 0, None::<String>);
        loop {
            let chunk = self.dirty(view.kind, after.as_deref(), CHUNK).await?;
            let Some(last) = chunk.last() else { break };
            after = Some(last.key.clone());
            let (done, written) = self.refresh_keys(view, &chunk).await?;
            keys += done;
            rows += written;
        }
        let done = if keys == 0 { Refreshed::Fresh } else { Refreshed::Keys };
        let (view, elapsed) = (view.name.to_owned(), started.elapsed());
        Ok(RefreshReport { view, mode, done, keys, rows, elapsed })
    }

    pub(crate) async fn views(&self) -> Result<Vec<ViewInfo>> {
        let waiting = self.dirty_counts().await?;
        let stale = |view: &View| waiting.iter().any(|(kind, keys)| *kind == view.kind && *keys > 0);
        Ok(VIEWS.iter().map(|view| ViewInfo::summary(view.name, stale(view))).collect())
    }

    pub(crate) async fn refresh_views(
        &self,
        mode: RefreshMode,
    ) -> Result<Vec<(String, Result<RefreshReport>)>> {
        let mut done = Vec::new();
        for view in &VIEWS {
            done.push((view.name.to_owned(), self.refresh_view(view.name, mode).await));
        }
        Ok(done)
    }

    pub(crate) async fn view_rows(&self, name: &str, limit: u32) -> Result<Vec<ViewRow>> {
        let view = View::find(name)?;
        let mut conn = self.read().await?;
        let query = sqlx::query_scalar(AssertSqlSafe(Sql(view).rows())).bind(limit);
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

    /// Computes the rows of `chunk` on a reader, then swaps them in. Returns keys done and rows written.
    async fn refresh_keys(&self, view: &'static View, chunk: &[Dirty]) -> Result<(u64, u64)> {
        let keys: Vec<&str> = chunk.iter().map(|d| d.key.as_str()).collect();
        let keys = json(&keys).map_err(|e| self.error(&e))?;
        let computed: Vec<String> = {
            let mut conn = self.read().await?;
            let query = sqlx::query_scalar(AssertSqlSafe(Sql(view).select_keys())).bind(keys);
            query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?
        };
        self.fault("computed")?;
        let mut tx = self.write().await?;
        let done = swap(&mut tx, view, chunk, &computed).await.map_err(|e| self.error(&e))?;
        self.commit(tx).await?;
        Ok(done)
    }
}

async fn swap(
    conn: &mut SqliteConnection,
    view: &'static View,
    chunk: &[Dirty],
    computed: &[String],
) -> sqlx::Result<(u64, u64)> {
    let pairs = dirty::pairs_json(chunk.iter().map(|d| (d.key.as_str(), d.generation)));
    let query = sqlx::query_scalar(STILL).bind(view.kind.code()).bind(pairs.clone());
    let still: Vec<String> = query.fetch_all(&mut *conn).await?;
    let keys = json(&still)?;
    sqlx::query(AssertSqlSafe(Sql(view).delete())).bind(keys.clone()).execute(&mut *conn).await?;
    let rows = format!("[{}]", computed.join(","));
    let query = sqlx::query(AssertSqlSafe(Sql(view).insert())).bind(rows).bind(keys);
    let written = query.execute(&mut *conn).await?.rows_affected();
    sqlx::query(dirty::CLEAR).bind(view.kind.code()).bind(pairs).execute(&mut *conn).await?;
    Ok((still.len() as u64, written))
}
