//! The primary dies, its replica takes over, and the work goes on.

use super::fault_tests::until_it_passes;
use super::{RedisOptions, RedisStore};
use crate::conformance::lab;
use crate::{Outcome, Settled, Settlement, Store};
use backstock_testbed::RedisPair;

#[tokio::test]
async fn jobs_go_on_at_the_replica_when_their_primary_dies() {
    let mut pair = RedisPair::start().expect("a private pair of servers under a Sentinel");
    let store = RedisStore::open(&pair.url(), RedisOptions::default()).await.unwrap();
    store.check_in(&lab::info("w", lab::PATIENCE)).await.unwrap();
    store.enqueue(lab::jobs("a", 100)).await.unwrap();
    let leases = store.claim(&lab::Lab::request(40)).await.unwrap().leases;
    let mut wake_ups = store.wake_ups();
    wake_ups.borrow_and_update();
    pair.kill_primary().unwrap();
    let ended = || leases.iter().map(|lease| Settlement::new(lease.key(), Outcome::Complete)).collect();
    let settled = until_it_passes(async || store.settle(ended()).await).await;
    assert!(settled.into_iter().all(|one| one == Settled::Applied));
    assert_eq!(store.claim(&lab::Lab::request(500)).await.unwrap().leases.len(), 60);
    // The listener has found the new primary, too, when that knows its name.
    wake_ups.changed().await.unwrap();
    wake_ups.borrow_and_update();
    assert!(pair.replica().command(&["CLIENT", "LIST"]).unwrap().contains(store.bell.name()));
    store.enqueue(vec![lab::job("b")]).await.unwrap();
    wake_ups.changed().await.unwrap();
}

#[tokio::test]
async fn a_name_that_no_sentinel_knows_is_told() {
    let pair = RedisPair::start().expect("a private pair of servers under a Sentinel");
    let url = pair.url().replace("/main", "/other");
    let error = RedisStore::open(&url, RedisOptions::default()).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(error.to_string().contains("other as Sentinel 127.0.0.1"), "{error}");
}
