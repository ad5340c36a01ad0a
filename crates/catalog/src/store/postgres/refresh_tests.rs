//! Materialized views and the summary by product, on a real server.

use sqlx::AssertSqlSafe;

use super::open::PostgresCatalog;
use super::{by_product, native};
use crate::product::{Money, Product, Status};
use crate::store::catalog::Store;
use crate::store::tests::bed::{self, Shop};
use crate::store::tests::popularity::asked;
use crate::store::tests::{new_import, product, products as some, whole};
use crate::store::view::{PlainReason, RefreshMode, Refreshed, ViewInfo, ViewKind};
use crate::store::{Catalog, SyncMode};

use RefreshMode::{Full, Incremental};

async fn shop() -> Shop {
    bed::postgres().await.shop().await
}

fn inner(shop: &Shop) -> &PostgresCatalog {
    let Store::Postgres(catalog) = &shop.catalog.store else { panic!("a catalog on PostgreSQL") };
    catalog
}

async fn deliver(catalog: &Catalog, id: &str, products: &[Product]) {
    catalog.begin_import(&new_import(id, SyncMode::Merge)).await.unwrap();
    catalog.apply_batch(id, whole(products)).await.unwrap();
    catalog.finish_import(id, None, 2).await.unwrap();
}

async fn texts(shop: &Shop, sql: &str) -> Vec<String> {
    let mut conn = inner(shop).read().await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut *conn).await.unwrap()
}

async fn info(shop: &Shop, name: &str) -> ViewInfo {
    let views = shop.catalog.views().await.unwrap();
    views.into_iter().find(|view| view.name == name).unwrap_or_else(|| panic!("no view {name}"))
}

async fn done(shop: &Shop, view: &str, mode: RefreshMode) -> Refreshed {
    shop.catalog.refresh_view(view, mode).await.unwrap().done
}

/// Lets every view be due at once, as if its last refresh were long ago.
async fn wait_for_all(shop: &Shop) {
    shop.catalog.spoil("UPDATE view_run SET finished_ms = 0").await;
}

#[tokio::test]
async fn the_views_of_a_new_catalog_are_filled_plainly_once_and_then_beside_their_readers() {
    let shop = shop().await;
    deliver(&shop.catalog, "i1", &some(20)).await;
    asked(&shop.catalog, &[("SKU-00003".to_owned(), 7)]).await;
    let filled = Refreshed::Plain(PlainReason::NotPopulated);
    assert_eq!(done(&shop, "category_performance", Incremental).await, filled, "with what it reads");
    assert_eq!(done(&shop, "product_performance", Incremental).await, Refreshed::Fresh);
    assert_eq!(done(&shop, "product_performance", Full).await, Refreshed::Concurrently);
    let best = "SELECT sku || ' ' || score || ' ' || rank_in_category FROM product_performance ORDER BY score DESC LIMIT 1";
    assert_eq!(texts(&shop, best).await, ["SKU-00003 7 1"]);
    let shelf = "SELECT products || ' ' || score FROM category_performance WHERE category = 'Shop > Shelf 3'";
    assert_eq!(texts(&shop, shelf).await, ["4 7"]);
}

#[tokio::test]
async fn views_are_refreshed_in_the_order_in_which_they_read_each_other_and_only_when_stale() {
    let shop = shop().await;
    shop.catalog
        .spoil(
            "CREATE MATERIALIZED VIEW zz_low AS SELECT sku, price_minor FROM product;
             CREATE VIEW between AS SELECT * FROM zz_low;
             CREATE MATERIALIZED VIEW aa_high AS SELECT sum(price_minor) AS total FROM between;
             CREATE TABLE elsewhere (id int);
             CREATE MATERIALIZED VIEW unrelated AS SELECT * FROM elsewhere;
             CREATE MATERIALIZED VIEW left_alone AS SELECT 1 AS one;
             COMMENT ON MATERIALIZED VIEW left_alone IS 'backstock: skip'",
        )
        .await;
    let levels: Vec<(String, u32)> =
        shop.catalog.views().await.unwrap().into_iter().map(|view| (view.name, view.level)).collect();
    let level = |name: &str| levels.iter().find(|(known, _)| known == name).map(|(_, level)| *level);
    assert_eq!((level("zz_low"), level("aa_high"), level("unrelated")), (Some(0), Some(1), Some(0)));
    assert_eq!(level("left_alone"), None);
    deliver(&shop.catalog, "i1", &[product(1), product(2)]).await;
    for (view, refreshed) in shop.catalog.refresh_views(Incremental).await.unwrap() {
        assert!(refreshed.is_ok(), "{view}: {refreshed:?}");
    }
    let expected = (537 + 574).to_string();
    assert_eq!(texts(&shop, "SELECT total::text FROM aa_high").await, [expected]);
    wait_for_all(&shop).await;
    let again = shop.catalog.refresh_views(Incremental).await.unwrap();
    assert!(again.iter().all(|(_, report)| report.as_ref().unwrap().done == Refreshed::Fresh), "{again:?}");
    deliver(&shop.catalog, "i2", &[product(3)]).await;
    assert!(info(&shop, "zz_low").await.stale && !info(&shop, "unrelated").await.stale);
    let reports = shop.catalog.refresh_views(Incremental).await.unwrap();
    let of = |name: &str| reports.iter().find(|(view, _)| view == name).unwrap().1.as_ref().unwrap().done;
    let plain = Refreshed::Plain(PlainReason::NoUniqueKey);
    assert_eq!((of("zz_low"), of("aa_high"), of("unrelated")), (plain, plain, Refreshed::Fresh));
    assert_eq!(of("product_performance"), Refreshed::Concurrently);
}

#[tokio::test]
async fn a_view_that_fails_keeps_its_rows_and_does_not_keep_the_others() {
    let shop = shop().await;
    shop.catalog
        .spoil("CREATE MATERIALIZED VIEW broken AS SELECT 1 / (10 - price_minor) AS x FROM product")
        .await;
    let mut bad = product(1);
    bad.price = Some(Money { minor: 10, currency: "EUR".into() });
    deliver(&shop.catalog, "i1", &[bad]).await;
    let reports = shop.catalog.refresh_views(Incremental).await.unwrap();
    let (broken, others): (Vec<_>, Vec<_>) = reports.into_iter().partition(|(view, _)| view == "broken");
    let error = broken[0].1.as_ref().unwrap_err();
    assert_eq!((error.code(), error.is_transient()), ("view_failed", false));
    assert!(error.to_string().contains("division by zero") && !error.to_string().contains('\n'), "{error}");
    assert!(others.iter().all(|(_, report)| report.is_ok()), "{others:?}");
    let known = info(&shop, "broken").await;
    assert!(known.stale && known.last_error.unwrap().contains("division by zero"));
    let later = shop.catalog.refresh_views(Incremental).await.unwrap();
    let broken = later.iter().find(|(view, _)| view == "broken").unwrap().1.as_ref().unwrap();
    assert_eq!(broken.done, Refreshed::NotDue, "it waits longer after each failure");
}

#[tokio::test]
async fn one_refresher_works_on_a_view_at_a_time() {
    let shop = shop().await;
    deliver(&shop.catalog, "i1", &some(3)).await;
    let catalog = inner(&shop);
    let mut other = catalog.write().await.unwrap();
    let lock =
        "SELECT pg_advisory_xact_lock(hashtextextended('backstock refresh public.product_performance', 0))";
    sqlx::query(lock).execute(&mut *other).await.unwrap();
    assert_eq!(done(&shop, "product_performance", Full).await, Refreshed::Busy);
    other.roll_back().await.unwrap();
    assert_eq!(done(&shop, "product_performance", Full).await, Refreshed::Plain(PlainReason::NotPopulated));
}

#[tokio::test]
async fn a_storm_of_changes_causes_one_refresh_until_the_next_is_due() {
    let shop = shop().await;
    let storm = async |numbers: std::ops::Range<usize>| {
        let mut worked = 0;
        for number in numbers {
            deliver(&shop.catalog, &format!("i{number}"), &[product(number)]).await;
            let reports = shop.catalog.refresh_views(Incremental).await.unwrap();
            worked += reports
                .into_iter()
                .filter(|(view, report)| view == "product_performance" && report.as_ref().unwrap().worked())
                .count();
        }
        worked
    };
    assert_eq!(storm(0..1).await, 1);
    shop.catalog.spoil("UPDATE view_run SET finished_ms = finished_ms + 3600000").await;
    assert_eq!(storm(1..40).await, 0, "its turn is yet to come");
    wait_for_all(&shop).await;
    assert_eq!(storm(40..41).await, 1);
    assert_eq!(texts(&shop, "SELECT count(*)::text FROM product_performance").await, ["41"]);
}

#[tokio::test]
async fn views_that_do_not_read_each_other_are_refreshed_side_by_side() {
    let shop = shop().await;
    shop.catalog
        .spoil(
            "CREATE FUNCTION meet(own bigint, other bigint) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN
                PERFORM pg_advisory_lock(own);
                FOR look IN 1..3000 LOOP
                    IF EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = other) THEN
                        RETURN 1;
                    END IF;
                    PERFORM pg_sleep(0.01);
                END LOOP;
                RAISE 'alone';
             END $$;
             CREATE MATERIALIZED VIEW a_one AS SELECT meet(77001, 77002) AS met WITH NO DATA;
             CREATE MATERIALIZED VIEW z_other AS SELECT meet(77002, 77001) AS met WITH NO DATA",
        )
        .await;
    for (view, refreshed) in shop.catalog.refresh_views(Incremental).await.unwrap() {
        assert!(refreshed.is_ok(), "{view}: {refreshed:?}");
    }
    assert_eq!(texts(&shop, "SELECT (a.met + b.met)::text FROM a_one a, z_other b").await, ["2"]);
}

#[tokio::test]
async fn limits_from_the_measured_cost_are_in_force_while_a_view_is_refreshed() {
    let shop = shop().await;
    shop.catalog
        .spoil(
            "CREATE MATERIALIZED VIEW limits AS SELECT current_setting('statement_timeout') AS statement,
                current_setting('lock_timeout') AS lock WITH NO DATA;
             CREATE UNIQUE INDEX ON limits (statement)",
        )
        .await;
    let found = async || texts(&shop, "SELECT statement || ' ' || lock FROM limits").await;
    assert_eq!(done(&shop, "limits", Full).await, Refreshed::Plain(PlainReason::NotPopulated));
    assert_eq!(found().await, ["1h 500ms"]);
    shop.catalog.spoil("UPDATE view_run SET cost_ms = 30000 WHERE view = 'public.limits'").await;
    assert_eq!(done(&shop, "limits", Full).await, Refreshed::Concurrently);
    assert_eq!(found().await, ["2min 30s"]);
}

#[tokio::test]
async fn rows_written_to_the_operators_own_table_make_the_view_over_it_stale() {
    let shop = shop().await;
    shop.catalog
        .spoil(
            "CREATE TABLE stocktaking (sku text, counted integer);
             CREATE MATERIALIZED VIEW counted AS SELECT sum(counted) AS pieces FROM stocktaking",
        )
        .await;
    shop.catalog.refresh_views(Incremental).await.unwrap();
    assert!(!info(&shop, "counted").await.stale);
    shop.catalog
        .spoil("INSERT INTO stocktaking VALUES ('SKU-1', 5); SELECT pg_stat_force_next_flush()")
        .await;
    assert!(info(&shop, "counted").await.stale);
    wait_for_all(&shop).await;
    assert_eq!(done(&shop, "counted", Incremental).await, Refreshed::Plain(PlainReason::NoUniqueKey));
    assert_eq!(texts(&shop, "SELECT pieces::text FROM counted").await, ["5"]);
}

#[tokio::test]
async fn a_plain_refresh_gives_way_to_a_reader_that_stays() {
    let shop = shop().await;
    shop.catalog.spoil("CREATE MATERIALIZED VIEW keyless AS SELECT sku FROM product").await;
    let catalog = inner(&shop);
    let mut reader = catalog.write().await.unwrap();
    sqlx::query("SELECT count(*) FROM keyless").execute(&mut *reader).await.unwrap();
    let error = shop.catalog.refresh_view("keyless", Full).await.unwrap_err();
    assert_eq!((error.code(), error.is_transient()), ("view_failed", true));
    assert!(error.to_string().contains("keyless") && error.to_string().contains("locked"), "{error}");
    reader.roll_back().await.unwrap();
    assert_eq!(done(&shop, "keyless", Full).await, Refreshed::Plain(PlainReason::NoUniqueKey));
}

#[tokio::test]
async fn a_refresh_by_product_does_what_changed_and_equals_a_full_one() {
    let shop = shop().await;
    deliver(&shop.catalog, "i1", &some(50)).await;
    let first = shop.catalog.refresh_view("product", Incremental).await.unwrap();
    assert_eq!((first.mode, first.rows), (Full, 50));
    let mut changed = some(5);
    changed[0].title = "Another".into();
    changed[1].status = Status::Archived;
    changed[2].price = Some(Money { minor: 1, currency: "EUR".into() });
    deliver(&shop.catalog, "i2", &changed).await;
    let scores = [("SKU-00040".to_owned(), 9), ("nobody".to_owned(), 1)];
    asked(&shop.catalog, &scores).await;
    assert!(info(&shop, "product").await.stale);
    let second = shop.catalog.refresh_view("product", Incremental).await.unwrap();
    assert_eq!((second.mode, second.keys, second.rows), (Incremental, 4, 4));
    assert!(!info(&shop, "product").await.stale);
    let columns = "id, price_minor, score, stock, in_stock, sku, currency, category, brand, title";
    let wanted = texts(&shop, &format!("SELECT d::text FROM ({}) d ORDER BY id", by_product::SELECT)).await;
    let found =
        texts(&shop, &format!("SELECT d::text FROM (SELECT {columns} FROM view_product) d ORDER BY id"))
            .await;
    assert_eq!(wanted, found);
    assert_eq!(found.len(), 49);
    assert_eq!(done(&shop, "product", Incremental).await, Refreshed::Fresh);
}

#[tokio::test]
async fn a_refresh_by_product_of_more_than_one_statement_has_every_product() {
    let shop = shop().await;
    deliver(&shop.catalog, "i1", &some(11_003)).await;
    let first = shop.catalog.refresh_view("product", Incremental).await.unwrap();
    assert_eq!((first.mode, first.keys, first.rows), (Full, 11_003, 11_003));
    let mut changed = some(10_500);
    for product in &mut changed {
        product.title.push('!');
    }
    deliver(&shop.catalog, "i2", &changed).await;
    let second = shop.catalog.refresh_view("product", Incremental).await.unwrap();
    assert_eq!((second.mode, second.keys), (Incremental, 10_500));
    let counts = "SELECT count(*) || ' ' || count(*) FILTER (WHERE title LIKE '%!') FROM view_product";
    assert_eq!(texts(&shop, counts).await, ["11003 10500"]);
}

#[tokio::test]
async fn an_unknown_view_is_told_with_those_that_exist() {
    let shop = shop().await;
    let error = shop.catalog.refresh_view("nope", Full).await.unwrap_err();
    assert_eq!(error.code(), "unknown_view");
    assert!(
        error.to_string().contains("vendor_performance") && error.to_string().contains("brand"),
        "{error}"
    );
    let kinds: Vec<ViewKind> = shop.catalog.views().await.unwrap().iter().map(|view| view.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == ViewKind::Summary).count(), 4);
}

#[tokio::test]
async fn views_of_another_definition_are_made_anew() {
    let shop = shop().await;
    deliver(&shop.catalog, "i1", &some(3)).await;
    shop.catalog.refresh_views(Full).await.unwrap();
    shop.catalog.spoil("UPDATE view_state SET definition = 'older' WHERE name = 'vendor_performance'").await;
    let mut conn = inner(&shop).read().await.unwrap();
    native::create(conn.raw()).await.unwrap();
    drop(conn);
    let view = info(&shop, "vendor_performance").await;
    assert_eq!(view.plain_because, Some(PlainReason::NotPopulated));
    assert!(view.stale);
}
