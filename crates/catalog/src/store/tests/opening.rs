//! What a restart finds.

use super::*;

pub(super) async fn a_catalog_can_be_opened_again_with_all_it_had(bed: &Bed) {
    let shop = bed.shop().await;
    shop.merge("i1", &products(5)).await;
    let before = shop.dump().await;
    let again = shop.reopened().await;
    assert_eq!(before, again.dump().await);
}

pub(super) async fn a_catalog_of_a_newer_version_is_refused_in_words(bed: &Bed) {
    let shop = bed.shop().await;
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (999, 'later', true, '', 0)";
    shop.catalog.spoil(later).await;
    shop.catalog.close().await;
    let error = shop.catalog.again().await.unwrap_err();
    assert_eq!(error.code(), "catalog_newer_version");
    let text = error.to_string();
    assert!(text.contains("newer version") && text.contains("999") && !text.contains('\n'), "{text}");
}
