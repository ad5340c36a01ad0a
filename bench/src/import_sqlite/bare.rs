//! The yardstick: what one writes in an hour. A CSV reader and multi-row upserts with the catalog's settings of
//! SQLite; no validation, no hashes, no images, no follow-up work, no checkpoint, no report.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};

const TABLE: &str = "CREATE TABLE product (
    id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, gtin TEXT, title TEXT NOT NULL, description TEXT, brand TEXT,
    category TEXT, price REAL, currency TEXT, availability TEXT, stock INTEGER, weight_g INTEGER, image_link TEXT,
    attributes TEXT)";
const INDEXES: [&str; 2] =
    ["CREATE INDEX by_category ON product (category)", "CREATE INDEX by_brand ON product (brand)"];
const HEAD: &str = "INSERT INTO product (sku, gtin, title, description, brand, category, price, currency,
    availability, stock, weight_g, image_link, attributes) VALUES ";
const TAIL: &str = " ON CONFLICT (sku) DO UPDATE SET gtin = excluded.gtin, title = excluded.title,
    description = excluded.description, brand = excluded.brand, category = excluded.category,
    price = excluded.price, currency = excluded.currency, availability = excluded.availability,
    stock = excluded.stock, weight_g = excluded.weight_g, image_link = excluded.image_link,
    attributes = excluded.attributes";
const COLUMNS: usize = 13;
/// Rows a statement and rows a transaction, as in the catalog.
const STATEMENT_ROWS: usize = 256;
const TRANSACTION_ROWS: usize = 5_000;

/// Imports `csv` into a new file at `database`; returns the rows in it.
pub async fn import(csv: &Path, database: &Path) -> anyhow::Result<usize> {
    let mut conn = create(database).await?;
    let full: Arc<str> = statement(STATEMENT_ROWS).into();
    let mut reader = csv::Reader::from_path(csv).context("the made-up delivery")?;
    let mut records = reader.records();
    loop {
        let rows: Vec<csv::StringRecord> =
            records.by_ref().take(TRANSACTION_ROWS).collect::<Result<_, _>>()?;
        if rows.is_empty() {
            break;
        }
        let mut tx = conn.begin().await?;
        for chunk in rows.chunks(STATEMENT_ROWS) {
            let sql =
                if chunk.len() == STATEMENT_ROWS { full.clone() } else { statement(chunk.len()).into() };
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for cell in chunk.iter().flatten() {
                query = query.bind(cell.to_owned());
            }
            query.execute(&mut *tx).await?;
        }
        tx.commit().await?;
    }
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM product").fetch_one(&mut conn).await?;
    conn.close().await?;
    Ok(usize::try_from(count)?)
}

async fn create(path: &Path) -> anyhow::Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .pragma("cache_size", "-16000")
        .pragma("wal_autocheckpoint", "4000")
        .disable_statement_logging();
    let mut conn = options.connect().await.context("creating the yardstick's file")?;
    sqlx::query(TABLE).execute(&mut conn).await?;
    for index in INDEXES {
        sqlx::query(index).execute(&mut conn).await?;
    }
    Ok(conn)
}

fn statement(rows: usize) -> String {
    let group = format!("({})", vec!["?"; COLUMNS].join(","));
    format!("{HEAD}{}{TAIL}", vec![group; rows].join(","))
}
