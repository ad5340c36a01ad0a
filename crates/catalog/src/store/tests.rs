//! The suite that every store must pass: one behaviour, one function with a sentence for a name. [`suite`] makes each
//! of them a test of each store.

mod batches;
pub(crate) mod bed;
mod full_sync;
mod opening;
pub(crate) mod popularity;
mod reading;
mod views;

use super::*;
use crate::product::{Money, Product};

use bed::{Bed, Shop};

impl Shop {
    async fn begin(&self, id: &str, mode: SyncMode) -> ImportReport {
        self.catalog.begin_import(&new_import(id, mode)).await.unwrap()
    }

    /// A whole delivery in one batch.
    async fn deliver(&self, id: &str, mode: SyncMode, products: &[Product]) -> (BatchOutcome, ImportReport) {
        self.begin(id, mode).await;
        let outcome = self.catalog.apply_batch(id, batch(1, products)).await.unwrap();
        (outcome, self.catalog.finish_import(id, None, 2).await.unwrap())
    }

    async fn merge(&self, id: &str, products: &[Product]) -> BatchOutcome {
        self.deliver(id, SyncMode::Merge, products).await.0
    }

    /// Forgets all waiting work.
    async fn settle(&self) {
        for kind in DirtyKind::ALL {
            let all = self.catalog.dirty(kind, None, 100_000).await.unwrap();
            self.catalog.clear_dirty(kind, &all).await.unwrap();
        }
    }

    async fn keys(&self, kind: DirtyKind) -> Vec<String> {
        self.catalog.dirty(kind, None, 100_000).await.unwrap().into_iter().map(|d| d.key).collect()
    }

    async fn dump(&self) -> Vec<String> {
        self.catalog.dump().await
    }
}

pub(super) fn new_import(id: &str, mode: SyncMode) -> NewImport {
    NewImport {
        images: Some("/photos".into()),
        id: id.into(),
        file: "products.csv".into(),
        fingerprint: "f".into(),
        source: "main".into(),
        mode,
        now_ms: 1,
    }
}

pub(super) fn batch(first_record: u64, products: &[Product]) -> Batch {
    let row = |(i, p): (usize, &Product)| {
        let record = first_record + i as u64;
        PreparedRow::new(record, record + 1, p.clone(), "main")
    };
    Batch {
        rows: products.iter().enumerate().map(row).collect(),
        last_record: first_record + products.len() as u64 - 1,
        ..Batch::default()
    }
}

/// A delivery in one batch.
pub(super) fn whole(products: &[Product]) -> Batch {
    batch(1, products)
}

fn issue(record: u64, code: &str) -> Issue {
    Issue { record, line: record + 1, code: code.into(), field: None, message: code.into() }
}

pub(super) fn product(number: usize) -> Product {
    Product {
        sku: format!("SKU-{number:05}"),
        title: format!("Product {number}"),
        brand: Some(format!("Brand {}", number % 3)),
        category: vec!["Shop".into(), format!("Shelf {}", number % 5)],
        price: Some(Money { minor: 500 + 37 * number as i64, currency: "EUR".into() }),
        stock: Some(number as i32 % 7),
        image_links: vec![format!("https://img.example/{}.jpg", number / 2)],
        ..Product::default()
    }
}

pub(super) fn products(count: usize) -> Vec<Product> {
    (0..count).map(product).collect()
}

/// Makes a test of every behaviour, for one store.
macro_rules! suite {
    ($store:ident, $bed:expr) => {
        mod $store {
            suite!(@ $bed, opening,
                a_catalog_can_be_opened_again_with_all_it_had
                a_catalog_of_a_newer_version_is_refused_in_words);
            suite!(@ $bed, batches,
                a_first_delivery_creates_and_marks_everything
                an_identical_delivery_writes_no_product_and_causes_no_work
                a_price_change_embeds_nothing_and_cuts_nothing
                a_product_that_moves_marks_the_old_and_the_new_group
                an_older_row_is_left_out_with_a_warning
                a_repeated_sku_is_rejected_within_and_across_batches
                a_known_product_behind_new_ones_is_compared_all_the_same
                a_batch_before_the_checkpoint_changes_nothing
                the_ledger_accounts_for_every_row
                an_ended_import_takes_no_batch_and_a_changed_file_no_continuation
                a_key_that_changed_again_stays_dirty
                a_failure_or_a_drop_at_any_point_leaves_nothing_and_the_next_try_completes
                a_future_dropped_at_any_await_leaves_nothing);
            suite!(@ $bed, full_sync,
                a_merge_counts_what_is_missing_and_keeps_it
                a_full_sync_archives_what_is_missing_and_marks_its_groups
                an_archived_product_that_is_delivered_again_comes_back
                an_almost_empty_full_sync_is_stopped_by_the_guard
                a_delivery_that_broke_off_archives_nothing
                products_of_another_source_are_not_missing);
            suite!(@ $bed, popularity,
                popular_products_come_first_then_the_latest
                the_same_content_is_counted_once
                requests_fade_by_their_time_whenever_they_are_counted
                a_file_that_replaces_takes_the_place_of_all_before
                a_count_that_breaks_off_leaves_nothing);
            suite!(@ $bed, reading,
                a_product_reads_back_as_it_was_delivered
                documents_come_in_the_order_asked_for
                an_image_result_is_stored_once_and_marks_its_products
                a_failed_image_is_a_warning_and_is_tried_again_only_when_linked_anew
                a_known_image_is_not_cut_again_for_another_product
                texts_of_active_products_can_be_marked_again
                a_version_is_published_once_and_never_taken_back
                dirty_marks_are_found_by_key
                a_product_is_found_by_number_and_by_words);
            suite!(@ $bed, views,
                an_incremental_refresh_gives_what_a_full_rebuild_gives
                a_refresh_does_only_what_is_dirty_and_leaves_nothing_dirty
                a_change_during_a_refresh_is_not_lost
                a_view_with_another_definition_is_built_in_full);
        }
    };
    (@ $bed:expr, $subject:ident, $($behaviour:ident)*) => {
        mod $subject {
            $(#[tokio::test]
            async fn $behaviour() {
                crate::store::tests::$subject::$behaviour(&$bed.await).await;
            })*
        }
    };
}

suite!(sqlite, crate::store::tests::bed::sqlite());
suite!(postgres, crate::store::tests::bed::postgres());
