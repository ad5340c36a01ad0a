//! `backstock` itself with its catalog on PostgreSQL.

mod refusals;
mod same;
mod views;

use crate::support::Shop;
use backstock_testbed::SharedPostgres;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

const URL: &str = "BACKSTOCK__CATALOG__URL";

/// An empty database of its own.
pub fn database() -> String {
    SharedPostgres::get().expect("PostgreSQL is installed").new_database().expect("a database")
}

/// A shop on the catalog at `url`.
pub fn on(url: &str) -> Shop {
    crate::crash::new_shop().with(URL, url)
}

/// Runs statements as an operator would with `psql`.
pub async fn execute(url: &str, sql: &str) {
    let mut conn = PgConnection::connect(url).await.expect("the server answers");
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await.expect("the statements run");
    conn.close().await.expect("the connection closes");
}
