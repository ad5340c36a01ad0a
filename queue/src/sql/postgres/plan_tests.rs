//! Every statement is prepared against the real schema, and none of them reads a table from end to end that grows with
//! history.

use super::testing::Schema;
use crate::{ManualClock, conformance::lab, sql::statements};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use std::sync::Arc;

#[tokio::test]
async fn no_statement_reads_history_from_end_to_end() {
    let schema = Schema::new(&Arc::new(ManualClock::new(lab::START)));
    let store = schema.open().await;
    let mut conn = store.engine.pool.acquire().await.unwrap();
    sqlx::raw_sql("SET plan_cache_mode = force_generic_plan").execute(&mut *conn).await.unwrap();
    for statement in statements::all() {
        let statement = statement.postgres();
        for step in plan(&mut conn, &statement).await {
            let whole = ["job", "payload", "hold", "once_more"].iter().any(|table| {
                step.contains(&format!("Seq Scan on {table} "))
                    || step.ends_with(&format!("Seq Scan on {table}"))
            });
            assert!(!whole, "{statement}\n{step}");
        }
    }
}

/// The plan that is made without a look at the parameters, as one that is kept.
async fn plan(conn: &mut PgConnection, statement: &str) -> Vec<String> {
    let named = |number: &i32| statement.contains(&format!("${number}"));
    let parameters: Vec<i32> = (1..=9_999).take_while(named).collect();
    // What the store sends comes with types; without, some cannot be told.
    let type_of = |number: &i32| match number {
        list if statement.contains(&format!("json_each(${list})")) => "text",
        ids if statement.contains(&format!("substr(${ids},")) => "bytea",
        _ => "bigint",
    };
    let types = parameters.iter().map(type_of);
    let types = types.collect::<Vec<_>>().join(", ");
    let prepare = |types: &str| AssertSqlSafe(format!("PREPARE looked_at{types} AS {statement}"));
    if sqlx::raw_sql(prepare("")).execute(&mut *conn).await.is_err() {
        let prepared = sqlx::raw_sql(prepare(&format!(" ({types})"))).execute(&mut *conn).await;
        prepared.unwrap_or_else(|error| panic!("{statement}\n{error}"));
    }
    let parameters = parameters.len();
    let nothing = vec!["NULL"; parameters].join(", ");
    let nothing = if parameters == 0 { nothing } else { format!("({nothing})") };
    let explain = AssertSqlSafe(format!("EXPLAIN EXECUTE looked_at{nothing}"));
    let steps = sqlx::raw_sql(explain).fetch_all(&mut *conn).await;
    let steps = steps.unwrap_or_else(|error| panic!("{statement}\n{error}"));
    sqlx::raw_sql("DEALLOCATE looked_at").execute(conn).await.unwrap();
    steps.iter().map(|row| row.get(0)).collect()
}
