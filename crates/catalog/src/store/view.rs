//! Summary views: one `GROUP BY` over the products each, kept as a table and refreshed by dirty keys.
//!
//! A view is one entry in [`VIEWS`]; each store makes its table and its refresh from that entry, in SQL that both
//! engines understand.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::dirty::DirtyKind;
use super::error::{CatalogError, Result};

/// One summary: `name` and `key` are identifiers of this file, never input.
#[derive(Debug)]
pub(super) struct View {
    /// Public name; the table is `view_<name>`.
    pub(super) name: &'static str,
    /// Column of `product` by which rows are found again; also the first column of the view.
    pub(super) key: &'static str,
    pub(super) kind: DirtyKind,
    /// Further columns: name, declared type, expression.
    pub(super) columns: &'static [(&'static str, &'static str, &'static str)],
    /// Columns besides the key that make a row of the view.
    pub(super) group: &'static [&'static str],
}

const MEASURES: [(&str, &str, &str); 5] = [
    ("products", "bigint NOT NULL", "count(*)"),
    ("in_stock", "bigint NOT NULL", "count(*) FILTER (WHERE availability = 0)"),
    ("units", "bigint NOT NULL", "sum(coalesce(stock, 0))"),
    ("min_minor", "bigint", "min(coalesce(sale_minor, price_minor))"),
    ("max_minor", "bigint", "max(coalesce(sale_minor, price_minor))"),
];
const CURRENCY: (&str, &str, &str) = ("currency", "text NOT NULL", "currency");
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
    /// The view of this name.
    pub(super) fn find(name: &str) -> Result<&'static Self> {
        VIEWS.iter().find(|view| view.name == name).ok_or_else(|| CatalogError::UnknownView {
            name: name.to_owned(),
            known: VIEWS.iter().map(|view| view.name).collect::<Vec<_>>().join(", "),
        })
    }

    /// Names of the columns, the key first.
    pub(super) fn column_names(&self) -> Vec<&'static str> {
        std::iter::once(self.key).chain(self.columns.iter().map(|(name, _, _)| *name)).collect()
    }

    /// Columns that make a row, the key first.
    pub(super) fn grouping(&self) -> String {
        let group: Vec<&str> = std::iter::once(self.key).chain(self.group.iter().copied()).collect();
        group.join(", ")
    }

    /// The expressions behind the key, named as their columns, in the order of [`Self::column_names`].
    pub(super) fn expressions(&self) -> String {
        let columns: Vec<String> =
            self.columns.iter().map(|(name, _, expression)| format!("{expression} AS {name}")).collect();
        columns.join(", ")
    }

    /// Declarations of the columns behind the key.
    pub(super) fn declarations(&self) -> String {
        let columns: Vec<String> =
            self.columns.iter().map(|(name, kind, _)| format!("{name} {kind}")).collect();
        columns.join(", ")
    }
}

/// How much of a view is computed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshMode {
    /// What changed. Becomes `Full` for a view that was never built; a materialized view is refreshed when it is stale.
    Incremental,
    /// Everything, whether it is stale or not.
    Full,
}

/// How a view is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewKind {
    /// A table that holds the rows of a query; only what changed is computed again.
    Summary,
    /// A materialized view of PostgreSQL, ours or the operator's.
    Materialized,
}

/// Why a materialized view is not refreshed beside its readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlainReason {
    /// It holds no rows yet, so nobody can read it anyway.
    NotPopulated,
    /// It has no unique index over plain columns; give it one.
    NoUniqueKey,
}

/// What a refresh came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refreshed {
    /// Changed groups or products were computed again.
    Keys,
    /// The view was computed again beside its readers.
    Concurrently,
    /// The view was computed again while nobody could read it.
    Plain(PlainReason),
    /// Nothing that it reads has changed.
    Fresh,
    /// It is stale, but was refreshed so lately that its turn is yet to come.
    NotDue,
    /// Somebody else refreshes it right now.
    Busy,
}

/// What a refresh did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshReport {
    /// Which view.
    pub view: String,
    /// How it was done, which may be more than was asked for.
    pub mode: RefreshMode,
    /// What it came to.
    pub done: Refreshed,
    /// Groups or products computed again; 0 of a materialized view.
    pub keys: u64,
    /// Rows written; 0 of a materialized view.
    pub rows: u64,
    /// Time taken.
    pub elapsed: Duration,
}

impl RefreshReport {
    /// Whether anything was computed.
    pub fn worked(&self) -> bool {
        match self.done {
            Refreshed::Keys => self.keys > 0,
            Refreshed::Concurrently | Refreshed::Plain(_) => true,
            Refreshed::Fresh | Refreshed::NotDue | Refreshed::Busy => false,
        }
    }

    /// A report of a view of which nothing was computed.
    pub(super) fn idle(view: &str, mode: RefreshMode, done: Refreshed) -> Self {
        Self { view: view.to_owned(), mode, done, keys: 0, rows: 0, elapsed: Duration::ZERO }
    }
}

/// What is known of a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewInfo {
    /// Name, with its schema where that is not the catalog's.
    pub name: String,
    /// How it is kept.
    pub kind: ViewKind,
    /// 0 reads only tables; a view reads views of lower levels only.
    pub level: u32,
    /// Why a refresh would shut readers out, if it would.
    pub plain_because: Option<PlainReason>,
    /// Whether something that it reads has changed since its last refresh.
    pub stale: bool,
    /// Whether the database user may refresh it.
    pub allowed: bool,
    /// Smoothed cost of a refresh in milliseconds; of a materialized view that was refreshed before.
    pub cost_ms: Option<u64>,
    /// When its last refresh ended, in milliseconds since the Unix epoch.
    pub finished_ms: Option<i64>,
    /// From when on it is refreshed again if stale, in milliseconds since the Unix epoch.
    pub next_due_ms: Option<i64>,
    /// Why its last refresh failed.
    pub last_error: Option<String>,
}

impl ViewInfo {
    /// A summary table.
    pub(super) fn summary(name: &str, stale: bool) -> Self {
        Self {
            name: name.to_owned(),
            kind: ViewKind::Summary,
            level: 0,
            plain_because: None,
            stale,
            allowed: true,
            cost_ms: None,
            finished_ms: None,
            next_due_ms: None,
            last_error: None,
        }
    }
}

/// One row of a view: column names and values.
pub type ViewRow = serde_json::Map<String, serde_json::Value>;
