//! Opening files, good and bad; every statement against a fresh file.

use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};

use super::super::{
    dirty, dry_run, finish, images, imports, popular, products, published, read, seen, views,
};
use super::{Catalog, Shop, SyncMode, batch, products as some};

#[tokio::test]
async fn every_statement_prepares() {
    let shop = Shop::new().await;
    let mut conn = shop.catalog.read().await.unwrap();
    let constants = [
        dirty::STATEMENTS,
        dry_run::STATEMENTS,
        finish::STATEMENTS,
        images::STATEMENTS,
        imports::STATEMENTS,
        popular::STATEMENTS,
        products::STATEMENTS,
        published::STATEMENTS,
        read::STATEMENTS,
        seen::STATEMENTS,
        views::STATEMENTS,
    ];
    let made = views::VIEWS.iter().flat_map(views::View::statements);
    let bulk =
        [products::INSERT, products::REWRITE, images::INSERT, images::LINK].map(|insert| insert.sql(2));
    let all: Vec<String> =
        constants.concat().into_iter().map(str::to_owned).chain(made).chain(bulk).collect();
    assert!(all.len() > 40);
    for sql in all {
        let prepared = (&mut *conn).prepare(AssertSqlSafe(sql.clone()).into_sql_str()).await;
        assert!(prepared.is_ok(), "{sql}: {:?}", prepared.err());
    }
}

#[tokio::test]
async fn a_catalog_can_be_opened_again_with_all_it_had() {
    let shop = Shop::new().await;
    shop.merge("i1", &some(5)).await;
    let before = shop.dump().await;
    shop.catalog.close().await;
    let catalog = Catalog::open(shop.catalog.path()).await.unwrap();
    let again = Shop { catalog, dir: shop.dir };
    assert_eq!(before, again.dump().await);
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_in_words() {
    let shop = Shop::new().await;
    let mut tx = shop.catalog.write().await.unwrap();
    let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (999, 'later', 1, x'00', 0)";
    sqlx::query(sql).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    shop.catalog.close().await;
    let error = Catalog::open(shop.catalog.path()).await.unwrap_err();
    assert_eq!(error.code(), "catalog_newer_version");
    let text = error.to_string();
    assert!(text.contains("newer version") && text.contains("999") && !text.contains('\n'), "{text}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_called_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    std::fs::write(
        &path,
        "this is a text file, not a database, and longer than a header of one hundred bytes ............",
    )
    .unwrap();
    let error = Catalog::open(&path).await.unwrap_err();
    assert_eq!(error.code(), "catalog_corrupt");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_missing_folder_says_what_to_check() {
    let dir = tempfile::tempdir().unwrap();
    let error = Catalog::open(&dir.path().join("nowhere").join("catalog.db")).await.unwrap_err();
    assert_eq!(error.code(), "catalog_open");
    assert!(error.to_string().contains("check that the folder exists"));
}

#[tokio::test]
async fn a_full_disk_passes_and_leaves_the_catalog_as_it_was() {
    let shop = Shop::new().await;
    shop.merge("i1", &some(5)).await;
    shop.begin("i2", SyncMode::Merge).await;
    let before = shop.dump().await;
    let mut tx = shop.catalog.write().await.unwrap();
    sqlx::query("PRAGMA max_page_count = 1").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let error = shop.catalog.apply_batch("i2", batch(1, &some(3_000))).await.unwrap_err();
    assert_eq!(error.code(), "disk_full");
    assert!(error.is_transient());
    assert_eq!(before, shop.dump().await);
}
