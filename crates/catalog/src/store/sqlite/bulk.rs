//! Multi-row inserts: a few statement sizes, so that every one is prepared once and no row costs a round trip.

use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection};

/// Rows a statement, largest first; the last is 1, so that every count can be composed.
const SIZES: [usize; 4] = [256, 64, 8, 1];

/// A query that is being given its values.
pub(super) type Binding = Query<'static, Sqlite, SqliteArguments>;

/// An `INSERT` in two constant halves; the value groups are put between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct BulkInsert {
    /// `INSERT INTO t (a, b) VALUES`.
    pub(super) head: &'static str,
    /// Columns, that is values a row.
    pub(super) columns: usize,
    /// `ON CONFLICT …` or empty.
    pub(super) tail: &'static str,
}

impl BulkInsert {
    /// The statement for `rows` rows.
    pub(super) fn sql(&self, rows: usize) -> String {
        let group = format!("({})", vec!["?"; self.columns].join(","));
        format!("{} {} {}", self.head, vec![group; rows].join(","), self.tail)
    }

    /// Inserts `rows` in order; `bind` adds exactly `columns` values, moved out of the row where they are texts.
    pub(super) async fn run<T>(
        &self,
        conn: &mut SqliteConnection,
        rows: Vec<T>,
        bind: impl Fn(Binding, T) -> Binding,
    ) -> sqlx::Result<()> {
        let mut rows = rows.into_iter();
        for size in SIZES {
            if rows.len() < size {
                continue;
            }
            let sql: std::sync::Arc<str> = self.sql(size).into();
            while rows.len() >= size {
                let query = rows.by_ref().take(size).fold(sqlx::query(AssertSqlSafe(sql.clone())), &bind);
                query.execute(&mut *conn).await?;
            }
        }
        Ok(())
    }
}
