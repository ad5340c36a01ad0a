//! Requests counted from tables of a real server.

use std::time::Duration;

use crate::store::tests::{bed, new_import, products as some, whole};
use crate::store::{Catalog, CatalogError, SyncMode, TableRequests};

const HOUR: i64 = 3_600_000;
/// 2026-11-21T00:00:00Z
const NOW: i64 = 1_795_219_200_000;

fn orders() -> TableRequests {
    TableRequests {
        table: "shop.order line".into(),
        sku_column: "SKU".into(),
        count_column: Some("units".into()),
        time_column: "ordered at".into(),
        settle: Duration::from_mins(1),
        half_life: Duration::from_hours(24),
    }
}

async fn filled(catalog: &Catalog) {
    catalog.begin_import(&new_import("i1", SyncMode::Merge)).await.unwrap();
    catalog.apply_batch("i1", whole(&some(3))).await.unwrap();
    catalog.finish_import("i1", None, 2).await.unwrap();
    catalog
        .spoil(
            r#"CREATE SCHEMA shop;
            CREATE TABLE shop."order line" ("SKU" text, units numeric, "ordered at" timestamptz);
            INSERT INTO shop."order line" VALUES
                ('SKU-00000', 4, '2026-11-20T00:00:00Z'), (' SKU-00000 ', 4, '2026-11-19T00:00:00Z'),
                ('SKU-00001', 1, '2026-11-20T23:58:00Z'), ('SKU-00001', -5, '2026-11-20T23:58:00Z'),
                ('SKU-00001', 9, '1971-01-01T00:00:00Z'), ('nobody', 2, '2026-11-20T12:00:00Z'),
                (NULL, 7, '2026-11-20T12:00:00Z'), ('', 7, '2026-11-20T12:00:00Z'), ('SKU-00002', 0, '2026-11-20'),
                ('SKU-00002', 1, '2026-11-20T23:59:30Z')"#,
        )
        .await;
}

async fn weights(catalog: &Catalog) -> Vec<(String, u64, u64)> {
    let popular = catalog.popular(3).await.unwrap().into_iter();
    popular.map(|p| (p.sku, p.requests, (p.weight * 1000.0).round() as u64)).collect()
}

#[tokio::test]
async fn rows_of_a_table_are_counted_once_by_their_time() {
    let shop = bed::postgres().await.shop().await;
    let catalog = &shop.catalog;
    filled(catalog).await;
    let outcome = catalog.count_table(&orders(), NOW).await.unwrap();
    assert_eq!((outcome.products, outcome.requests, outcome.unknown), (3, 20, 1));
    let day = |half: f64| ((4.0 * half.exp2() + 4.0 * (half - 1.0).exp2()) * 1000.0).round() as u64;
    // Ages are counted from a minute before: what is younger waits.
    // A request of 1971 weighs nothing.
    let first = [("SKU-00000", 8, day(-1.0 + 1.0 / 1440.0)), ("SKU-00001", 10, 1000), ("SKU-00002", 0, 0)];
    let first = first.map(|(sku, requests, weight)| (sku.to_owned(), requests, weight));
    assert_eq!(weights(catalog).await, first);
    assert!(catalog.count_table(&orders(), NOW).await.unwrap().repeated);

    // The row that waited and a new one; none of the others again.
    catalog.spoil(r#"INSERT INTO shop."order line" VALUES ('SKU-00002', 5, '2026-11-21T00:30:00Z')"#).await;
    let outcome = catalog.count_table(&orders(), NOW + HOUR).await.unwrap();
    assert_eq!((outcome.products, outcome.requests, outcome.unknown), (1, 6, 0));
    let counted = catalog.counted(9).await.unwrap();
    let [counted] = &counted[..] else { panic!("{counted:?}") };
    assert_eq!((counted.name.as_str(), counted.requests), ("shop.order line", 26));
    assert_eq!(counted.counted_ms, NOW + HOUR - 60_000);
    assert_eq!(catalog.popular(1).await.unwrap()[0].sku, "SKU-00002");
}

#[tokio::test]
async fn a_table_or_column_that_is_not_there_is_named() {
    let shop = bed::postgres().await.shop().await;
    filled(&shop.catalog).await;
    let missing = TableRequests { table: "shop.views".into(), ..orders() };
    let column = TableRequests { time_column: "at".into(), ..orders() };
    let text = TableRequests { count_column: Some("SKU".into()), ..orders() };
    for (table, part) in [(missing, "shop.views"), (column, "at"), (text, "greatest")] {
        let error = shop.catalog.count_table(&table, NOW).await.unwrap_err();
        assert!(matches!(error, CatalogError::Requests { .. }) && !error.is_transient(), "{error}");
        assert!(error.to_string().to_lowercase().contains(part), "{error}");
    }
    assert!(shop.catalog.popularity().await.unwrap().abs() < f64::EPSILON);
}
