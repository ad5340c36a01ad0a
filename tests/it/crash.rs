//! Kill anything at any moment: the books still balance.
//!
//! By hand on a delivery of your own, with the language model, in release:
//!
//! ```sh
//! BACKSTOCK_KILLS=20 BACKSTOCK_SEED=5 BACKSTOCK_CRASH_CSV=FILE \
//!     BACKSTOCK_CRASH_IMAGES=DIR BACKSTOCK_CRASH_MODEL=DIR \
//!     cargo test --release -p backstock-cli --test it -- --nocapture a_worker_killed_at_random_moments
//! ```

use crate::support::{Picture, Shop};
use backstock_queue::Draws;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A setting of the test, from the environment.
fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().map(|text| text.parse().ok().unwrap_or_else(|| panic!("{name}={text}")))
}

/// A shop, with the language model where one is named.
pub fn new_shop() -> Shop {
    match setting::<String>("BACKSTOCK_CRASH_MODEL") {
        None => Shop::new(),
        Some(folder) => Shop::new()
            .with("BACKSTOCK__EMBEDDING__MODEL", "minilm")
            .with("BACKSTOCK__EMBEDDING__PATH", &folder),
    }
}

/// File and images of the delivery: those named, else the demo's.
pub fn delivery(shop: &Shop) -> (PathBuf, PathBuf) {
    if let (Some(csv), Some(images)) = (setting("BACKSTOCK_CRASH_CSV"), setting("BACKSTOCK_CRASH_IMAGES")) {
        return (csv, images);
    }
    let made = backstock_demo::write_catalog(shop.path("delivery"), &backstock_demo::Options::default());
    let made = made.expect("the demo's catalog can be written");
    (made.csv, made.images)
}

/// What an undisturbed import leaves behind, and how long it takes.
pub async fn undisturbed(shop: &Shop, csv: &str, images: &str) -> (Picture, Duration) {
    let begun = Instant::now();
    shop.run(&["import", csv, "--images", images, "--json"]).ok();
    let took = begun.elapsed();
    (shop.picture().await, took)
}

#[tokio::test]
async fn a_worker_killed_at_random_moments_leaves_what_an_undisturbed_one_does() {
    kill_and_compare(&new_shop(), &new_shop()).await;
}

/// Kills the workers of an import into `shop` at random moments; it leaves what an undisturbed one into `calm` does.
#[expect(clippy::print_stdout, reason = "a test that fails by chance says by which")]
pub async fn kill_and_compare(calm: &Shop, shop: &Shop) {
    let (kills, seed) = (setting("BACKSTOCK_KILLS").unwrap_or(6), setting("BACKSTOCK_SEED").unwrap_or(11));
    let (csv, images) = delivery(calm);
    let (csv, images) = (csv.to_str().unwrap(), images.to_str().unwrap());
    let (expected, took) = undisturbed(calm, csv, images).await;
    shop.run(&["import", csv, "--images", images, "--detach"]).ok();
    // All kills together come about when an undisturbed run would be done, so that they hit every stage.
    let spread = 2 * took / u32::try_from(kills).expect("a small number of kills");
    let longest = setting("BACKSTOCK_KILL_WITHIN_MS").map_or(spread, Duration::from_millis);
    let draws = Draws::seeded(seed);
    for _ in 0..kills {
        let up = shop.start(&["up"]);
        // Not waiting for anything: a kill at a random moment is the test, and there is no signal for "any moment".
        let moment = Duration::from_micros(draws.next() % longest.as_micros() as u64);
        tokio::time::sleep(moment).await;
        up.kill();
    }
    let done_before = shop.ledger().get("completed").copied().unwrap_or(0);
    let mut replays = Vec::new();
    loop {
        shop.run(&["up", "--until-done"]).ok();
        match replayed(shop) {
            0 => break,
            jobs => replays.push(jobs),
        }
    }
    if !replays.is_empty() {
        // A replayed job may mark documents of the cache when the import that would have warmed them is over; what is
        // marked so is made with the next start or cron slot.
        shop.run(&["up", "--until-done"]).ok();
    }
    let ledger = shop.ledger();
    println!(
        "{took:?} undisturbed; {kills} kills, seed {seed}: {done_before} jobs done before the last start, {ledger:?}, quarantined and replayed: {replays:?}"
    );
    let difference = expected.difference(&shop.picture().await, 0.999_99);
    assert_eq!(difference, "", "seed {seed}");
    assert_eq!(ledger.keys().collect::<Vec<_>>(), ["completed"], "{ledger:?}");
}

/// A job that three kills hit in a row is quarantined, as promised: the operator runs it again.
fn replayed(shop: &Shop) -> u64 {
    let retried =
        shop.run(&["jobs", "retry", "--state", "quarantined", "--limit", "500", "--json"]).ok().json();
    retried["retried"].as_u64().expect("a number of jobs")
}
