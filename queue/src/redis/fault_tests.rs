//! Servers that refuse, vanish, hang or hold what is not ours: a clear error, nothing lost, and on it goes.

use super::{RedisOptions, RedisStore, open::FORMAT};
use crate::conformance::lab;
use crate::{JobState, Outcome, Settled, Settlement, Store, StoreError};
use backstock_testbed::{Fsync, RedisServer};
use std::time::Duration;

async fn open(url: &str) -> Result<RedisStore, StoreError> {
    RedisStore::open(url, RedisOptions::default()).await
}

/// A store on `server` with a worker "w", with short patience for answers.
async fn store_on(server: &RedisServer) -> RedisStore {
    let options = RedisOptions { timeout: Duration::from_millis(300), ..RedisOptions::default() };
    let store = RedisStore::open(&server.url(), options).await.unwrap();
    store.check_in(&lab::info("w", lab::PATIENCE)).await.unwrap();
    store
}

fn started(server: backstock_testbed::RedisOptions) -> RedisServer {
    server.start().expect("a private Redis for tests")
}

/// Repeats a call until the store is there again.
pub(super) async fn until_it_passes<T>(mut call: impl AsyncFnMut() -> Result<T, StoreError>) -> T {
    loop {
        match call().await {
            Ok(answer) => return answer,
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_url_that_is_none_is_invalid() {
    let wrong = open("redis:/nonsense").await.unwrap_err();
    assert!(matches!(wrong, StoreError::Invalid(_)), "{wrong}");
    let prefix = RedisOptions { prefix: "a b".to_owned(), ..RedisOptions::default() };
    let wrong = RedisStore::open("redis://127.0.0.1", prefix).await.unwrap_err();
    assert!(matches!(wrong, StoreError::Invalid(_)), "{wrong}");
}

#[tokio::test]
async fn a_server_that_is_not_there_may_come() {
    let server = RedisServer::start().unwrap();
    let url = server.url();
    drop(server);
    let error = open(&url).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_named_and_not_repeated() {
    let server = started(RedisServer::options().password("secret"));
    for url in [
        format!("redis://127.0.0.1:{}", server.port()),
        format!("redis://:guess@127.0.0.1:{}", server.port()),
    ] {
        let error = open(&url).await.unwrap_err();
        assert!(!error.is_transient(), "{error}");
        assert!(error.to_string().contains("password") && !error.to_string().contains("guess"), "{error}");
    }
    assert!(open(&format!("redis://:secret@127.0.0.1:{}", server.port())).await.is_ok());
}

#[tokio::test]
async fn tls_on_a_plain_port_is_refused() {
    let server = RedisServer::start().unwrap();
    let error = open(&format!("rediss://127.0.0.1:{}", server.port())).await.unwrap_err();
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
}

#[tokio::test]
async fn a_read_only_replica_is_named() {
    let (primary, replica) = (RedisServer::start().unwrap(), RedisServer::start().unwrap());
    open(&primary.url()).await.unwrap();
    replica.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]).unwrap();
    let error = open(&replica.url()).await.unwrap_err();
    assert!(error.to_string().contains("primary"), "{error}");
}

#[tokio::test]
async fn a_foreign_key_under_our_name_is_told_and_harms_nobody() {
    let server = RedisServer::start().unwrap();
    let store = store_on(&server).await;
    server.command(&["SET", "{backstock}:jobs", "mine"]).unwrap();
    let error = store.enqueue(vec![lab::job("a")]).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    server.command(&["DEL", "{backstock}:jobs"]).unwrap();
    let error = store.enqueue(vec![lab::job("b")]).await;
    assert!(error.is_ok(), "{error:?}");
}

#[tokio::test]
async fn a_damaged_job_is_set_aside_and_the_others_go_on() {
    let server = RedisServer::start().unwrap();
    let store = store_on(&server).await;
    for job in lab::jobs("a", 3) {
        store.enqueue(vec![job]).await.unwrap();
    }
    let damage = redis::cmd("HSET").arg("{backstock}:jobs").arg(&2_u64.to_be_bytes()).arg("rubbish").clone();
    store.link.command(&damage).await.unwrap();
    let leases = store.claim(&lab::Lab::request(5)).await.unwrap().leases;
    assert_eq!(lab::names(&leases), ["a-0", "a-2"]);
    let aside = server.command(&["HLEN", "{backstock}:damaged"]).unwrap();
    assert_eq!(aside.trim().trim_start_matches("(integer) "), "1");
    let counts = store.queues().await.unwrap().remove(0).counts;
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [(JobState::Running, 2)]);
}

#[tokio::test]
async fn a_damaged_pack_of_jobs_is_set_aside_and_the_others_go_on() {
    let server = RedisServer::start().unwrap();
    let store = store_on(&server).await;
    for name in ["a", "b", "c"] {
        store.enqueue(lab::jobs(name, 2)).await.unwrap();
    }
    let damage = redis::cmd("HSET").arg("{backstock}:packs").arg(&1_u64.to_be_bytes()).arg("rubbish").clone();
    store.link.command(&damage).await.unwrap();
    let body = [b"{backstock}:b:".as_slice(), &3_u64.to_be_bytes()].concat();
    store.link.command(redis::cmd("SET").arg(&body).arg("x")).await.unwrap();
    let leases = store.claim(&lab::Lab::request(5)).await.unwrap().leases;
    assert_eq!(lab::names(&leases), ["c-0", "c-1"]);
    let aside = server.command(&["HLEN", "{backstock}:damaged"]).unwrap();
    assert_eq!(aside.trim().trim_start_matches("(integer) "), "4", "two heads, two payloads");
    let counts = store.queues().await.unwrap().remove(0).counts;
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [(JobState::Running, 2)]);
}

#[tokio::test]
async fn a_full_server_refuses_producers_and_lets_workers_finish() {
    let server =
        started(RedisServer::options().set("maxmemory", "6mb").set("maxmemory-policy", "noeviction"));
    let store = store_on(&server).await;
    let large = |name: String| crate::NewJob { payload: vec![b' '; 100_000], ..lab::job(&name) };
    let mut stored = 0;
    let error = loop {
        match store.enqueue(vec![large(format!("a-{stored}"))]).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 100, "6 MB hold no 10 MB");
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    let leases = store.claim(&lab::Lab::request(500)).await.unwrap().leases;
    assert_eq!(leases.len(), stored);
    let ended = leases.iter().map(|lease| Settlement::new(lease.key(), Outcome::Complete)).collect();
    assert!(store.settle(ended).await.unwrap().into_iter().all(|one| one == Settled::Applied));
    let nothing = crate::Retention { max_age: Duration::ZERO, max_bytes: 0, ..crate::Retention::default() };
    assert_eq!(store.prune(&nothing, 500).await.unwrap().jobs, stored);
}

#[tokio::test]
async fn a_server_killed_and_started_again_has_lost_nothing() {
    let mut server = started(RedisServer::options().fsync(Fsync::Always));
    let store = store_on(&server).await;
    store.enqueue(lab::jobs("a", 100)).await.unwrap();
    let leases = store.claim(&lab::Lab::request(40)).await.unwrap().leases;
    server.kill();
    assert!(store.claim(&lab::Lab::request(1)).await.unwrap_err().is_transient());
    server.restart().unwrap();
    let ended = || leases.iter().map(|lease| Settlement::new(lease.key(), Outcome::Complete)).collect();
    let settled = until_it_passes(async || store.settle(ended()).await).await;
    assert!(settled.into_iter().all(|one| one == Settled::Applied));
    let rest = until_it_passes(async || store.claim(&lab::Lab::request(500)).await).await;
    assert_eq!(rest.leases.len(), 60);
}

#[tokio::test]
async fn a_wake_up_comes_through_after_the_listener_was_cut_off() {
    let server = RedisServer::start().unwrap();
    let store = store_on(&server).await;
    let mut wake_ups = store.wake_ups();
    wake_ups.borrow_and_update();
    server.command(&["CLIENT", "KILL", "TYPE", "pubsub"]).unwrap();
    wake_ups.changed().await.unwrap();
    wake_ups.borrow_and_update();
    store.enqueue(vec![lab::job("a")]).await.unwrap();
    wake_ups.changed().await.unwrap();
}

#[tokio::test]
async fn a_hung_server_is_unavailable_until_it_goes_on() {
    let server = RedisServer::start().unwrap();
    let store = store_on(&server).await;
    server.stop_process();
    let error = store.enqueue(vec![lab::job("a")]).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    server.continue_process();
    until_it_passes(async || store.enqueue(vec![lab::job("a")]).await).await;
    assert_eq!(store.claim(&lab::Lab::request(5)).await.unwrap().leases.len(), 1);
}

#[tokio::test]
async fn functions_that_somebody_removed_are_put_back() {
    let server = RedisServer::start().unwrap();
    let store = store_on(&server).await;
    server.command(&["FUNCTION", "FLUSH"]).unwrap();
    store.enqueue(lab::jobs("a", 2_000)).await.unwrap();
    server.command(&["FUNCTION", "FLUSH"]).unwrap();
    assert_eq!(store.claim(&lab::Lab::request(500)).await.unwrap().leases.len(), 500);
}

#[tokio::test]
async fn data_of_a_newer_version_is_left_alone() {
    let server = RedisServer::start().unwrap();
    server.command(&["HSET", "{backstock}:meta", "format", &(FORMAT + 1).to_string()]).unwrap();
    assert!(matches!(open(&server.url()).await, Err(StoreError::Newer { .. })));
}

#[tokio::test]
async fn data_of_an_older_version_is_refused_with_what_to_do() {
    let server = RedisServer::start().unwrap();
    server.command(&["HSET", "{backstock}:meta", "format", "1"]).unwrap();
    let error = open(&server.url()).await.unwrap_err();
    assert!(!error.is_transient() && error.to_string().contains("queue.prefix"), "{error}");
}
