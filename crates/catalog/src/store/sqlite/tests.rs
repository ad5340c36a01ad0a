//! Opening files, good and bad; every statement against a fresh file.

use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};

use super::open::SqliteCatalog;
use super::{dirty, dry_run, find, finish, images, imports, popular, products, published, read, seen, views};
use crate::store::report::SyncMode;
use crate::store::tests::{batch, new_import, products as some};
use crate::store::view::VIEWS;

async fn new() -> (SqliteCatalog, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (SqliteCatalog::open(&dir.path().join("catalog.db")).await.unwrap(), dir)
}

#[tokio::test]
async fn every_statement_prepares() {
    let (catalog, _dir) = new().await;
    let mut conn = catalog.read().await.unwrap();
    let constants = [
        dirty::STATEMENTS,
        dry_run::STATEMENTS,
        find::STATEMENTS,
        finish::STATEMENTS,
        images::STATEMENTS,
        imports::STATEMENTS,
        crate::store::imports::STATEMENTS,
        popular::STATEMENTS,
        products::STATEMENTS,
        published::STATEMENTS,
        read::STATEMENTS,
        seen::STATEMENTS,
        views::STATEMENTS,
    ];
    let made = VIEWS.iter().flat_map(|view| views::Sql(view).statements());
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
async fn a_file_that_is_no_database_is_called_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    std::fs::write(
        &path,
        "this is a text file, not a database, and longer than a header of one hundred bytes ............",
    )
    .unwrap();
    let error = SqliteCatalog::open(&path).await.unwrap_err();
    assert_eq!(error.code(), "catalog_corrupt");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_missing_folder_says_what_to_check() {
    let dir = tempfile::tempdir().unwrap();
    let error = SqliteCatalog::open(&dir.path().join("nowhere").join("catalog.db")).await.unwrap_err();
    assert_eq!(error.code(), "catalog_open");
    assert!(error.to_string().contains("check that the folder exists"));
}

#[tokio::test]
async fn a_full_disk_passes_and_leaves_the_catalog_as_it_was() {
    let (catalog, _dir) = new().await;
    catalog.begin_import(&new_import("i1", SyncMode::Merge)).await.unwrap();
    catalog.apply_batch("i1", batch(1, &some(5))).await.unwrap();
    let before = catalog.dump().await;
    catalog.spoil("PRAGMA max_page_count = 1").await;
    let error = catalog.apply_batch("i1", batch(6, &some(3_000))).await.unwrap_err();
    assert_eq!(error.code(), "disk_full");
    assert!(error.is_transient());
    assert_eq!(before, catalog.dump().await);
}
