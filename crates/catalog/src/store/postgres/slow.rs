//! Statements that take long: logged with the time they took and, where that is wanted, with their plan.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::{AssertSqlSafe, PgPool, SqlStr};

/// Characters of a statement that are logged.
const SHOWN: usize = 300;
/// Plans that a process asks for: one a statement, and of so many statements.
const MOST_PLANS: usize = 100;
/// What `PREPARE` takes, by its first word.
const PLANNED: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];
/// How long asking for a plan may take: it only reads, but the server may be busy, that is why it is asked.
const PATIENCE: Duration = Duration::from_secs(10);

/// Logs statements that take longer than its limit. Values are never logged.
#[derive(Debug)]
pub(super) struct Slow {
    limit: Duration,
    /// Where plans are asked for.
    plans: Option<PgPool>,
    known: Mutex<HashSet<String>>,
}

impl Slow {
    /// `plans`: connections to ask for plans on; none: they are not asked for.
    pub(super) fn new(limit: Duration, plans: Option<PgPool>) -> Self {
        Self { limit, plans, known: Mutex::default() }
    }

    /// Told of every statement. Returns at once; the plan follows in a log line of its own.
    pub(super) fn note(&self, sql: &SqlStr, parameters: usize, took: Duration) {
        if took <= self.limit {
            return;
        }
        let statement = one_line(sql.as_str());
        let shown: String = statement.chars().take(SHOWN).collect();
        tracing::warn!(elapsed_ms = took.as_millis() as u64, statement = shown, "slow statement");
        let (Some(pool), true) = (&self.plans, is_planned(&statement)) else { return };
        if self.is_new(&statement) {
            let pool = pool.clone();
            tokio::spawn(async move {
                match tokio::time::timeout(PATIENCE, plan(&pool, &statement, parameters)).await {
                    Ok(Ok(plan)) => tracing::warn!(statement = shown, plan, "plan of a slow statement"),
                    Ok(Err(error)) => tracing::debug!(statement = shown, %error, "no plan"),
                    Err(_) => tracing::debug!(statement = shown, "no plan in time"),
                }
            });
        }
    }

    /// Whether its plan was not asked for before.
    fn is_new(&self, statement: &str) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.len() < MOST_PLANS && known.insert(statement.to_owned())
    }
}

fn is_planned(statement: &str) -> bool {
    let first = statement.split(' ').next().unwrap_or_default();
    PLANNED.contains(&first)
}

fn one_line(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The plan that the server makes when it does not look at the values, as it does for statements that it has prepared.
/// Nothing is executed.
async fn plan(pool: &PgPool, statement: &str, parameters: usize) -> sqlx::Result<String> {
    let nulls = vec!["NULL"; parameters].join(", ");
    let nulls = if parameters == 0 { String::new() } else { format!("({nulls})") };
    let mut conn = pool.acquire().await?;
    // What is prepared and begun here ends with the connection.
    conn.close_on_drop();
    let prepare = format!(
        "BEGIN READ ONLY; SET LOCAL plan_cache_mode = force_generic_plan; PREPARE backstock_slow AS {statement}"
    );
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *conn).await?;
    let explain = AssertSqlSafe(format!("EXPLAIN EXECUTE backstock_slow{nulls}"));
    let lines: Vec<String> = sqlx::query_scalar(explain).persistent(false).fetch_all(&mut *conn).await?;
    Ok(lines.join(" | "))
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::Arc;

    use backstock_testbed::SharedPostgres;
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;
    use crate::store::{Catalog, PostgresOptions};

    /// What was logged so far.
    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<u8>>>);

    impl Heard {
        fn lines(&self) -> Vec<String> {
            let bytes = self.0.lock().unwrap();
            String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
        }

        fn count(&self, parts: &[&str]) -> usize {
            self.lines().iter().filter(|line| parts.iter().all(|part| line.contains(part))).count()
        }
    }

    impl Write for Heard {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Heard {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    async fn listened(slow_statement: Duration, slow_plans: bool) -> (Catalog, Heard, impl Drop) {
        let url = SharedPostgres::get().unwrap().new_database().unwrap();
        let options = PostgresOptions { slow_statement, slow_plans, ..PostgresOptions::new(url) };
        let catalog = Catalog::connect(&options).await.unwrap();
        let heard = Heard::default();
        let logger = tracing_subscriber::fmt().with_ansi(false).with_writer(heard.clone()).finish();
        (catalog, heard, tracing::subscriber::set_default(logger))
    }

    #[tokio::test]
    async fn a_slow_statement_is_logged_without_its_values_and_its_plan_once() {
        let (catalog, heard, _guard) = listened(Duration::ZERO, true).await;
        for _ in 0..3 {
            catalog.find("s3cret lamp", 5).await.unwrap();
        }
        let words = "plainto_tsquery('simple', $1)";
        while heard.count(&["plan of a slow statement", words]) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(heard.count(&["slow statement", "elapsed_ms=", words]), 3);
        assert!(heard.count(&["plan of a slow statement", words, "view_product", "cost="]) == 1);
        assert_eq!(heard.count(&["s3cret"]), 0);
        catalog.find("again", 5).await.unwrap();
        catalog.count().await.unwrap();
        while heard.count(&["plan of a slow statement", "count(*)"]) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(heard.count(&["plan of a slow statement", words]), 1, "{:?}", heard.lines());
    }

    #[tokio::test]
    async fn quick_statements_are_not_logged_and_plans_only_where_they_are_wanted() {
        let (catalog, heard, guard) = listened(Duration::from_hours(1), true).await;
        catalog.find("lamp", 5).await.unwrap();
        assert!(heard.lines().is_empty(), "{:?}", heard.lines());
        drop(guard);
        let (catalog, heard, _guard) = listened(Duration::ZERO, false).await;
        for _ in 0..20 {
            catalog.find("lamp", 5).await.unwrap();
        }
        assert!(heard.count(&["slow statement"]) >= 20);
        assert_eq!(heard.count(&["plan of"]), 0);
    }

    #[test]
    fn only_statements_that_have_a_plan_are_asked_about() {
        assert!(is_planned("SELECT 1") && is_planned("WITH a AS (SELECT 1) DELETE FROM b"));
        assert!(
            !is_planned("REFRESH MATERIALIZED VIEW a") && !is_planned("BEGIN; SELECT 1") && !is_planned("")
        );
    }
}
