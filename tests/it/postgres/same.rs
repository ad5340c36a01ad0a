//! The same commands do the same as on SQLite.

use super::{database, on};
use crate::crash::{delivery, kill_and_compare, new_shop, undisturbed};
use crate::demo::check_demo;
use crate::support::{Picture, Shop};
use backstock_testbed::PostgresServer;
use serde_json::Value;

/// Category, brand, price; on PostgreSQL also the one by product.
const SUMMARIES: u64 = 4;

#[test]
fn the_demo_runs_unchanged_on_postgres() {
    check_demo(&on(&database()), SUMMARIES);
}

/// What an import says of itself, without what differs from run to run, and without the view that SQLite has not.
fn counts(report: &Value) -> Vec<(String, Value)> {
    let counts = report.as_object().unwrap().iter().filter(|(_, value)| value.is_u64());
    let same = counts.filter(|(name, _)| !["elapsed_ms", "views_refreshed"].contains(&name.as_str()));
    same.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn found(shop: &Shop, args: &[&str]) -> Value {
    shop.run(&[&["search"], args, &["--json"]].concat()).ok().json()
}

#[tokio::test]
async fn an_import_and_its_searches_are_the_same_as_on_sqlite() {
    let (file, server) = (new_shop(), on(&database()));
    let (csv, images) = delivery(&file);
    let (csv, images) = (csv.to_str().unwrap(), images.to_str().unwrap());
    let import = |shop: &Shop| shop.run(&["import", csv, "--images", images, "--json"]).ok().json();
    let (first, second) = (import(&file), import(&server));
    assert_eq!(counts(&first), counts(&second));
    let (expected, picture) = (file.picture().await, server.picture().await);
    assert_eq!(expected.difference(&picture, 0.999_99), "");
    for text in ["warm blanket for the sofa", "gift for a gardener", "lamp"] {
        let [one, other] = [&file, &server].map(|shop| found(shop, &[text, "--limit", "5"]));
        let sku = |one: &Value| one["product"]["sku"].as_str().unwrap().to_owned();
        let skus = |found: &Value| -> Vec<String> { found.as_array().unwrap().iter().map(sku).collect() };
        assert!(!skus(&one).is_empty(), "{one}");
        assert_eq!(skus(&one), skus(&other), "{text}");
    }
    let again = import(&server);
    for key in ["created", "updated", "thumbnails", "embeddings", "views_refreshed"] {
        assert_eq!(again[key], 0, "{key}: {again}");
    }
    let ledger = |row: &&String| row.starts_with("[\"import\"") || row.starts_with("[\"issue\"");
    let products = |picture: &Picture| -> Vec<String> {
        picture.catalog.iter().filter(|row| !ledger(row)).cloned().collect()
    };
    assert_eq!(products(&picture), products(&server.picture().await), "a second import changes nothing");
}

#[tokio::test]
async fn what_was_only_enqueued_is_done_by_a_worker() {
    let (calm, shop) = (new_shop(), on(&database()));
    let (csv, images) = delivery(&calm);
    let (csv, images) = (csv.to_str().unwrap(), images.to_str().unwrap());
    let (expected, _) = undisturbed(&calm, csv, images).await;
    shop.run(&["import", csv, "--images", images, "--detach"]).ok();
    shop.run(&["up", "--until-done"]).ok();
    assert_eq!(expected.difference(&shop.picture().await, 0.999_99), "");
}

#[tokio::test]
async fn workers_killed_at_random_moments_leave_in_postgres_what_an_undisturbed_import_does() {
    kill_and_compare(&new_shop(), &on(&database())).await;
}

#[tokio::test]
async fn a_database_server_killed_in_the_middle_of_an_import_only_delays_it() {
    let mut server = PostgresServer::start().unwrap();
    let (calm, shop) = (new_shop(), on(&server.url()));
    let (csv, images) = delivery(&calm);
    let (csv, images) = (csv.to_str().unwrap(), images.to_str().unwrap());
    let (expected, _) = undisturbed(&calm, csv, images).await;
    shop.run(&["import", csv, "--images", images, "--detach"]).ok();
    let up = shop.start(&["up"]);
    for done in [1, 40, 120] {
        while shop.ledger().get("completed").copied().unwrap_or(0) < done {
            tokio::task::yield_now().await;
        }
        server.kill();
        server.restart().unwrap();
    }
    shop.run(&["up", "--until-done"]).ok();
    up.stop();
    let ledger = shop.ledger();
    assert_eq!(ledger.keys().collect::<Vec<_>>(), ["completed"], "{ledger:?}");
    assert_eq!(expected.difference(&shop.picture().await, 0.999_99), "");
}
