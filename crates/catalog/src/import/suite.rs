//! The tests of the import, over every store.

/// Makes a test of every behaviour, for one store.
macro_rules! suite {
    ($store:ident, $bed:expr) => {
        mod $store {
            suite!(@ $bed, tests,
                an_import_accounts_for_every_record
                failing_at_any_point_and_running_again_gives_what_an_undisturbed_run_gives
                failing_again_and_again_still_comes_to_an_end
                a_resumption_with_another_batch_size_counts_every_record_once
                a_cancelled_import_says_where_and_continues_there
                an_import_that_has_ended_gives_its_report_again
                an_identical_delivery_causes_no_work
                a_file_that_breaks_off_keeps_what_was_read_and_says_so
                a_dry_run_counts_the_same_and_writes_nothing
                a_refused_row_does_not_make_its_product_missing
                what_the_observer_hears_is_what_the_catalog_keeps
                a_panic_of_the_reader_is_an_error_not_a_crash);
            suite!(@ $bed, file_tests,
                a_rejects_file_can_be_mended_and_imported
                a_delivery_without_rejects_leaves_no_rejects_file
                a_refused_file_is_in_the_ledger_with_its_code
                a_bad_row_of_a_full_sync_keeps_its_product
                a_stopped_full_sync_is_a_report_with_its_code_however_often_it_runs);
        }
    };
    (@ $bed:expr, $subject:ident, $($behaviour:ident)*) => {
        mod $subject {
            $(#[tokio::test]
            async fn $behaviour() {
                crate::import::$subject::$behaviour(&$bed.await).await;
            })*
        }
    };
}

suite!(sqlite, crate::store::tests::bed::sqlite());
suite!(postgres, crate::store::tests::bed::postgres());
