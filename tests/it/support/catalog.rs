//! What an import leaves in the catalog: the same rows whichever database keeps them.

use serde_json::Value;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, SqlSafeStr};
use std::path::Path;

/// Queries that both databases understand, but for what [`for_server`] translates.
const QUERIES: &[&str] = &[
    "SELECT json_array('product', sku, status, price_minor, category, brand, title, hex(core_hash),
        hex(part_hashes)) FROM product",
    "SELECT json_array('image', link, content_hash, manifest, error_code) FROM image",
    "SELECT json_array('shows', p.sku, position, i.link) FROM product_image
        JOIN product p ON p.id = product_id JOIN image i ON i.id = image_id",
    "SELECT json_array('dirty', kind, key) FROM dirty",
    "SELECT json_array('import', state, last_record, rows, created, updated, unchanged, rejected, skipped, warnings,
        missing) FROM import",
    "SELECT json_array('issue', severity, record, line, code, field) FROM import_issue",
];
/// The summaries that both keep.
const VIEWS: &[&str] = &["category", "brand", "price"];
const COLUMNS_IN_FILE: &str = "SELECT name FROM pragma_table_info($1) ORDER BY cid";
const COLUMNS_ON_SERVER: &str = "SELECT column_name::text FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position";

/// Of the catalog in this SQLite file.
pub async fn in_file(file: &Path) -> Vec<String> {
    let pool = open(file).await;
    let mut all = Vec::new();
    for query in QUERIES {
        let found: Vec<String> = sqlx::query_scalar(*query).fetch_all(&pool).await.expect("the query runs");
        all.extend(found);
    }
    for view in VIEWS {
        let columns: Vec<String> = sqlx::query_scalar(COLUMNS_IN_FILE)
            .bind(format!("view_{view}"))
            .fetch_all(&pool)
            .await
            .expect("columns");
        let sql = AssertSqlSafe(rows_of(view, &columns)).into_sql_str();
        let found: Vec<String> =
            sqlx::query_scalar(sql).fetch_all(&pool).await.expect("the view can be read");
        all.extend(found);
    }
    pool.close().await;
    sorted(all)
}

/// Of the catalog in the schema that this URL leads to.
pub async fn on_server(url: &str) -> Vec<String> {
    let pool = PgPoolOptions::new().max_connections(1).connect(url).await.expect("the server answers");
    let mut all = Vec::new();
    for query in QUERIES {
        let sql = AssertSqlSafe(for_server(query)).into_sql_str();
        let found: Vec<String> = sqlx::query_scalar(sql).fetch_all(&pool).await.expect("the query runs");
        all.extend(found);
    }
    for view in VIEWS {
        let columns: Vec<String> = sqlx::query_scalar(COLUMNS_ON_SERVER)
            .bind(format!("view_{view}"))
            .fetch_all(&pool)
            .await
            .expect("columns");
        let sql = AssertSqlSafe(for_server(&rows_of(view, &columns))).into_sql_str();
        let found: Vec<String> =
            sqlx::query_scalar(sql).fetch_all(&pool).await.expect("the view can be read");
        all.extend(found);
    }
    pool.close().await;
    sorted(all)
}

/// An SQLite file, to be read only.
pub async fn open(file: &Path) -> sqlx::SqlitePool {
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    SqlitePoolOptions::new().max_connections(1).connect_with(options).await.expect("the file opens")
}

fn rows_of(view: &str, columns: &[String]) -> String {
    format!("SELECT json_array('{view}', {}) FROM view_{view}", columns.join(", "))
}

fn for_server(query: &str) -> String {
    // The array's closing parenthesis is the last one before the first FROM.
    let (select, from) = query.split_once(") FROM").expect("a query of one array");
    let mut select = select.replace("json_array(", "json_build_array(");
    for column in ["core_hash", "part_hashes"] {
        select = select.replace(&format!("hex({column})"), &format!("upper(encode({column}, 'hex'))"));
    }
    format!("{select})::text FROM{from}")
}

/// In one order and one way of writing JSON.
fn sorted(rows: Vec<String>) -> Vec<String> {
    let same = |row: String| serde_json::from_str::<Value>(&row).expect("an array").to_string();
    let mut rows: Vec<String> = rows.into_iter().map(same).collect();
    rows.sort_unstable();
    rows
}
