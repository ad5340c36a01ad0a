//! The yardstick: the same products written by multi-row upserts and nothing else.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use backstock_catalog::Product;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};

const TABLE: &str = "CREATE TABLE product (
    id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, gtin TEXT, parent_sku TEXT, title TEXT NOT NULL,
    description TEXT, brand TEXT, category TEXT, price_minor INTEGER, currency TEXT, sale_minor INTEGER,
    availability INTEGER NOT NULL, stock INTEGER, weight_g INTEGER, image_links TEXT, attributes TEXT,
    status INTEGER NOT NULL, source_updated_at INTEGER)";
const INDEXES: [&str; 2] =
    ["CREATE INDEX by_category ON product (category)", "CREATE INDEX by_brand ON product (brand)"];
const HEAD: &str = "INSERT INTO product (sku, gtin, parent_sku, title, description, brand, category, price_minor,
    currency, sale_minor, availability, stock, weight_g, image_links, attributes, status, source_updated_at) VALUES ";
const TAIL: &str = " ON CONFLICT (sku) DO UPDATE SET gtin = excluded.gtin, parent_sku = excluded.parent_sku,
    title = excluded.title, description = excluded.description, brand = excluded.brand,
    category = excluded.category, price_minor = excluded.price_minor, currency = excluded.currency,
    sale_minor = excluded.sale_minor, availability = excluded.availability, stock = excluded.stock,
    weight_g = excluded.weight_g, image_links = excluded.image_links, attributes = excluded.attributes,
    status = excluded.status, source_updated_at = excluded.source_updated_at";
const COLUMNS: usize = 17;
/// Rows a statement, as in the catalog.
const ROWS: usize = 256;

/// A file with the products and nothing besides.
pub struct Bare {
    conn: SqliteConnection,
    full: Arc<str>,
}

impl Bare {
    /// A new file with the settings of the catalog.
    pub async fn create(path: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .pragma("cache_size", "-24000")
            .pragma("wal_autocheckpoint", "4000")
            .disable_statement_logging();
        let mut conn = options.connect().await.context("creating the yardstick's file")?;
        sqlx::query(TABLE).execute(&mut conn).await?;
        for index in INDEXES {
            sqlx::query(index).execute(&mut conn).await?;
        }
        Ok(Self { conn, full: statement(ROWS).into() })
    }

    /// Upserts one batch in one transaction.
    pub async fn upsert(&mut self, products: &[Product]) -> anyhow::Result<()> {
        let mut tx = self.conn.begin().await?;
        for chunk in products.chunks(ROWS) {
            let sql = if chunk.len() == ROWS { self.full.clone() } else { statement(chunk.len()).into() };
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for product in chunk {
                query = query
                    .bind(product.sku.clone())
                    .bind(product.gtin.clone())
                    .bind(product.parent_sku.clone())
                    .bind(product.title.clone())
                    .bind(product.description.clone())
                    .bind(product.brand.clone())
                    .bind(product.category.join(" > "))
                    .bind(product.price.as_ref().map(|money| money.minor))
                    .bind(product.price.as_ref().map(|money| money.currency.clone()))
                    .bind(product.sale_price_minor)
                    .bind(product.availability as u8)
                    .bind(product.stock)
                    .bind(product.weight_g)
                    .bind(serde_json::to_string(&product.image_links)?)
                    .bind(serde_json::to_string(&product.attributes)?)
                    .bind(product.status as u8)
                    .bind(product.source_updated_at_ms);
            }
            query.execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Rows in the file.
    pub async fn count(&mut self) -> anyhow::Result<usize> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM product").fetch_one(&mut self.conn).await?;
        Ok(usize::try_from(count)?)
    }
}

fn statement(rows: usize) -> String {
    let group = format!("({})", vec!["?"; COLUMNS].join(","));
    format!("{HEAD}{}{TAIL}", vec![group; rows].join(","))
}
