//! The same commands with vectors on Qdrant and a cache on Redis. Qdrant is a server in this process that speaks its
//! protocol; `QDRANT_URL` is for the contract tests of the crate.

use crate::demo::check_demo;
use crate::support::Shop;
use backstock_testbed::{Fsync, RedisServer};
use backstock_vectors::QdrantStandIn;

const KEY: &str = "a key that is never shown";

fn on_qdrant(server: &QdrantStandIn) -> Shop {
    Shop::new().with("BACKSTOCK__VECTORS__URL", &server.url()).with("BACKSTOCK__VECTORS__API_KEY", KEY)
}

fn on_redis(url: &str) -> Shop {
    Shop::new().with("BACKSTOCK__CACHE__URL", url)
}

fn products(shop: &Shop, number: usize) -> String {
    let row = |n: usize| format!("S{n},Garden lamp {n},{n}.50,EUR,Garden > Lamps\n");
    let rows: String = (1..=number).map(row).collect();
    let file = shop.file("products.csv", format!("sku,title,price,currency,category\n{rows}"));
    file.to_str().unwrap().to_owned()
}

fn import(shop: &Shop, file: &str) -> serde_json::Value {
    shop.run(&["import", file, "--json"]).ok().json()
}

fn found(shop: &Shop, text: &str) -> Vec<String> {
    let found = shop.run(&["search", text, "--limit", "3", "--json"]).ok().json();
    let found = found.as_array().or_else(|| found["results"].as_array()).expect("results").clone();
    found.iter().map(|hit| hit["product"]["sku"].as_str().expect("a SKU").to_owned()).collect()
}

#[test]
fn the_demo_is_unchanged_with_vectors_on_qdrant_and_cleans_up() {
    let server = QdrantStandIn::start(KEY).unwrap();
    let shop = on_qdrant(&server);
    check_demo(&shop, 3);
    assert_eq!(server.collections().len(), 1, "in a folder of one's own everything stays");
    shop.run(&["demo"]).ok();
    assert_eq!(server.collections().len(), 1, "without, nothing does");
}

#[test]
fn an_import_fills_qdrant_once_publishes_and_is_searched() {
    let server = QdrantStandIn::start(KEY).unwrap();
    let shop = on_qdrant(&server);
    let file = products(&shop, 300);
    assert_eq!(import(&shop, &file)["embeddings"], 300);
    let (name, points) = server.collections()[0].clone();
    assert_eq!(points, 300);
    assert_eq!(server.alias("backstock"), Some(name.clone()), "published");
    assert!(server.is_indexed(&name));
    assert!(found(&shop, "garden lamp 7").contains(&"S7".to_owned()));
    assert_eq!(import(&shop, &file)["embeddings"], 0);
    assert_eq!(server.collections(), [(name, 300)]);
    let doctor = shop.run(&["doctor"]);
    assert_eq!(doctor.code(), 0, "{}{}", doctor.stdout(), doctor.stderr());
    assert!(!shop.run(&["config", "show"]).ok().stdout().contains(KEY));
}

#[test]
fn a_qdrant_server_that_is_away_or_refuses_is_named_in_one_line() {
    let server = QdrantStandIn::start("another key").unwrap();
    let shop = on_qdrant(&server);
    let file = products(&shop, 3);
    let refused = shop.run(&["import", &file]);
    assert_eq!(refused.code(), 4, "{}", refused.stderr());
    let said = refused.stderr();
    assert!(said.contains("api_key") && said.contains(&server.url()) && !said.contains(KEY), "{said}");
    // What needs no vectors goes on.
    let url = server.url();
    drop(server);
    shop.run(&["import", &file, "--detach"]).ok();
    shop.run(&["jobs", "list"]).ok();
    let away = shop.run(&["search", "lamp"]);
    assert_eq!(away.code(), 4, "{}", away.stderr());
    assert!(away.stderr().contains(&url) && away.stderr().contains("does not answer"), "{}", away.stderr());
}

#[test]
fn what_one_process_caches_on_redis_another_finds() {
    let server = RedisServer::options().fsync(Fsync::Off).start().unwrap();
    let shop = on_redis(&server.url());
    let file = products(&shop, 50);
    assert_eq!(import(&shop, &file)["cache_warmed"], 50);
    let keys = server.command(&["DBSIZE"]).unwrap();
    assert!(keys.trim().parse::<u64>().unwrap() >= 50, "{keys}");
    let hits = || {
        let info = server.command(&["INFO", "stats"]).unwrap();
        let line =
            info.lines().find_map(|line| line.trim().strip_prefix("keyspace_hits:").map(str::to_owned));
        line.unwrap().parse::<u64>().unwrap()
    };
    let before = hits();
    assert_eq!(found(&shop, "garden lamp 7").len(), 3);
    assert!(hits() >= before + 3, "documents came from Redis");
    assert_eq!(import(&shop, &file)["unchanged"], 50);
}

#[test]
fn the_demo_is_unchanged_with_a_cache_on_redis() {
    let server = RedisServer::options().fsync(Fsync::Off).start().unwrap();
    check_demo(&on_redis(&server.url()), 3);
}

/// Everything is done, in the first level alone, and one line says why.
fn does_without(shop: &Shop, number: usize, reason: &str) {
    let ran = shop.run(&["import", &products(shop, number), "--json"]).ok();
    assert_eq!((&ran.json()["failed_jobs"], &ran.json()["cache_warmed"]), (&0.into(), &number.into()));
    assert!(ran.stderr().contains(reason) && !ran.stderr().contains("secret"), "{}", ran.stderr());
    assert_eq!(found(shop, "garden lamp 7").len(), 3);
}

#[test]
fn redis_without_memory_hinders_nothing_and_is_warned_of() {
    let server =
        RedisServer::options().fsync(Fsync::Off).set("maxmemory-policy", "noeviction").start().unwrap();
    let shop = on_redis(&server.url());
    import(&shop, &products(&shop, 3));
    server.command(&["CONFIG", "SET", "maxmemory", "1mb"]).unwrap();
    does_without(&shop, 60, "new entries stay in level 1");
    // One that never had room.
    server.command(&["FLUSHALL"]).unwrap();
    does_without(&shop, 80, "the second cache level is full");
}

#[test]
fn redis_that_is_away_hinders_nothing_and_is_warned_of() {
    does_without(&on_redis("redis://user:secret@127.0.0.1:1"), 20, "level 1 serves alone");
}
