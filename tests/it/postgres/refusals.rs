//! A database that cannot be used: one line, what, where, what to do, and never the password.

use super::{URL, database, execute, on};
use crate::support::{self, Ran, Shop};
use backstock_testbed::PostgresServer;
use std::os::unix::fs::PermissionsExt;

const FILE: &str = "sku,title,price,currency,stock\nA,Brass lamp,1.00,EUR,1\nB,Oak chair,2.00,EUR,1\n";

fn refused(ran: &Ran, code: i32, parts: &[&str]) {
    support::refused(ran, code, parts);
    let said = ran.stderr();
    assert!(!said.contains("s3cret"), "{said}");
}

fn import(shop: &Shop) -> Ran {
    shop.file("good.csv", FILE);
    shop.run(&["import", "good.csv", "--json"])
}

/// The same database, as seen by a role of that name, which owns nothing.
async fn as_stranger(url: &str) -> String {
    let (server, name) = url.rsplit_once('/').unwrap();
    let role = name.replace("test_", "role_");
    execute(url, &format!("CREATE ROLE {role} LOGIN")).await;
    format!("{}/{name}", server.replace("postgres@", &format!("{role}@")))
}

#[test]
fn a_server_that_is_away_and_a_missing_database_are_told_apart() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let away = format!("postgres://shop:s3cret@127.0.0.1:{port}/catalog");
    let at = format!("postgres://shop@127.0.0.1:{port}/catalog");
    refused(&import(&on(&away)), 4, &[&at, "cannot be reached", "check that PostgreSQL runs there"]);
    let missing = format!("{}_gone", database());
    refused(&import(&on(&missing)), 4, &["does not exist", "create the database", "`catalog.url`"]);
    let shop = on("postgres://shop:s3cret@nowhere:port/x");
    refused(&shop.run(&["config", "check"]), 2, &["`catalog.url`", "postgres://USER:PASSWORD@HOST"]);
}

#[test]
fn a_wrong_password_is_a_refused_login() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    std::fs::write(&rules, "host all postgres all trust\nhost all all all scram-sha-256\n").unwrap();
    // The server runs as another user.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let server = PostgresServer::start_with(&[&format!("hba_file={}", rules.display())]).unwrap();
    server.execute("CREATE ROLE shop LOGIN PASSWORD 'right'").unwrap();
    let url = server.url().replace("postgres@", "shop:s3cret@");
    refused(&import(&on(&url)), 4, &["refuses the login", "check user and password in `catalog.url`"]);
}

#[tokio::test]
async fn somebody_without_rights_is_told_which_and_what_to_do() {
    let url = as_stranger(&database()).await;
    refused(&import(&on(&url)), 4, &["lacks a right", "permission denied for schema public", "grant it"]);
}

#[tokio::test]
async fn without_the_right_to_the_extension_only_misspelt_words_are_not_found() {
    let owner = database();
    let url = as_stranger(&owner).await;
    execute(&owner, "GRANT ALL ON SCHEMA public TO PUBLIC").await;
    let shop = on(&url);
    let imported = import(&shop).ok();
    assert_eq!(imported.json()["created"], 2);
    let said = imported.stderr();
    assert!(
        said.contains("misspelt words will not be found") && said.contains("CREATE EXTENSION pg_trgm"),
        "{said}"
    );
    let skus = |text: &str| -> Vec<String> {
        let found = shop.run(&["search", "--words", text, "--json"]).ok().json();
        found.as_array().unwrap().iter().map(|doc| doc["sku"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(skus("brass lamp"), ["A"]);
    assert!(skus("bras lampp").is_empty());
    execute(&owner, "CREATE EXTENSION pg_trgm").await;
    assert_eq!(skus("bras lampp"), ["A"], "the next start makes the index");
}

#[tokio::test]
async fn a_catalog_of_a_newer_version_is_refused() {
    let url = database();
    let shop = on(&url);
    import(&shop).ok();
    execute(
        &url,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
            VALUES (9000, 'later', true, '', 0)",
    )
    .await;
    refused(&import(&shop), 4, &["newer version of backstock", "migration 9000", "use that version"]);
}

#[test]
fn a_server_that_went_away_leaves_the_import_for_later() {
    let mut server = PostgresServer::start().unwrap();
    let shop = crate::crash::new_shop().with(URL, &server.url());
    import(&shop).ok();
    server.kill();
    refused(&import(&shop), 4, &["cannot be reached"]);
    server.restart().unwrap();
    assert_eq!(import(&shop).ok().json()["unchanged"], 2);
}
