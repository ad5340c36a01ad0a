//! `backstock` itself with its queue on Redis.

use crate::crash::{delivery, kill_and_compare, new_shop, undisturbed};
use crate::demo::check_demo;
use crate::support::{Picture, Running, Shop};
use backstock_testbed::{Fsync, RedisServer};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

fn on(server: &RedisServer) -> Shop {
    new_shop().with("BACKSTOCK__QUEUE__URL", &server.url())
}

#[test]
fn the_demo_runs_unchanged_on_redis() {
    check_demo(&on(&RedisServer::start().unwrap()), 3);
}

#[tokio::test]
async fn workers_on_redis_killed_at_random_moments_leave_what_an_undisturbed_import_does() {
    let server = RedisServer::start().unwrap();
    kill_and_compare(&new_shop(), &on(&server)).await;
}

#[tokio::test]
async fn a_frozen_worker_loses_its_jobs_and_its_own_results_are_refused() {
    let server = RedisServer::start().unwrap();
    let shop = on(&server);
    let import = Import::begin(&shop).await;
    let frozen = shop.start(&["up"]);
    completed(&shop, 3).await;
    frozen.freeze();
    let other = shop.start(&["up", "--until-done"]);
    found_dead(&shop, frozen.id()).await;
    // It may hold the lock of an SQLite file, which nobody can take from it: it cannot stay frozen until the end.
    frozen.thaw();
    other.ends();
    frozen.stop();
    shop.run(&["up", "--until-done"]).ok();
    import.compare(&shop).await;
}

#[tokio::test]
async fn a_server_killed_in_the_middle_of_an_import_only_delays_it() {
    let mut server = RedisServer::options().fsync(Fsync::Always).start().unwrap();
    let shop = on(&server);
    let import = Import::begin(&shop).await;
    let up = shop.start(&["up"]);
    for done in [2, 30, 100] {
        completed(&shop, done).await;
        server.kill();
        server.restart().unwrap();
    }
    shop.run(&["up", "--until-done"]).ok();
    up.stop();
    import.compare(&shop).await;
}

#[tokio::test]
async fn schedulers_and_workers_killed_in_turns_only_delay_an_import() {
    let server = RedisServer::start().unwrap();
    let shop = on(&server);
    let import = Import::begin(&shop).await;
    // One of them leads.
    let mut schedulers = VecDeque::from([shop.start(&["scheduler"]), shop.start(&["scheduler"])]);
    let mut worker = shop.start(&["worker"]);
    // Twice only: a job that was there at three deaths is quarantined, and the import may well be.
    for done in [2, 40] {
        completed(&shop, done).await;
        let dead = worker.id();
        worker.kill();
        schedulers.pop_front().unwrap().kill();
        schedulers.push_back(shop.start(&["scheduler"]));
        worker = shop.start(&["worker"]);
        // Whoever leads now gives back what it held.
        found_dead(&shop, dead).await;
    }
    completed(&shop, 100).await;
    worker.stop();
    schedulers.into_iter().for_each(Running::stop);
    shop.run(&["up", "--until-done"]).ok();
    import.compare(&shop).await;
}

/// An import that was accepted and not begun.
struct Import {
    /// What an undisturbed one leaves behind.
    expected: Picture,
    _calm: Shop,
}

impl Import {
    async fn begin(shop: &Shop) -> Self {
        let calm = new_shop();
        let (csv, images): (PathBuf, PathBuf) = delivery(&calm);
        let (csv, images) = (csv.to_str().unwrap(), images.to_str().unwrap());
        let (expected, _) = undisturbed(&calm, csv, images).await;
        shop.run(&["import", csv, "--images", images, "--detach"]).ok();
        Self { expected, _calm: calm }
    }

    async fn compare(&self, shop: &Shop) {
        assert_eq!(self.expected.difference(&shop.picture().await, 0.999_99), "");
        assert_eq!(shop.ledger().keys().collect::<Vec<_>>(), ["completed"], "{:?}", shop.ledger());
    }
}

/// Waits until so many jobs are completed.
async fn completed(shop: &Shop, jobs: u64) {
    let begun = Instant::now();
    while shop.ledger().get("completed").copied().unwrap_or(0) < jobs {
        assert!(begun.elapsed() < Duration::from_mins(1), "not reached after 60 s: {:?}", shop.ledger());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until another worker has been introduced and the one of this process counts as dead.
async fn found_dead(shop: &Shop, process: u32) {
    let begun = Instant::now();
    loop {
        let status = shop.run(&["status", "--json"]).ok().json();
        let workers = status["workers"].as_array().expect("a list of workers");
        if !workers.is_empty() && workers.iter().all(|worker| worker["pid"] != process) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "not found dead after 60 s: {workers:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
