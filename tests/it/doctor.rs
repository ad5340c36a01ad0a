//! `backstock doctor` looks at everything the configuration names, and one flaw hides no other.

use crate::support::{Ran, Shop};
use backstock_testbed::{HttpServer, RedisServer};
use backstock_vectors::QdrantStandIn;
use serde_json::Value;

/// A shop with one product.
fn shop() -> Shop {
    let shop = Shop::new();
    shop.file("one.csv", "sku,title,price,currency\nA,Lamp,1.00,EUR\n");
    shop.run(&["import", "one.csv"]).ok();
    shop
}

/// What one check found.
fn check(ran: &Ran, name: &str) -> Value {
    let json = ran.json();
    let checks = json["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("{name}: {json}")).clone()
}

#[test]
fn a_sound_shop_is_told_by_its_parts() {
    let shop = shop();
    let seen = shop.run(&["doctor", "--json"]).ok();
    assert_eq!(check(&seen, "catalog")["products"], 1);
    assert_eq!(check(&seen, "vectors")["points"], 1);
    assert!(check(&seen, "cache")["shared"].is_null());
    assert!(check(&seen, "model")["model"].is_string());
    assert!(["turbo", "rust"].contains(&check(&seen, "images")["engine"].as_str().unwrap()));
    assert_eq!(check(&seen, "sources")["buckets"], serde_json::json!([]));
    let rust = shop.with("BACKSTOCK__MEDIA__ENGINE", "rust");
    let told = rust.run(&["doctor"]).ok().stdout();
    assert!(
        told.contains("images: rust") && told.contains("vectors: sqlite, 1 points: every one read"),
        "{told}"
    );
}

#[test]
fn nothing_is_made_where_nothing_was_ever_done() {
    let shop = Shop::new();
    let ran = shop.run(&["doctor"]);
    assert_eq!(ran.code(), 4, "{}", ran.stderr());
    assert!(!shop.data().join("catalog.db").exists());
}

#[test]
fn servers_that_are_away_are_flaws_and_the_rest_is_looked_at_all_the_same() {
    let (qdrant, redis) = (QdrantStandIn::start("").unwrap(), RedisServer::start().unwrap());
    let shop =
        shop().with("BACKSTOCK__VECTORS__URL", &qdrant.url()).with("BACKSTOCK__CACHE__URL", &redis.url());
    let sound = shop.run(&["doctor", "--json"]).ok();
    assert!(check(&sound, "cache")["shared"].is_string());
    drop((qdrant, redis));
    let ran = shop.run(&["doctor", "--json"]);
    assert_eq!(ran.code(), 1, "{}", ran.stderr());
    assert!(check(&ran, "vectors")["told"].as_str().unwrap().contains("does not answer"));
    assert!(check(&ran, "cache")["told"].as_str().unwrap().contains("cannot be used"));
    for sound in ["queue", "catalog", "model", "images", "sources"] {
        assert_eq!(check(&ran, sound)["sound"], true, "{sound}");
    }
}

#[test]
fn buckets_are_asked_whether_they_can_be_read() {
    const MISSING: &str =
        "HTTP/1.1 404 Not Found\r\nContent-Length: 37\r\n\r\n<Error><Code>NoSuchKey</Code></Error>";
    const UNLISTED: &str =
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 40\r\n\r\n<Error><Code>AccessDenied</Code></Error>";
    const UNKNOWN: &str =
        "HTTP/1.1 404 Not Found\r\nContent-Length: 40\r\n\r\n<Error><Code>NoSuchBucket</Code></Error>";
    let shop = shop()
        .with("BACKSTOCK__MEDIA__S3__BUCKETS", "pictures")
        .with("BACKSTOCK__MEDIA__S3__ALLOW_HTTP", "true");
    let mut shop = Some(shop);
    for (answer, code, told) in
        [(MISSING, 0, "can be read"), (UNLISTED, 0, "answers 403"), (UNKNOWN, 1, "NoSuchBucket")]
    {
        let server = HttpServer::saying(answer);
        let asking =
            shop.take().unwrap().with("BACKSTOCK__MEDIA__S3__ENDPOINT", server.url("").trim_end_matches('/'));
        let ran = asking.run(&["doctor"]);
        assert_eq!(ran.code(), code, "{}{}", ran.stdout(), ran.stderr());
        assert!(ran.stdout().contains(told), "{told}: {}", ran.stdout());
        shop = Some(asking);
    }
}

#[test]
fn a_model_folder_that_is_gone_is_refused_as_a_setting() {
    let shop = shop().with("BACKSTOCK__EMBEDDING__PATH", "nowhere");
    let ran = shop.run(&["doctor"]);
    assert_eq!(ran.code(), 2, "{}", ran.stderr());
    assert!(ran.stderr().contains("embedding.path"), "{}", ran.stderr());
}
