//! Requests counted from a table of the database, without leaving it.

use std::time::Duration;

use sqlx::{AssertSqlSafe, SqlSafeStr};

use super::open::PostgresCatalog;
use super::{popular, products};
use crate::store::error::{CatalogError, Result};
use crate::store::popularity::{CountOutcome, TableRequests};

/// Years of orders are looked through the first time.
const LIMIT: &str = "SET LOCAL statement_timeout = '15min'";
const LIMIT_TIME: Duration = Duration::from_mins(16);
const UP_TO: &str = "SELECT counted_ms FROM popularity_source WHERE id = $1";
const NOTE: &str =
    "INSERT INTO popularity_source (id, name, counted_ms, products, requests) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (id) DO UPDATE SET counted_ms = excluded.counted_ms, products = excluded.products,
    requests = popularity_source.requests + excluded.requests";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[UP_TO, NOTE];

/// A name for SQL, whatever it contains.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Counts rows with a time above `$1` and up to `$2` (milliseconds); their ages count from `$2` with the half-life `$3`
/// in milliseconds, the result is multiplied by `$4`, and `$5` is the number of the change. Nobody is asked so often, or
/// so long ago, that a number would end its type.
fn statement(table: &TableRequests) -> String {
    let from: Vec<String> = table.table.splitn(2, '.').map(quoted).collect();
    let (from, sku, time) = (from.join("."), quoted(&table.sku_column), quoted(&table.time_column));
    let number = table
        .count_column
        .as_ref()
        .map_or("1".to_owned(), |count| format!("least(greatest(t.{}, 0), 1000000000000)", quoted(count)));
    format!(
        "WITH asked AS (
            SELECT btrim(t.{sku}::text) AS sku, least(sum({number})::numeric, 1000000000000000)::bigint AS score,
                sum({number}::float8 * power(2::float8, greatest(-500::float8,
                    (extract(epoch FROM t.{time}::timestamptz)::float8 * 1000 - $2::float8) / $3))) AS weight
            FROM {from} t
            WHERE t.{time} > to_timestamp($1::float8 / 1000) AND t.{time} <= to_timestamp($2::float8 / 1000)
            GROUP BY 1
            HAVING sum({number}) > 0 AND length(btrim(t.{sku}::text)) BETWEEN 1 AND 64
        ), added AS (
            INSERT INTO popularity (sku, score, weight, changed_gen)
            SELECT sku, score, weight * $4, $5 FROM asked ORDER BY sku
            ON CONFLICT (sku) DO UPDATE SET score = popularity.score + excluded.score,
            weight = popularity.weight + excluded.weight, changed_gen = excluded.changed_gen
        )
        SELECT count(*), coalesce(sum(a.score), 0)::bigint, count(*) FILTER (WHERE p.sku IS NULL)
        FROM asked a LEFT JOIN product p ON p.sku = a.sku"
    )
}

impl PostgresCatalog {
    pub(crate) async fn count_table(&self, table: &TableRequests, now_ms: i64) -> Result<CountOutcome> {
        let settle_ms = i64::try_from(table.settle.as_millis()).unwrap_or(i64::MAX);
        let until_ms = now_ms.saturating_sub(settle_ms);
        let id = format!("table {}", table.table);
        let mut tx = self.bounded(self.importing()).await?;
        let counting = async {
            sqlx::raw_sql(LIMIT).execute(&mut *tx).await?;
            let before: Option<i64> = sqlx::query_scalar(UP_TO).bind(&id).fetch_optional(&mut *tx).await?;
            if before.is_some_and(|before| before >= until_ms) {
                return Ok(CountOutcome { repeated: true, ..CountOutcome::default() });
            }
            let step = popular::rescale(&mut tx, until_ms, table.half_life).await?;
            let change = products::next_change(&mut tx).await?;
            let count = sqlx::query_as::<_, (i64, i64, i64)>(AssertSqlSafe(statement(table)).into_sql_str())
                .bind(before.unwrap_or(0) as f64)
                .bind(until_ms as f64)
                .bind(table.half_life.as_secs_f64().max(1.0) * 1000.0)
                .bind(step.new)
                .bind(change);
            let (products, requests, unknown) = count.fetch_one(&mut *tx).await?;
            let note = sqlx::query(NOTE).bind(&id).bind(&table.table).bind(until_ms);
            note.bind(products).bind(requests).execute(&mut *tx).await?;
            let [products, requests, unknown] = [products, requests, unknown].map(i64::unsigned_abs);
            Ok(CountOutcome { repeated: false, products, unknown, requests })
        };
        let counted = tokio::time::timeout(LIMIT_TIME, counting).await;
        let counted = counted.map_err(|_| CatalogError::Slow {
            at: self.server.at.clone(),
            reason: format!("requests of {} were not counted within 16 minutes", table.table),
        })?;
        let outcome = counted.map_err(|error| self.counting_error(table, &error))?;
        self.bounded(self.commit(tx)).await?;
        Ok(outcome)
    }

    /// What is wrong with the table is the operator's to mend.
    fn counting_error(&self, table: &TableRequests, error: &sqlx::Error) -> CatalogError {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        let of_table = code.as_deref().is_some_and(|code| code.starts_with("42") || code.starts_with("22"));
        if of_table {
            let reason =
                error.as_database_error().map_or_else(String::new, |error| error.message().to_owned());
            return CatalogError::Requests { table: table.table.clone(), reason };
        }
        self.error(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_quotation_marks() {
        let table = TableRequests {
            table: "shop.or\"ders; DROP TABLE product".into(),
            sku_column: "s\"ku".into(),
            count_column: None,
            time_column: "at".into(),
            settle: Duration::ZERO,
            half_life: Duration::from_hours(24),
        };
        let sql = statement(&table);
        assert!(sql.contains("FROM \"shop\".\"or\"\"ders; DROP TABLE product\" t"), "{sql}");
        assert!(sql.contains("t.\"s\"\"ku\"::text"), "{sql}");
    }
}
