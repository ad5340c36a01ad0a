//! Summary views: tables that hold one `GROUP BY` over the products each, refreshed by dirty keys.
//!
//! A view is one entry in [`VIEWS`]; its table and its refresh are made from that entry. A refresh reads outside the
//! write lock and then writes the rows of at most [`CHUNK`] keys in one short transaction, but only for keys whose
//! generation is still the one it read: a key that changed meanwhile stays dirty and is done by the next pass. So
//! readers never wait, two refreshers never overwrite newer rows by older ones, and a crash leaves keys dirty.
//! A full refresh marks every key dirty first and is otherwise the same.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::dirty::{self, Dirty, DirtyKind};
use super::error::{CatalogError, Result};
use super::open::Catalog;
use super::products::json;

/// Keys a write transaction.
const CHUNK: u32 = 500;

/// One summary: `name` and `key` are identifiers of this file, never input.
#[derive(Debug)]
pub(super) struct View {
    /// Public name; the table is `view_<name>`.
    name: &'static str,
    /// Column of `product` by which rows are found again; also the first column of the view.
    key: &'static str,
    kind: DirtyKind,
    /// Further columns: name, declared type, expression.
    columns: &'static [(&'static str, &'static str, &'static str)],
    /// Columns besides the key that make a row of the view.
    group: &'static [&'static str],
}

const MEASURES: [(&str, &str, &str); 5] = [
    ("products", "INTEGER NOT NULL", "count(*)"),
    ("in_stock", "INTEGER NOT NULL", "sum(availability = 0)"),
    ("units", "INTEGER NOT NULL", "sum(coalesce(stock, 0))"),
    ("min_minor", "INTEGER", "min(coalesce(sale_minor, price_minor))"),
    ("max_minor", "INTEGER", "max(coalesce(sale_minor, price_minor))"),
];
const CURRENCY: (&str, &str, &str) = ("currency", "TEXT NOT NULL", "currency");
const BY_CURRENCY: &[(&str, &str, &str)] =
    &[CURRENCY, MEASURES[0], MEASURES[1], MEASURES[2], MEASURES[3], MEASURES[4]];

/// Every summary. To add one, add an entry (and a dirty kind when it groups by a new key).
pub(super) const VIEWS: [View; 3] = [
    View {
        name: "category",
        key: "category",
        kind: DirtyKind::Category,
        columns: BY_CURRENCY,
        group: &["currency"],
    },
    View { name: "brand", key: "brand", kind: DirtyKind::Brand, columns: BY_CURRENCY, group: &["currency"] },
    View { name: "price", key: "price_key", kind: DirtyKind::Price, columns: &MEASURES, group: &[] },
];

impl View {
    fn create(&self) -> String {
        let columns: Vec<String> =
            self.columns.iter().map(|(name, kind, _)| format!("{name} {kind}")).collect();
        let primary: Vec<&str> = std::iter::once(self.key).chain(self.group.iter().copied()).collect();
        format!(
            "CREATE TABLE view_{} ({} TEXT NOT NULL, {}, PRIMARY KEY ({})) WITHOUT ROWID",
            self.name,
            self.key,
            columns.join(", "),
            primary.join(", ")
        )
    }

    /// The defining query, one JSON array a row. Archived products and drafts do not count.
    fn select(&self, filter: &str) -> String {
        let columns: Vec<&str> = self.columns.iter().map(|(_, _, expression)| *expression).collect();
        let group: Vec<&str> = std::iter::once(self.key).chain(self.group.iter().copied()).collect();
        format!(
            "SELECT json_array({key}, {}) FROM product WHERE status = 0 {filter} GROUP BY {group} ORDER BY {group}",
            columns.join(", "),
            key = self.key,
            group = group.join(", ")
        )
    }

    fn select_keys(&self) -> String {
        self.select(&format!("AND {} IN (SELECT value FROM json_each(?1))", self.key))
    }

    fn rows(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _, _)| *name).collect();
        let pairs: Vec<String> = names.iter().map(|name| format!("'{name}', {name}")).collect();
        format!(
            "SELECT json_object('{key}', {key}, {}) FROM view_{} ORDER BY products DESC, {key} LIMIT ?1",
            pairs.join(", "),
            self.name,
            key = self.key
        )
    }

    fn delete(&self) -> String {
        format!("DELETE FROM view_{} WHERE {} IN (SELECT value FROM json_each(?1))", self.name, self.key)
    }

    fn insert(&self) -> String {
        let values: Vec<String> = (0..=self.columns.len()).map(|i| format!("value ->> {i}")).collect();
        format!(
            "INSERT INTO view_{} SELECT {} FROM json_each(?1) WHERE value ->> 0 IN (SELECT value FROM json_each(?2))",
            self.name,
            values.join(", ")
        )
    }

    fn mark_all(&self) -> String {
        format!(
            "INSERT INTO dirty (kind, key, generation)
             SELECT {kind}, key, ?1 FROM (SELECT DISTINCT {key} AS key FROM product UNION SELECT {key} FROM view_{name})
             WHERE true ON CONFLICT (kind, key) DO UPDATE SET generation = excluded.generation",
            kind = self.kind.code(),
            key = self.key,
            name = self.name
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
        let names: Vec<&str> = std::iter::once(self.key).chain(self.columns.iter().map(|c| c.0)).collect();
        (self.select(""), format!("SELECT json_array({}) FROM view_{}", names.join(", "), self.name))
    }

    /// Public name.
    #[cfg(test)]
    pub(super) fn name(&self) -> &'static str {
        self.name
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
        let definition = format!("{}; {}", view.create(), view.select(""));
        let known: Option<String> =
            sqlx::query_scalar(STATE).bind(view.name).fetch_optional(&mut *conn).await?;
        if known.as_deref() == Some(definition.as_str()) {
            continue;
        }
        let drop = format!("DROP TABLE IF EXISTS view_{}", view.name);
        sqlx::query(AssertSqlSafe(drop)).execute(&mut *conn).await?;
        sqlx::query(AssertSqlSafe(view.create())).execute(&mut *conn).await?;
        sqlx::query(SET_STATE).bind(view.name).bind(definition).execute(&mut *conn).await?;
    }
    Ok(())
}

/// How much of a view is computed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshMode {
    /// Groups that changed. Becomes `Full` for a view that was never built.
    Incremental,
    /// Every group.
    Full,
}

/// What a refresh did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshReport {
    /// Which view.
    pub view: String,
    /// How it was done, which may be more than was asked for.
    pub mode: RefreshMode,
    /// Groups computed again.
    pub keys: u64,
    /// Rows written.
    pub rows: u64,
    /// Time taken.
    pub elapsed: Duration,
}

/// One row of a view: column names and values.
pub type ViewRow = serde_json::Map<String, serde_json::Value>;

impl Catalog {
    /// Names of the summary views.
    pub fn views() -> impl Iterator<Item = &'static str> {
        VIEWS.iter().map(|view| view.name)
    }

    /// The view that a dirty kind belongs to, if any.
    pub fn view_of(kind: DirtyKind) -> Option<&'static str> {
        VIEWS.iter().find(|view| view.kind == kind).map(|view| view.name)
    }

    /// Brings a view up to date. Several may run at once; dropped half-way, the rest stays dirty.
    ///
    /// # Errors
    /// [`CatalogError::UnknownView`]; storage errors.
    pub async fn refresh_view(&self, name: &str, mode: RefreshMode) -> Result<RefreshReport> {
        let view = find(name)?;
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
        Ok(RefreshReport { view: view.name.to_owned(), mode, keys, rows, elapsed: started.elapsed() })
    }

    /// The first `limit` rows of a view, largest groups first.
    ///
    /// # Errors
    /// [`CatalogError::UnknownView`]; storage errors.
    pub async fn view_rows(&self, name: &str, limit: u32) -> Result<Vec<ViewRow>> {
        let view = find(name)?;
        let mut conn = self.read().await?;
        let query = sqlx::query_scalar(AssertSqlSafe(view.rows())).bind(limit);
        let rows: Vec<String> = query.fetch_all(&mut *conn).await.map_err(|e| self.error(&e))?;
        rows.iter()
            .map(|row| serde_json::from_str(row).map_err(|e| self.error(&sqlx::Error::Decode(e.into()))))
            .collect()
    }

    /// Marks every key that the products or the view have. From then on the view counts as built, since whatever is
    /// missing is dirty.
    async fn mark_view(&self, view: &View) -> Result<()> {
        let mut tx = self.write().await?;
        let mark = async {
            let generation = dirty::next_generation(&mut tx).await?;
            sqlx::query(AssertSqlSafe(view.mark_all())).bind(generation).execute(&mut *tx).await?;
            sqlx::query(SET_COMPLETE).bind(view.name).execute(&mut *tx).await
        };
        mark.await.map_err(|e| self.error(&e))?;
        self.commit(tx).await
    }

    /// Computes the rows of `chunk` on a reader, then swaps them in. Returns keys done and rows written.
    async fn refresh_keys(&self, view: &View, chunk: &[Dirty]) -> Result<(u64, u64)> {
        let keys: Vec<&str> = chunk.iter().map(|d| d.key.as_str()).collect();
        let keys = json(&keys).map_err(|e| self.error(&e))?;
        let computed: Vec<String> = {
            let mut conn = self.read().await?;
            let query = sqlx::query_scalar(AssertSqlSafe(view.select_keys())).bind(keys);
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
    view: &View,
    chunk: &[Dirty],
    computed: &[String],
) -> sqlx::Result<(u64, u64)> {
    let pairs = dirty::pairs_json(chunk.iter().map(|d| (d.key.as_str(), d.generation)));
    let query = sqlx::query_scalar(STILL).bind(view.kind.code()).bind(pairs.clone());
    let still: Vec<String> = query.fetch_all(&mut *conn).await?;
    let keys = json(&still)?;
    sqlx::query(AssertSqlSafe(view.delete())).bind(keys.clone()).execute(&mut *conn).await?;
    let rows = format!("[{}]", computed.join(","));
    let query = sqlx::query(AssertSqlSafe(view.insert())).bind(rows).bind(keys);
    let written = query.execute(&mut *conn).await?.rows_affected();
    sqlx::query(dirty::CLEAR).bind(view.kind.code()).bind(pairs).execute(&mut *conn).await?;
    Ok((still.len() as u64, written))
}

fn find(name: &str) -> Result<&'static View> {
    VIEWS.iter().find(|view| view.name == name).ok_or_else(|| CatalogError::UnknownView {
        name: name.to_owned(),
        known: Catalog::views().collect::<Vec<_>>().join(", "),
    })
}
