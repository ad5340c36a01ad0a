//! Applying batches: counts, writes, follow-up work, checkpoint.

use super::*;

pub(super) async fn a_first_delivery_creates_and_marks_everything(bed: &Bed) {
    let shop = bed.shop().await;
    let outcome = shop.merge("i1", &products(10)).await;
    assert_eq!((outcome.counters.rows, outcome.counters.created), (10, 10));
    assert_eq!(shop.keys(DirtyKind::Text).await.len(), 10);
    assert!(shop.keys(DirtyKind::Cache).await.is_empty(), "nobody has kept anything of a new product");
    assert_eq!(shop.keys(DirtyKind::Image).await.len(), 5);
    assert_eq!(shop.keys(DirtyKind::Category).await.len(), 5);
    assert_eq!(shop.keys(DirtyKind::Brand).await, ["Brand 0", "Brand 1", "Brand 2"]);
    assert_eq!(shop.catalog.product_by_sku("SKU-00003").await.unwrap(), Some(product(3)));
}

pub(super) async fn an_identical_delivery_writes_no_product_and_causes_no_work(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(600)).await;
    shop.settle().await;
    let before = shop.dump().await;
    let outcome = shop.merge("i2", &products(600)).await;
    assert_eq!(outcome.counters.unchanged, 600);
    assert!(outcome.dirty.is_empty());
    let after: Vec<String> = shop.dump().await.into_iter().filter(|row| !row.contains("\"i2\"")).collect();
    assert_eq!(before, after);
}

pub(super) async fn a_price_change_embeds_nothing_and_cuts_nothing(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(10)).await;
    shop.settle().await;
    let mut changed = products(10);
    changed[4].price = Some(Money { minor: 99_999, currency: "EUR".into() });
    let outcome = shop.merge("i2", &changed).await;
    assert_eq!((outcome.counters.updated, outcome.counters.unchanged), (1, 9));
    assert!(outcome.dirty.text.is_empty() && outcome.dirty.image.is_empty());
    assert_eq!(shop.keys(DirtyKind::Cache).await, ["SKU-00004"]);
    assert_eq!(shop.keys(DirtyKind::Price).await, ["EUR 0-10 in_stock", "EUR 500-1000 in_stock"]);
    assert_eq!(shop.keys(DirtyKind::Category).await, ["Shop > Shelf 4"]);
}

pub(super) async fn a_product_that_moves_marks_the_old_and_the_new_group(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(3)).await;
    shop.settle().await;
    let mut moved = product(1);
    moved.category = vec!["Garden".into()];
    moved.brand = None;
    shop.merge("i2", &[moved]).await;
    assert_eq!(shop.keys(DirtyKind::Category).await, ["Garden", "Shop > Shelf 1"]);
    assert_eq!(shop.keys(DirtyKind::Brand).await, ["", "Brand 1"]);
    assert_eq!(shop.keys(DirtyKind::Text).await, ["SKU-00001"]);
}

pub(super) async fn an_older_row_is_left_out_with_a_warning(bed: &Bed) {
    let shop = bed.shop().await;
    let mut new = product(1);
    new.source_updated_at_ms = Some(2_000);
    shop.merge("i1", &[new.clone()]).await;
    let mut old = product(1);
    old.title = "Old title".into();
    old.source_updated_at_ms = Some(1_000);
    let (outcome, report) = shop.deliver("i2", SyncMode::Merge, &[old]).await;
    assert_eq!((outcome.counters.unchanged, outcome.counters.warnings), (1, 1));
    assert_eq!(report.remarks[0].code, "stale_row");
    assert_eq!(report.missing, 0);
    assert_eq!(shop.catalog.product_by_sku("SKU-00001").await.unwrap(), Some(new));
}

pub(super) async fn a_repeated_sku_is_rejected_within_and_across_batches(bed: &Bed) {
    let shop = bed.shop().await;
    shop.begin("i1", SyncMode::Merge).await;
    let first = [product(1), product(2), product(1)];
    let outcome = shop.catalog.apply_batch("i1", batch(1, &first)).await.unwrap();
    assert_eq!((outcome.counters.created, outcome.counters.rejected), (2, 1));
    let outcome = shop.catalog.apply_batch("i1", batch(4, &[product(2), product(3)])).await.unwrap();
    assert_eq!((outcome.counters.created, outcome.counters.rejected), (1, 1));
    let report = shop.catalog.finish_import("i1", None, 2).await.unwrap();
    let found: Vec<_> = report.rejects.iter().map(|r| (r.record, r.code.as_str())).collect();
    assert_eq!(found, [(3, "duplicate_sku"), (4, "duplicate_sku")]);
}

pub(super) async fn a_known_product_behind_new_ones_is_compared_all_the_same(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(3)).await;
    shop.settle().await;
    shop.begin("i2", SyncMode::Merge).await;
    let outcome = shop.catalog.apply_batch("i2", batch(1, &products(8)[5..])).await.unwrap();
    assert_eq!(outcome.counters.created, 3);
    let version = shop.catalog.version().await.unwrap();
    let mut mixed = vec![product(20), product(1), product(2), product(21), product(5)];
    mixed[2].title = "New".into();
    let outcome = shop.catalog.apply_batch("i2", batch(4, &mixed)).await.unwrap();
    let counters = outcome.counters;
    assert_eq!(
        (counters.created, counters.unchanged, counters.updated, counters.rejected),
        (2, 1, 1, 1),
        "{counters:?}"
    );
    assert_eq!(shop.catalog.version().await.unwrap(), version + 1);
    assert_eq!(shop.keys(DirtyKind::Cache).await, ["SKU-00002"]);
    let outcome = shop.catalog.apply_batch("i2", batch(9, &[product(0), product(22)])).await.unwrap();
    assert_eq!((outcome.counters.created, outcome.counters.unchanged), (1, 1));
    let report = shop.catalog.finish_import("i2", None, 2).await.unwrap();
    assert_eq!((report.counters.rows, report.missing), (10, 0));
    assert_eq!(shop.catalog.count().await.unwrap(), 9);
}

pub(super) async fn a_batch_before_the_checkpoint_changes_nothing(bed: &Bed) {
    let shop = bed.shop().await;
    shop.begin("i1", SyncMode::Merge).await;
    shop.catalog.apply_batch("i1", batch(1, &products(5))).await.unwrap();
    let before = shop.dump().await;
    let again = shop.catalog.apply_batch("i1", batch(1, &products(5))).await.unwrap();
    assert_eq!(again.counters, Counters::default());
    assert_eq!(before, shop.dump().await);
    assert_eq!(shop.begin("i1", SyncMode::Merge).await.last_record, 5);
}

pub(super) async fn the_ledger_accounts_for_every_row(bed: &Bed) {
    let shop = bed.shop().await;
    shop.begin("i1", SyncMode::Merge).await;
    let mut mixed = batch(1, &products(5));
    mixed.rejects = vec![issue(6, "bad_price"), issue(7, "bad_price"), issue(8, "missing_sku")];
    mixed.warnings = vec![issue(2, "long_title")];
    (mixed.skipped, mixed.last_record) = (2, 10);
    shop.catalog.apply_batch("i1", mixed).await.unwrap();
    let report = shop.catalog.finish_import("i1", None, 9).await.unwrap();
    let expected =
        Counters { rows: 10, created: 5, rejected: 3, skipped: 2, warnings: 1, ..Counters::default() };
    assert_eq!(report.counters, expected);
    assert_eq!((report.state, report.finished_ms), (ImportState::Finished, Some(9)));
    let codes: Vec<_> = report.codes.iter().map(|c| (c.code.as_str(), c.count)).collect();
    assert_eq!(codes, [("bad_price", 2), ("missing_sku", 1), ("long_title", 1)]);
    assert_eq!(report.rejects.len(), 3);
}

pub(super) async fn an_ended_import_takes_no_batch_and_a_changed_file_no_continuation(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(2)).await;
    let error = shop.catalog.apply_batch("i1", batch(3, &products(2))).await.unwrap_err();
    assert_eq!(error.code(), "import_ended");
    let other = NewImport { fingerprint: "g".into(), ..new_import("i1", SyncMode::Merge) };
    assert_eq!(shop.catalog.begin_import(&other).await.unwrap_err().code(), "file_changed");
    assert_eq!(shop.catalog.import_report("i9").await.unwrap_err().code(), "unknown_import");
}

pub(super) async fn a_key_that_changed_again_stays_dirty(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &[product(1), product(2)]).await;
    let read = shop.catalog.dirty(DirtyKind::Text, None, 10).await.unwrap();
    let mut changed = product(1);
    changed.title = "New".into();
    shop.merge("i2", &[changed]).await;
    assert_eq!(shop.catalog.clear_dirty(DirtyKind::Text, &read).await.unwrap(), 1);
    assert_eq!(shop.keys(DirtyKind::Text).await, ["SKU-00001"]);
}

pub(super) async fn a_failure_or_a_drop_at_any_point_leaves_nothing_and_the_next_try_completes(bed: &Bed) {
    let undisturbed = bed.shop().await;
    undisturbed.merge("i1", &products(40)).await;
    let expected = undisturbed.dump().await;
    for passes in 0..40 {
        let shop = bed.shop().await;
        shop.begin("i1", SyncMode::Merge).await;
        shop.catalog.faults().fail_after(passes);
        let whole = batch(1, &products(40));
        let first = shop.catalog.apply_batch("i1", whole.clone()).await;
        let ended =
            if first.is_ok() { shop.catalog.finish_import("i1", None, 2).await.is_ok() } else { false };
        shop.catalog.faults().never();
        shop.catalog.apply_batch("i1", whole.clone()).await.ok();
        shop.catalog.finish_import("i1", None, 2).await.unwrap();
        assert_eq!(expected, shop.dump().await, "after {passes} passes");
        if ended {
            assert!(passes > 4, "all points must have been hit");
            return;
        }
    }
    panic!("the last round must pass every point");
}

pub(super) async fn a_future_dropped_at_any_await_leaves_nothing(bed: &Bed) {
    use std::future::Future;
    use std::task::Poll;

    let undisturbed = bed.shop().await;
    undisturbed.merge("i1", &products(40)).await;
    let expected = undisturbed.dump().await;
    let shop = bed.shop().await;
    shop.begin("i1", SyncMode::Merge).await;
    let whole = batch(1, &products(40));
    for polls in 1.. {
        let mut apply = Box::pin(shop.catalog.apply_batch("i1", whole.clone()));
        let mut seen = 0;
        let done = std::future::poll_fn(|cx| match apply.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(Some(result.map(|_| ()))),
            Poll::Pending => {
                seen += 1;
                if seen >= polls { Poll::Ready(None) } else { Poll::Pending }
            }
        })
        .await;
        drop(apply);
        if let Some(result) = done {
            result.unwrap();
            assert!(polls > 5, "the future must have been dropped at several points");
            break;
        }
    }
    shop.catalog.finish_import("i1", None, 2).await.unwrap();
    assert_eq!(expected, shop.dump().await);
}
