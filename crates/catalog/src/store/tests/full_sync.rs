//! What happens to products that a delivery does not mention.

use super::*;

const FULL: SyncMode = SyncMode::Full { max_missing_percent: 10 };

pub(super) async fn a_merge_counts_what_is_missing_and_keeps_it(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(60)).await;
    let (_, report) = shop.deliver("i2", SyncMode::Merge, &products(50)).await;
    assert_eq!((report.missing, report.archived), (10, 0));
    assert_eq!(shop.catalog.count().await.unwrap(), 60);
}

pub(super) async fn a_full_sync_archives_what_is_missing_and_marks_its_groups(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(60)).await;
    shop.settle().await;
    let (_, report) = shop.deliver("i2", FULL, &products(56)).await;
    assert_eq!((report.missing, report.archived, report.state), (4, 4, ImportState::Finished));
    assert_eq!(shop.catalog.count().await.unwrap(), 56);
    assert_eq!(shop.keys(DirtyKind::Text).await, ["SKU-00056", "SKU-00057", "SKU-00058", "SKU-00059"]);
    assert_eq!(shop.keys(DirtyKind::Cache).await.len(), 4);
    assert_eq!(shop.keys(DirtyKind::Category).await.len(), 4);
    assert_eq!(shop.keys(DirtyKind::Brand).await.len(), 3);
    let texts = shop.catalog.product_texts(&["SKU-00056".into()]).await.unwrap();
    assert!(!texts[0].active);
}

pub(super) async fn an_archived_product_that_is_delivered_again_comes_back(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(60)).await;
    shop.deliver("i2", FULL, &products(56)).await;
    let (outcome, _) = shop.deliver("i3", FULL, &products(60)).await;
    assert_eq!((outcome.counters.updated, outcome.counters.unchanged), (4, 56));
    assert_eq!(outcome.dirty.text.len(), 4);
    assert_eq!(shop.catalog.count().await.unwrap(), 60);
}

pub(super) async fn an_almost_empty_full_sync_is_stopped_by_the_guard(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(60)).await;
    shop.begin("i2", FULL).await;
    shop.catalog.apply_batch("i2", batch(1, &products(2))).await.unwrap();
    let error = shop.catalog.finish_import("i2", None, 2).await.unwrap_err();
    assert_eq!(error.code(), "mass_delete");
    assert!(!error.is_transient());
    assert_eq!(shop.catalog.count().await.unwrap(), 60);
    let report = shop.catalog.import_report("i2").await.unwrap();
    assert_eq!((report.state, report.missing, report.archived), (ImportState::Failed, 58, 0));
    assert_eq!(report.file_error.unwrap().code, "mass_delete");
}

pub(super) async fn a_delivery_that_broke_off_archives_nothing(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(60)).await;
    shop.begin("i2", FULL).await;
    shop.catalog.apply_batch("i2", batch(1, &products(58))).await.unwrap();
    let failure = FileFailure { code: "truncated_gzip".into(), message: "cut off".into() };
    let report = shop.catalog.finish_import("i2", Some(failure), 2).await.unwrap();
    assert_eq!((report.state, report.missing, report.archived), (ImportState::Failed, 0, 0));
    assert_eq!(shop.catalog.count().await.unwrap(), 60);
}

pub(super) async fn products_of_another_source_are_not_missing(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(20)).await;
    let other = NewImport { source: "other".into(), ..new_import("i2", FULL) };
    shop.catalog.begin_import(&other).await.unwrap();
    let report = shop.catalog.finish_import("i2", None, 2).await.unwrap();
    assert_eq!(report.missing, 0);
    assert_eq!(shop.catalog.count().await.unwrap(), 20);
}
