//! Against real servers: every statement, every way in which a server can refuse, and a server that dies.

use std::time::Duration;

use backstock_testbed::{PostgresServer, SharedPostgres};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqlSafeStr};

use super::{
    by_product, counted_table, dirty, discover, dry_run, find, finish, images, imports, native, popular,
    products, published, read, refresh, seen, views,
};
use crate::store::catalog::Store;
use crate::store::tests::{bed, new_import, products as some, whole};
use crate::store::view::VIEWS;
use crate::store::{Catalog, CatalogError, PostgresOptions, RefreshMode, SyncMode};

#[tokio::test]
async fn every_statement_prepares() {
    let shop = bed::postgres().await.shop().await;
    let Store::Postgres(catalog) = &shop.catalog.store else { panic!("a catalog on PostgreSQL") };
    let constants = [
        by_product::STATEMENTS,
        counted_table::STATEMENTS,
        dirty::STATEMENTS,
        discover::STATEMENTS,
        dry_run::STATEMENTS,
        find::STATEMENTS,
        finish::STATEMENTS,
        images::STATEMENTS,
        imports::STATEMENTS,
        crate::store::imports::STATEMENTS,
        native::STATEMENTS,
        popular::STATEMENTS,
        products::STATEMENTS,
        published::STATEMENTS,
        read::STATEMENTS,
        refresh::STATEMENTS,
        seen::STATEMENTS,
        views::STATEMENTS,
    ];
    let made = VIEWS.iter().flat_map(|view| views::Sql(view).statements());
    let all: Vec<String> = constants.concat().into_iter().map(str::to_owned).chain(made).collect();
    assert!(all.len() > 40);
    let mut conn = catalog.read().await.unwrap();
    for sql in all {
        let prepared = (&mut *conn).prepare(AssertSqlSafe(sql.clone()).into_sql_str()).await;
        assert!(prepared.is_ok(), "{sql}: {:?}", prepared.err());
    }
}

async fn refused(url: &str) -> CatalogError {
    let error = Catalog::connect(&PostgresOptions::new(url)).await.unwrap_err();
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.contains("secret"), "{text}");
    error
}

/// An empty database and somebody who may log in but owns nothing.
async fn stranger() -> (String, String) {
    let owner = SharedPostgres::get().unwrap().new_database().unwrap();
    let (server, database) = owner.rsplit_once('/').unwrap();
    let role = database.replace("test_", "role_");
    let mut conn = PgConnection::connect(&owner).await.unwrap();
    conn.execute(AssertSqlSafe(format!("CREATE ROLE {role} LOGIN")).into_sql_str()).await.unwrap();
    let url = format!("{}/{database}", server.replace("postgres@", &format!("{role}@")));
    (owner, url)
}

#[tokio::test]
async fn a_server_that_is_away_and_a_missing_database_are_told_apart() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let away = refused(&format!("postgres://shop:secret@127.0.0.1:{port}/catalog")).await;
    assert_eq!((away.code(), away.is_transient()), ("catalog_away", true));
    let port = SharedPostgres::get().unwrap().port();
    let missing = refused(&format!("postgres://postgres@127.0.0.1:{port}/no_such_database")).await;
    assert_eq!((missing.code(), missing.is_transient()), ("catalog_missing", false));
}

#[tokio::test]
async fn a_wrong_password_is_a_refused_login() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    std::fs::write(&rules, "host all postgres all trust\nhost all all all scram-sha-256\n").unwrap();
    open_to_all(folder.path());
    let server = PostgresServer::start_with(&[&format!("hba_file={}", rules.display())]).unwrap();
    server.execute("CREATE ROLE shop LOGIN PASSWORD 'right'").unwrap();
    let url = server.url().replace("postgres@", "shop:secret@");
    let error = refused(&url).await;
    assert_eq!((error.code(), error.is_transient()), ("catalog_login", false));
}

/// The server runs as another user.
fn open_to_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn somebody_without_rights_is_told_so_and_needs_only_those_to_read_and_write() {
    let (owner, url) = stranger().await;
    let error = refused(&url).await;
    assert_eq!((error.code(), error.is_transient()), ("catalog_rights", false));
    Catalog::connect(&PostgresOptions::new(&owner)).await.unwrap().close().await;
    let mut conn = PgConnection::connect(&owner).await.unwrap();
    conn.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO PUBLIC;
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO PUBLIC",
    )
    .await
    .unwrap();
    let catalog = Catalog::connect(&PostgresOptions::new(url)).await.unwrap();
    catalog.begin_import(&new_import("i1", SyncMode::Merge)).await.unwrap();
    catalog.apply_batch("i1", whole(&some(3))).await.unwrap();
    assert_eq!(catalog.count().await.unwrap(), 3);
    let refreshed = catalog.refresh_views(RefreshMode::Incremental).await.unwrap();
    assert!(refreshed.iter().all(|(_, report)| report.is_ok()), "{refreshed:?}");
    assert!(refreshed.iter().all(|(view, _)| !view.ends_with("_performance")), "{refreshed:?}");
    let views = catalog.views().await.unwrap();
    assert_eq!(views.iter().filter(|view| !view.allowed).count(), 3, "those of the owner");
}

#[tokio::test]
async fn a_schema_of_its_own_is_made_and_dropped() {
    let url = SharedPostgres::get().unwrap().new_database().unwrap();
    let in_schema = |name: &str| PostgresOptions { schema: Some(name.into()), ..PostgresOptions::new(&url) };
    let one = Catalog::connect(&in_schema("one")).await.unwrap();
    let two = Catalog::connect(&in_schema("two")).await.unwrap();
    one.begin_import(&new_import("i1", SyncMode::Merge)).await.unwrap();
    one.apply_batch("i1", whole(&some(3))).await.unwrap();
    assert_eq!((one.count().await.unwrap(), two.count().await.unwrap()), (3, 0));
    one.drop_schema().await.unwrap();
    assert!(one.count().await.is_err());
    assert_eq!(two.count().await.unwrap(), 0);
    let odd = Catalog::connect(&in_schema("x; DROP TABLE product")).await.unwrap_err();
    assert_eq!(odd.code(), "catalog_address");
}

#[tokio::test]
async fn a_server_that_hangs_does_not_hang_its_clients() {
    let server = PostgresServer::start().unwrap();
    let limits = PostgresOptions {
        connect_timeout: Duration::from_millis(300),
        statement_timeout: Duration::from_millis(300),
        ..PostgresOptions::new(server.url())
    };
    let catalog = Catalog::connect(&limits).await.unwrap();
    assert_eq!(catalog.count().await.unwrap(), 0);
    server.stop_process();
    let error = catalog.count().await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    let error = Catalog::connect(&limits).await.unwrap_err();
    assert_eq!(error.code(), "catalog_away");
    server.continue_process();
    assert_eq!(catalog.count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_server_that_is_killed_between_batches_loses_nothing() {
    let mut server = PostgresServer::start().unwrap();
    let catalog = Catalog::connect(&PostgresOptions::new(server.url())).await.unwrap();
    catalog.begin_import(&new_import("i1", SyncMode::Merge)).await.unwrap();
    catalog.apply_batch("i1", whole(&some(500))).await.unwrap();
    let before = catalog.dump().await;
    server.kill();
    assert!(catalog.apply_batch("i1", whole(&some(600))).await.unwrap_err().is_transient());
    server.restart().unwrap();
    assert_eq!(before, catalog.dump().await);
    let outcome = catalog.apply_batch("i1", whole(&some(600))).await.unwrap();
    assert_eq!((outcome.counters.created, outcome.counters.rejected), (100, 500));
}
