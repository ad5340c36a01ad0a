//! The planner uses each index for the query that it was made for.

use sqlx::AssertSqlSafe;

use super::conn::Conn;
use super::{by_product, find, finish, images, popular, products, views};
use crate::store::catalog::Store;
use crate::store::tests::popularity::asked;
use crate::store::tests::{bed, new_import, products as some, whole};
use crate::store::view::VIEWS;
use crate::store::{Catalog, RefreshMode, SyncMode};

/// Enough that reading the whole table is dearer than an index.
const PRODUCTS: usize = 12_000;

/// Those of tables that no constraint needs.
const INDEXES: &str = "SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_class t ON t.oid = i.indrelid AND t.relkind = 'r' AND t.relnamespace = current_schema()::regnamespace
    WHERE NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)";

/// The statement with its parameters filled in, `$1` first.
fn filled(sql: &str, values: &[&str]) -> String {
    let fill = |sql: String, (index, value): (usize, &&str)| sql.replace(&format!("${}", index + 1), value);
    values.iter().enumerate().fold(sql.to_owned(), fill)
}

async fn plan(conn: &mut Conn, sql: &str) -> String {
    let explain = AssertSqlSafe(format!("EXPLAIN (COSTS OFF) {sql}"));
    let lines: Vec<String> = sqlx::query_scalar(explain).fetch_all(conn).await.unwrap();
    lines.join("\n")
}

/// A catalog with groups, images, scores and fresh statistics.
async fn filled_catalog(catalog: &Catalog) {
    let mut delivery = some(PRODUCTS);
    for (number, product) in delivery.iter_mut().enumerate() {
        product.category = vec![format!("Shelf {}", number % 400)];
        product.brand = Some(format!("Brand {}", number % 300));
        product.gtin = (number % 10 == 0).then(|| format!("{number:013}"));
    }
    catalog.begin_import(&new_import("i1", SyncMode::Merge)).await.unwrap();
    catalog.apply_batch("i1", whole(&delivery)).await.unwrap();
    let scores: Vec<(String, u64)> =
        delivery.iter().step_by(3).map(|product| (product.sku.clone(), product.title.len() as u64)).collect();
    asked(catalog, &scores).await;
    catalog.finish_import("i1", None, 2).await.unwrap();
    catalog.refresh_view("product", RefreshMode::Incremental).await.unwrap();
}

#[tokio::test]
async fn each_index_serves_the_query_it_was_made_for() {
    let shop = bed::postgres().await.shop().await;
    filled_catalog(&shop.catalog).await;
    let Store::Postgres(catalog) = &shop.catalog.store else { panic!("a catalog on PostgreSQL") };
    let mut conn = catalog.read().await.unwrap();
    sqlx::raw_sql("VACUUM ANALYZE").execute(&mut *conn).await.unwrap();
    let keys = "ARRAY['Shelf 7', 'Shelf 11']";
    let brands = "ARRAY['Brand 7', 'Brand 11']";
    let sku = "ARRAY['SKU-00007', 'SKU-00008']";
    let hashes = "ARRAY['\\x00'::bytea, '\\x01'::bytea]";
    let expectations = [
        (filled(products::FIND, &[sku, hashes]), "Index Scan using product_sku_key"),
        (filled(finish::PAGE, &["1", "0", "500"]), "Index Only Scan using product_by_source"),
        (filled(&views::Sql(&VIEWS[0]).insert(), &[keys]), "product_by_category"),
        (filled(&views::Sql(&VIEWS[1]).insert(), &[brands]), "product_by_brand"),
        (filled(images::USAGE, &["'https://img.example/7.jpg'"]), "product_image_by_image"),
        (filled(popular::TOP, &["50"]), "popularity_by_weight"),
        (filled(popular::LATEST, &["50"]), "product_by_change"),
        (filled(by_product::CHANGED, &["2"]), "Index Only Scan using popularity_by_change"),
        (filled(by_product::CHANGED, &["2"]), "Index Only Scan using product_by_change"),
        (filled(find::EXACT, &["'0000000000070'", "10"]), "Bitmap Index Scan on product_by_gtin"),
        (filled(find::WORDS, &["'product 777'", "10"]), "Bitmap Index Scan on view_product_words"),
        (filled(find::LIKE, &["'prodct 7777'", "10"]), "Bitmap Index Scan on view_product_trigrams"),
    ];
    for (sql, expected) in &expectations {
        let plan = plan(&mut conn, sql).await;
        assert!(plan.contains(expected), "{expected} is not in the plan of\n{sql}\n\n{plan}");
    }
    let indexes: Vec<String> = sqlx::query_scalar(INDEXES).fetch_all(&mut *conn).await.unwrap();
    assert!(indexes.len() >= 10, "{indexes:?}");
    for index in indexes {
        assert!(
            expectations.iter().any(|(_, expected)| expected.contains(&index)),
            "no query is shown to need {index}"
        );
    }
}

#[tokio::test]
async fn a_misspelt_title_is_found() {
    let shop = bed::postgres().await.shop().await;
    let mut delivery = some(3);
    delivery[1].title = "Stainless water bottle".into();
    shop.catalog.begin_import(&new_import("i1", SyncMode::Merge)).await.unwrap();
    shop.catalog.apply_batch("i1", whole(&delivery)).await.unwrap();
    shop.catalog.refresh_view("product", RefreshMode::Incremental).await.unwrap();
    let found = shop.catalog.find("stainles watter bottle", 5).await.unwrap();
    let skus: Vec<&str> = found.iter().map(|doc| doc.product.sku.as_str()).collect();
    assert_eq!(skus, ["SKU-00001"]);
}
