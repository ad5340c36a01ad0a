//! The materialized views that a catalog comes with: how products, categories and vendors do.
//!
//! They are made empty, so that opening a large catalog stays quick, and filled by their first refresh.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// One materialized view: constants of this file, never input.
struct Native {
    name: &'static str,
    query: &'static str,
    /// Columns of its unique index, which lets it be refreshed beside its readers.
    key: &'static str,
}

/// In the order in which they read each other.
const NATIVE: [Native; 3] = [
    Native {
        name: "product_performance",
        query: "SELECT p.id, p.sku, p.title, p.category, p.brand, p.currency,
            coalesce(p.sale_minor, p.price_minor) AS price_minor, p.availability = 0 AS in_stock,
            coalesce(p.stock, 0) AS stock, coalesce(o.score, 0) AS score,
            rank() OVER (PARTITION BY p.category ORDER BY coalesce(o.score, 0) DESC) AS rank_in_category
            FROM product p LEFT JOIN popularity o ON o.sku = p.sku WHERE p.status = 0",
        key: "id",
    },
    Native {
        name: "category_performance",
        query: "SELECT category, currency, count(*) AS products, count(*) FILTER (WHERE in_stock) AS in_stock,
            sum(stock) AS units, sum(score) AS score, min(price_minor) AS min_minor, max(price_minor) AS max_minor,
            avg(price_minor)::bigint AS average_minor FROM product_performance GROUP BY category, currency",
        key: "category, currency",
    },
    Native {
        name: "vendor_performance",
        query: "SELECT brand, currency, count(*) AS products, count(*) FILTER (WHERE in_stock) AS in_stock,
            sum(stock) AS units, sum(score) AS score, count(*) FILTER (WHERE rank_in_category <= 10) AS leaders,
            avg(price_minor)::bigint AS average_minor FROM product_performance GROUP BY brand, currency",
        key: "brand, currency",
    },
];

const STATE: &str = "SELECT name, definition FROM view_state WHERE name = ANY($1)";
const CREATING: &str =
    "SELECT pg_advisory_xact_lock(hashtextextended('backstock views ' || current_schema(), 0))";
const SET_STATE: &str = "INSERT INTO view_state (name, definition, complete) VALUES ($1, $2, true)
    ON CONFLICT (name) DO UPDATE SET definition = excluded.definition";
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[STATE, SET_STATE];

/// Makes them where they are missing or defined differently. Where all is as it should be, no right is needed.
pub(super) async fn create(conn: &mut PgConnection) -> sqlx::Result<()> {
    if is_current(conn).await? {
        return Ok(());
    }
    let mut tx = conn.begin().await?;
    sqlx::query(CREATING).execute(&mut *tx).await?;
    if !is_current(&mut tx).await? {
        for native in NATIVE.iter().rev() {
            let drop = format!("DROP MATERIALIZED VIEW IF EXISTS {}", native.name);
            sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut *tx).await?;
        }
        for Native { name, query, key } in &NATIVE {
            let create = format!(
                "CREATE MATERIALIZED VIEW {name} AS {query} WITH NO DATA; CREATE UNIQUE INDEX {name}_key ON {name} ({key})"
            );
            sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut *tx).await?;
            sqlx::query(SET_STATE).bind(name).bind(query).execute(&mut *tx).await?;
        }
    }
    tx.commit().await
}

async fn is_current(conn: &mut PgConnection) -> sqlx::Result<bool> {
    let names: Vec<&str> = NATIVE.iter().map(|native| native.name).collect();
    let known: Vec<(String, String)> = sqlx::query_as(STATE).bind(names).fetch_all(conn).await?;
    Ok(NATIVE
        .iter()
        .all(|native| known.iter().any(|(name, query)| name == native.name && query == native.query)))
}
