//! Every statement is prepared against the real schema, and none of them reads a table from end to end that grows
//! with history.

use super::{SqliteOptions, SqliteStore};
use crate::sql::statements;
use sqlx::{AssertSqlSafe, Row};

#[tokio::test]
async fn no_statement_reads_history_from_end_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("queue.db"), SqliteOptions::default()).await.unwrap();
    let mut conn = store.engine.writer.acquire().await.unwrap();
    for statement in statements::all() {
        let statement = statement.sqlite();
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let rows = sqlx::query(explain).fetch_all(&mut *conn).await.unwrap_or_else(|error| {
            panic!("{statement}\n{error}");
        });
        for row in rows {
            let step = row.try_get_unchecked::<&str, _>(3).unwrap();
            let live =
                ["job_available", "job_waiting", "job_running", "job_stale", "job_dead", "job_cancelled"];
            let bounded = live.iter().any(|index| step.contains(index)) || statement.contains("LIMIT ?1");
            let whole = ["SCAN job", "SCAN j", "SCAN payload", "SCAN hold", "SCAN once_more"]
                .iter()
                .any(|scan| step == *scan || step.starts_with(&format!("{scan} ")));
            assert!(!whole || bounded, "{statement}\n{step}");
        }
    }
}
