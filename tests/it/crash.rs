//! Kill anything at any moment: the books still balance.

use crate::support::{Picture, Shop};
use backstock_queue::Draws;
use std::time::{Duration, Instant};

/// Kills per test; `BACKSTOCK_KILLS` raises it.
fn kills() -> u64 {
    std::env::var("BACKSTOCK_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(6)
}

/// The catalog of the demo and what an undisturbed import of it leaves behind.
async fn undisturbed(shop: &Shop) -> (backstock_demo::Catalog, Picture) {
    let made =
        backstock_demo::write_catalog(shop.path("delivery"), &backstock_demo::Options::default()).unwrap();
    shop.run(&["import", made.csv.to_str().unwrap(), "--images", made.images.to_str().unwrap(), "--json"])
        .ok();
    let picture = shop.picture().await;
    (made, picture)
}

/// Waits until the process reached some moment of its work. What is awaited is time itself: the kill is meant to be random.
async fn some_time(draws: &Draws) {
    let millis = draws.next() % 700;
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[tokio::test]
async fn a_worker_killed_at_random_moments_leaves_what_an_undisturbed_one_does() {
    let calm = Shop::new();
    let (made, expected) = undisturbed(&calm).await;
    let shop = Shop::new();
    shop.run(&["import", made.csv.to_str().unwrap(), "--images", made.images.to_str().unwrap(), "--detach"])
        .ok();
    let seed = std::env::var("BACKSTOCK_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(11);
    let draws = Draws::seeded(seed);
    for _ in 0..kills() {
        let up = shop.start(&["up"]);
        some_time(&draws).await;
        up.kill();
    }
    let up = shop.start(&["up"]);
    let begun = Instant::now();
    while !everything_is_done(&shop) || replayed(&shop) > 0 {
        assert!(begun.elapsed() < Duration::from_mins(2), "not done after 120 s: {:?}", shop.ledger());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    up.kill();
    assert_eq!(shop.picture().await, expected, "seed {seed}");
    for ((kind, state), number) in shop.ledger() {
        assert_eq!(state, "completed", "{number} {kind}");
    }
}

/// A job that three kills hit in a row is quarantined, as promised: the operator runs it again.
fn replayed(shop: &Shop) -> u64 {
    let retried =
        shop.run(&["jobs", "retry", "--state", "quarantined", "--limit", "500", "--json"]).ok().json();
    retried["retried"].as_u64().expect("a number of jobs")
}

fn everything_is_done(shop: &Shop) -> bool {
    let queues = shop.run(&["queues", "list", "--json"]).ok().json();
    let open = ["scheduled", "available", "running", "retryable"];
    queues.as_array().is_some_and(|queues| {
        let waiting = |queue: &serde_json::Value| {
            open.iter().any(|state| queue["counts"][state].as_u64().unwrap_or(0) > 0)
        };
        !queues.is_empty() && !queues.iter().any(waiting)
    })
}
