//! Summary views against their defining query.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::super::view::VIEWS;
use super::*;
use crate::product::{Availability, Status};

async fn refresh_all(shop: &Shop, mode: RefreshMode) {
    for (view, refreshed) in shop.catalog.refresh_views(mode).await.unwrap() {
        assert!(refreshed.is_ok(), "{view}: {refreshed:?}");
    }
}

#[derive(Clone, Debug)]
struct Change {
    sku: usize,
    category: usize,
    brand: usize,
    minor: Option<i64>,
    currency: usize,
    in_stock: bool,
    archived: bool,
}

fn change() -> impl Strategy<Value = Change> {
    let price = proptest::option::of(0..200_000i64);
    (0..30usize, 0..4usize, 0..4usize, price, 0..2usize, any::<bool>(), proptest::bool::weighted(0.1))
        .prop_map(|(sku, category, brand, minor, currency, in_stock, archived)| Change {
            sku,
            category,
            brand,
            minor,
            currency,
            in_stock,
            archived,
        })
}

fn changed(change: &Change) -> Product {
    Product {
        category: if change.category == 0 { vec![] } else { vec![format!("C{}", change.category)] },
        brand: (change.brand > 0).then(|| format!("B{}", change.brand)),
        price: change.minor.map(|minor| Money { minor, currency: ["EUR", "JPY"][change.currency].into() }),
        availability: if change.in_stock { Availability::InStock } else { Availability::OutOfStock },
        status: if change.archived { Status::Archived } else { Status::Active },
        ..product(change.sku)
    }
}

/// Made-up histories; each gets a catalog of its own.
const CASES: usize = 12;

pub(super) async fn an_incremental_refresh_gives_what_a_full_rebuild_gives(bed: &Bed) {
    let histories = proptest::collection::vec(proptest::collection::vec(change(), 1..40), 1..5);
    let mut runner = TestRunner::default();
    for _ in 0..CASES {
        let deliveries = histories.new_tree(&mut runner).unwrap().current();
        let shop = bed.shop().await;
        for (number, delivery) in deliveries.iter().enumerate() {
            let rows: Vec<Product> = delivery.iter().map(changed).collect();
            let mode = SyncMode::Full { max_missing_percent: if number % 2 == 0 { 100 } else { 10 } };
            let id = format!("i{number}");
            shop.begin(&id, mode).await;
            shop.catalog.apply_batch(&id, batch(1, &rows)).await.unwrap();
            shop.catalog.finish_import(&id, None, 2).await.ok();
            refresh_all(&shop, RefreshMode::Incremental).await;
            for view in &VIEWS {
                let (wanted, found) = shop.catalog.defined(view).await;
                assert_eq!(wanted, found, "view {} after delivery {number} of {deliveries:?}", view.name);
            }
        }
        let incremental = shop.catalog.defined(&VIEWS[0]).await.1;
        refresh_all(&shop, RefreshMode::Full).await;
        assert_eq!(incremental, shop.catalog.defined(&VIEWS[0]).await.1, "{deliveries:?}");
    }
}

pub(super) async fn a_refresh_does_only_what_is_dirty_and_leaves_nothing_dirty(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(50)).await;
    let first = shop.catalog.refresh_view("category", RefreshMode::Incremental).await.unwrap();
    assert_eq!((first.keys, first.rows, first.mode), (5, 5, RefreshMode::Incremental));
    let second = shop.catalog.refresh_view("category", RefreshMode::Incremental).await.unwrap();
    assert_eq!((second.keys, second.rows), (0, 0));
    let full = shop.catalog.refresh_view("category", RefreshMode::Full).await.unwrap();
    assert_eq!((full.keys, full.rows), (5, 5));
    assert!(shop.keys(DirtyKind::Category).await.is_empty());
    let rows = shop.catalog.view_rows("category", 2).await.unwrap();
    assert_eq!((rows.len(), &rows[0]["products"], &rows[0]["currency"]), (2, &10.into(), &"EUR".into()));
    assert_eq!(
        shop.catalog.refresh_view("nope", RefreshMode::Full).await.unwrap_err().code(),
        "unknown_view"
    );
}

pub(super) async fn a_change_during_a_refresh_is_not_lost(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(10)).await;
    let read = shop.catalog.dirty(DirtyKind::Category, None, 100).await.unwrap();
    let mut moved = product(1);
    moved.category = vec!["Shop".into(), "Shelf 2".into()];
    shop.merge("i2", &[moved]).await;
    shop.catalog.clear_dirty(DirtyKind::Category, &read).await.unwrap();
    assert_eq!(shop.keys(DirtyKind::Category).await, ["Shop > Shelf 1", "Shop > Shelf 2"]);
}

pub(super) async fn a_view_with_another_definition_is_built_in_full(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(10)).await;
    refresh_all(&shop, RefreshMode::Incremental).await;
    shop.catalog.spoil("UPDATE view_state SET definition = 'older'").await;
    let shop = shop.reopened().await;
    let report = shop.catalog.refresh_view("brand", RefreshMode::Incremental).await.unwrap();
    assert_eq!((report.mode, report.keys), (RefreshMode::Full, 3));
    let (wanted, found) = shop.catalog.defined(&VIEWS[1]).await;
    assert_eq!(wanted, found);
}
