//! The summary by product: one row an active product with what it sells for and how it does.
//!
//! Transactions that write products or scores are numbered in the order in which they become visible, so "changed since"
//! is one number, and a delivery of 1 % costs 1 %, with no key marked for it.

use std::time::Instant;

use super::conn::Conn;
use super::open::PostgresCatalog;
use crate::store::error::Result;
use crate::store::view::{RefreshMode, RefreshReport, Refreshed, ViewInfo};

/// Its public name; the table is `view_product`.
pub(super) const NAME: &str = "product";

const STATE: &str = "SELECT complete, done_to, (SELECT value FROM meta WHERE name = 'change') FROM view_state
    WHERE name = 'product'";
/// Waits for another refresher of this view.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('backstock refresh ' || current_schema() || '.view_product', 0))";
/// The defining query, to be followed by a condition.
pub(super) const SELECT: &str = "SELECT p.id, coalesce(p.sale_minor, p.price_minor) AS price_minor,
    coalesce(o.score, 0) AS score, p.stock, p.availability = 0 AS in_stock, p.sku, p.currency, p.category, p.brand,
    p.title FROM product p LEFT JOIN popularity o ON o.sku = p.sku WHERE p.status = 0";
const CLEAR: &str = "DELETE FROM view_product";
pub(super) const CHANGED: &str = "SELECT id FROM product WHERE changed_gen > $1
    UNION SELECT p.id FROM popularity o JOIN product p ON p.sku = o.sku WHERE o.changed_gen > $1";
const GONE: &str = "DELETE FROM view_product WHERE id = ANY($1)
    AND EXISTS (SELECT 1 FROM product p WHERE p.id = view_product.id AND p.status <> 0)";
const DONE: &str = "UPDATE view_state SET complete = true, done_to = $1 WHERE name = 'product'";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[STATE, LOCK, SELECT, CLEAR, CHANGED, GONE, DONE];

/// Products a statement.
const CHUNK: usize = 5_000;

/// Rows of `$1` products, or of all.
fn insert(filter: &str) -> String {
    format!(
        "INSERT INTO view_product (id, price_minor, score, stock, in_stock, sku, currency, category, brand, title)
         {SELECT} {filter}
         ON CONFLICT (id) DO UPDATE SET price_minor = excluded.price_minor, score = excluded.score,
            stock = excluded.stock, in_stock = excluded.in_stock, sku = excluded.sku, currency = excluded.currency,
            category = excluded.category, brand = excluded.brand, title = excluded.title"
    )
}

impl PostgresCatalog {
    pub(super) async fn product_summary(&self) -> Result<ViewInfo> {
        let mut conn = self.read().await?;
        let state = sqlx::query_as(STATE).fetch_one(&mut *conn).await;
        let (complete, done_to, change): (bool, i64, i64) = state.map_err(|e| self.error(&e))?;
        Ok(ViewInfo::summary(NAME, !complete || done_to != change))
    }

    /// In one transaction, so that readers see the old rows until all new ones are there; each statement has few products,
    /// so that none takes long however many there are.
    pub(super) async fn refresh_product_summary(&self, mode: RefreshMode) -> Result<RefreshReport> {
        let started = Instant::now();
        let mut tx = self.bounded(self.write()).await?;
        let begun = async { begin(&mut tx, mode).await.map_err(|e| self.error(&e)) };
        let (work, change) = self.bounded(begun).await?;
        let (mut keys, mut rows) = (0, 0);
        for chunk in work.chunks() {
            let done = async { chunk.run(&mut tx).await.map_err(|e| self.error(&e)) };
            let (products, written) = self.bounded(done).await?;
            keys += products;
            rows += written;
        }
        let done =
            async { sqlx::query(DONE).bind(change).execute(&mut *tx).await.map_err(|e| self.error(&e)) };
        self.bounded(done).await?;
        self.fault("computed")?;
        self.bounded(self.commit(tx)).await?;
        let (mode, done) = (work.mode(), if keys == 0 { Refreshed::Fresh } else { Refreshed::Keys });
        Ok(RefreshReport { view: NAME.to_owned(), mode, done, keys, rows, elapsed: started.elapsed() })
    }
}

/// What a refresh has to do.
enum Work {
    /// All products up to this id.
    All(i64),
    /// Those that changed.
    Changed(Vec<i64>),
}

/// Some of it.
enum Chunk<'a> {
    /// Products behind the first id, up to the second.
    Between(i64, i64),
    Changed(&'a [i64]),
}

impl Work {
    fn mode(&self) -> RefreshMode {
        match self {
            Self::All(_) => RefreshMode::Full,
            Self::Changed(_) => RefreshMode::Incremental,
        }
    }

    fn chunks(&self) -> Box<dyn Iterator<Item = Chunk<'_>> + Send + '_> {
        match self {
            Self::All(last) => {
                Box::new((0..*last).step_by(CHUNK).map(|after| Chunk::Between(after, after + CHUNK as i64)))
            }
            Self::Changed(ids) => Box::new(ids.chunks(CHUNK).map(Chunk::Changed)),
        }
    }
}

impl Chunk<'_> {
    /// Products computed again, rows written.
    async fn run(&self, conn: &mut Conn) -> sqlx::Result<(u64, u64)> {
        match self {
            Self::Between(after, last) => {
                let insert = sqlx::AssertSqlSafe(insert("AND p.id > $1 AND p.id <= $2"));
                let written = sqlx::query(insert).bind(*after).bind(*last).execute(conn).await?;
                Ok((written.rows_affected(), written.rows_affected()))
            }
            Self::Changed(ids) => {
                let gone = sqlx::query(GONE).bind(*ids).execute(&mut *conn).await?.rows_affected();
                let insert = sqlx::AssertSqlSafe(insert("AND p.id = ANY($1)"));
                let written = sqlx::query(insert).bind(*ids).execute(conn).await?.rows_affected();
                Ok((ids.len() as u64, gone + written))
            }
        }
    }
}

/// What is to be done, and up to which change it then is.
async fn begin(conn: &mut Conn, mode: RefreshMode) -> sqlx::Result<(Work, i64)> {
    sqlx::query(LOCK).execute(&mut *conn).await?;
    // Read before the products: what becomes visible in between is done now and once more by the next refresh.
    let (complete, done_to, change): (bool, i64, i64) = sqlx::query_as(STATE).fetch_one(&mut *conn).await?;
    if complete && mode == RefreshMode::Incremental {
        let ids = sqlx::query_scalar(CHANGED).bind(done_to).fetch_all(conn).await?;
        return Ok((Work::Changed(ids), change));
    }
    sqlx::query(CLEAR).execute(&mut *conn).await?;
    let last = super::products::last_id(conn).await?;
    Ok((Work::All(last), change))
}
