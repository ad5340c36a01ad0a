//! `backstock` itself with its queue on RabbitMQ.

use crate::crash::{delivery, kill_and_compare, new_shop};
use crate::demo::check_demo;
use crate::support::Shop;
use backstock_testbed::{SharedPostgres, SharedRabbit};

/// A deployment of its own on the broker of the test run.
fn on_rabbit() -> Shop {
    let prefix = uuid::Uuid::now_v7().simple().to_string();
    let url = SharedRabbit::get().expect("a private RabbitMQ for tests").url();
    new_shop().with("BACKSTOCK__QUEUE__URL", &url).with("BACKSTOCK__QUEUE__PREFIX", &prefix)
}

/// The same with its ledger on PostgreSQL.
fn beside_postgres() -> Shop {
    let server = SharedPostgres::get().expect("a private PostgreSQL for tests");
    let url = server.new_database().expect("a database");
    on_rabbit().with("BACKSTOCK__QUEUE__RABBITMQ__LEDGER_URL", &url)
}

#[test]
fn the_demo_runs_unchanged_on_rabbitmq() {
    check_demo(&on_rabbit(), 3);
}

#[test]
fn the_demo_runs_unchanged_on_rabbitmq_with_its_ledger_on_postgresql() {
    check_demo(&beside_postgres(), 3);
}

#[tokio::test]
async fn a_second_import_on_rabbitmq_writes_nothing() {
    for shop in [on_rabbit(), beside_postgres()] {
        let (csv, images) = delivery(&shop);
        let import = ["import", csv.to_str().unwrap(), "--images", images.to_str().unwrap(), "--json"];
        let first = shop.run(&import).ok().json();
        assert!(first["created"].as_u64() > Some(100) && first["thumbnails"].as_u64() > Some(100), "{first}");
        let before = shop.picture().await;
        let again = shop.run(&import).ok().json();
        for key in ["created", "updated", "thumbnails", "embeddings", "views_refreshed", "cache_warmed"] {
            assert_eq!(again[key], 0, "{key}: {again}");
        }
        assert_eq!(again["unchanged"], first["created"], "{again}");
        let after = shop.picture().await;
        assert_eq!((before.vectors == after.vectors, before.files == after.files), (true, true));
        assert_eq!(shop.ledger().keys().collect::<Vec<_>>(), ["completed"]);
        shop.run(&["doctor"]).ok();
    }
}

#[tokio::test]
async fn workers_on_rabbitmq_killed_at_random_moments_leave_what_an_undisturbed_import_does() {
    kill_and_compare(&new_shop(), &on_rabbit()).await;
}

#[tokio::test]
async fn workers_with_a_ledger_on_postgresql_killed_at_random_moments_do_so_too() {
    kill_and_compare(&new_shop(), &beside_postgres()).await;
}
