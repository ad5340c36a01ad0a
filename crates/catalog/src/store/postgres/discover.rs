//! The materialized views of a database, found in its system catalog: ours, and the operator's own in the same schema or
//! over our tables. A view whose comment holds `backstock: skip` is left alone.

use std::time::Duration;

use sqlx::Row;

use super::conn::Conn;
use crate::store::refresh::{self, Run};
use crate::store::view::{PlainReason, ViewInfo, ViewKind};

/// What each view reads: other materialized views, and tables (through any number of plain views). The catalog numbers
/// the changes of its own tables exactly; of other tables the server counts the rows written, with up to a second's delay.
const DISCOVER: &str = "WITH RECURSIVE edge AS (
        SELECT DISTINCT r.ev_class AS view, d.refobjid AS target, t.relkind AS kind
        FROM pg_rewrite r
        JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
            AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
        JOIN pg_class t ON t.oid = d.refobjid AND t.relkind IN ('r', 'p', 'f', 'v', 'm')),
    reach AS (
        SELECT e.view, e.target, e.kind FROM edge e JOIN pg_class v ON v.oid = e.view AND v.relkind = 'm'
        UNION
        SELECT r.view, e.target, e.kind FROM reach r JOIN edge e ON e.view = r.target AND r.kind = 'v'),
    near AS (SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace),
    numbered AS (SELECT to_regclass(name)::oid AS oid FROM (VALUES ('product'), ('popularity'), ('product_image'),
        ('image')) AS own(name))
    SELECT c.oid::bigint,
        CASE WHEN n.nspname = current_schema() THEN c.relname::text ELSE n.nspname || '.' || c.relname END,
        format('%I.%I', n.nspname, c.relname), c.relispopulated,
        EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
            AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL),
        pg_has_role(c.relowner, 'USAGE'),
        ARRAY(SELECT r.target::bigint FROM reach r WHERE r.view = c.oid AND r.kind = 'm' ORDER BY 1),
        coalesce((SELECT sum(coalesce(pg_stat_get_tuples_inserted(r.target), 0)
                + coalesce(pg_stat_get_tuples_updated(r.target), 0) + coalesce(pg_stat_get_tuples_deleted(r.target), 0))
            FROM reach r WHERE r.view = c.oid AND r.kind IN ('r', 'p', 'f')
                AND r.target NOT IN (SELECT oid FROM numbered)), 0)::bigint
        + CASE WHEN EXISTS (SELECT 1 FROM reach r WHERE r.view = c.oid AND r.target IN (SELECT oid FROM numbered))
            THEN (SELECT sum(value)::bigint FROM meta WHERE name IN ('generation', 'change')) ELSE 0 END,
        u.mark, u.cost_ms, u.finished_ms, u.failures, u.last_error
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN view_run u ON u.view = format('%I.%I', n.nspname, c.relname)
    WHERE c.relkind = 'm' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        AND (n.nspname = current_schema()
            OR EXISTS (SELECT 1 FROM reach r WHERE r.view = c.oid AND r.target IN (SELECT oid FROM near)))
        AND coalesce(obj_description(c.oid, 'pg_class'), '') NOT LIKE '%backstock: skip%'
    ORDER BY 2";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[DISCOVER];

/// A materialized view.
#[derive(Clone, Debug)]
pub(super) struct Found {
    oid: i64,
    /// For people.
    pub(super) name: String,
    /// For SQL: schema and name, quoted where they have to be. Made by the server.
    pub(super) identifier: String,
    /// Why it cannot be refreshed beside its readers.
    pub(super) plain_because: Option<PlainReason>,
    /// Whether we may refresh it.
    pub(super) allowed: bool,
    /// The views that it reads.
    reads: Vec<i64>,
    /// State of what it reads now.
    pub(super) mark: i64,
    /// Its last refresh.
    pub(super) run: Option<Run>,
    /// See [`refresh::levels`].
    pub(super) level: u32,
}

impl Found {
    /// Whether what it reads has changed since its last refresh began.
    pub(super) fn is_stale(&self) -> bool {
        self.plain_because == Some(PlainReason::NotPopulated)
            || self.run.as_ref().is_none_or(|run| run.mark != self.mark || run.failures > 0)
    }

    /// Whether it reads that view, itself or through others.
    pub(super) fn reads_from(&self, other: &Self, all: &[Self]) -> bool {
        self.reads.contains(&other.oid)
            || all.iter().any(|view| self.reads.contains(&view.oid) && view.reads_from(other, all))
    }

    /// What people are shown.
    pub(super) fn info(&self) -> ViewInfo {
        let run = self.run.as_ref();
        ViewInfo {
            name: self.name.clone(),
            kind: ViewKind::Materialized,
            level: self.level,
            plain_because: self.plain_because,
            stale: self.is_stale(),
            allowed: self.allowed,
            cost_ms: run.map(|run| run.cost.as_millis() as u64),
            finished_ms: run.map(|run| run.finished_ms),
            next_due_ms: run.map(refresh::next_due_ms),
            last_error: run.and_then(|run| run.last_error.clone()),
        }
    }
}

/// All of them, lower levels first.
pub(super) async fn discover(conn: &mut Conn) -> sqlx::Result<Vec<Found>> {
    let rows = sqlx::query(DISCOVER).fetch_all(conn).await?;
    let mut found = rows.iter().map(decode).collect::<sqlx::Result<Vec<Found>>>()?;
    let oids: Vec<i64> = found.iter().map(|view| view.oid).collect();
    let reads =
        |oid: i64| found.iter().find(|view| view.oid == oid).map_or(Vec::new(), |view| view.reads.clone());
    let levels = refresh::levels(&oids, reads);
    for (view, level) in found.iter_mut().zip(levels) {
        view.level = level;
    }
    found.sort_by_key(|view| view.level);
    add_marks_of_views(&mut found);
    Ok(found)
}

fn decode(row: &sqlx::postgres::PgRow) -> sqlx::Result<Found> {
    let (populated, unique): (bool, bool) = (row.try_get(3)?, row.try_get(4)?);
    let run = match row.try_get::<Option<i64>, _>(8)? {
        None => None,
        Some(mark) => Some(Run {
            mark,
            cost: Duration::from_secs_f64(row.try_get::<f64, _>(9)?.max(0.0) / 1000.0),
            finished_ms: row.try_get(10)?,
            failures: row.try_get::<i32, _>(11)?.unsigned_abs(),
            last_error: row.try_get(12)?,
        }),
    };
    Ok(Found {
        oid: row.try_get(0)?,
        name: row.try_get(1)?,
        identifier: row.try_get(2)?,
        plain_because: match (populated, unique) {
            (false, _) => Some(PlainReason::NotPopulated),
            (true, false) => Some(PlainReason::NoUniqueKey),
            (true, true) => None,
        },
        allowed: row.try_get(5)?,
        reads: row.try_get(6)?,
        mark: row.try_get(7)?,
        run,
        level: 0,
    })
}

/// A view that reads another is stale when that one was refreshed: so the mark at which the other was refreshed is part
/// of its own. `found` has lower levels first.
fn add_marks_of_views(found: &mut [Found]) {
    for at in 0..found.len() {
        let below: i64 = found[..at]
            .iter()
            .filter(|view| found[at].reads.contains(&view.oid))
            .map(|view| view.run.as_ref().map_or(0, |run| run.mark))
            .fold(0, i64::wrapping_add);
        found[at].mark = found[at].mark.wrapping_add(below);
    }
}
