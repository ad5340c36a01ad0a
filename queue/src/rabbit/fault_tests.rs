//! Brokers that refuse, vanish or hold what is not ours; processes that die: a clear error, nothing lost, and on it goes.

use super::shop::{Shop, claim, complete, recorded, until_it_passes};
use super::{QueueType, RabbitOptions, names, topology};
use crate::conformance::lab::{self, Lab};
use crate::{Enqueued, JobState, NewJob, Outcome, Settled, Settlement, Store, StoreError};
use backstock_testbed::{RabbitServer, SharedRabbit};
use lapin::{
    BasicProperties,
    options::{BasicGetOptions, QueueDeleteOptions},
};
use std::time::Duration;

#[tokio::test]
async fn a_plain_job_that_succeeds_never_meets_the_ledger() {
    let shop = Shop::new();
    let store = shop.open().await;
    store.enqueue(lab::jobs("a", 20)).await.unwrap();
    let claimed = store.claim(&Lab::request(20)).await.unwrap();
    assert_eq!(claimed.leases.len(), 20);
    assert_eq!(complete(&store, &claimed).await, [Settled::Applied; 20]);
    assert!(recorded(&shop).await.is_empty());
    assert_eq!(store.queues().await.unwrap(), []);
    store.close().await.unwrap();
    assert!(recorded(&shop).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn jobs_that_end_side_by_side_and_out_of_order_are_acked_once() {
    const JOBS: usize = 2_000;
    let shop = Shop::new();
    let store = std::sync::Arc::new(shop.open().await);
    store.enqueue(lab::jobs("a", JOBS)).await.unwrap();
    let mut leases = Vec::new();
    while leases.len() < JOBS {
        leases.extend(claim(&store, 500).await.leases);
    }
    // Each task every fifth lease: never one that follows another.
    let tasks = (0..5).map(|task| {
        let store = std::sync::Arc::clone(&store);
        let own: Vec<_> = leases.iter().skip(task).step_by(5).map(crate::Lease::key).collect();
        tokio::spawn(async move {
            for key in own.chunks(3) {
                let ends = key.iter().map(|key| Settlement::new(*key, Outcome::Complete)).collect();
                let settled = store.settle(ends).await.unwrap();
                assert!(settled.iter().all(|one| *one == Settled::Applied), "{settled:?}");
                tokio::task::yield_now().await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    store.close().await.unwrap();
    let other = shop.open().await;
    assert!(other.claim(&Lab::request(5)).await.unwrap().leases.is_empty());
    assert!(recorded(&shop).await.is_empty(), "none came back");
}

#[tokio::test]
async fn what_needs_a_ledger_is_recorded() {
    let mut shop = Shop::new();
    shop.options.carry_named_ids = false;
    let store = shop.open().await;
    let generated = |job: NewJob| job.with_id(crate::JobId::generate());
    let large = NewJob { payload: vec![b' '; 65 << 10], ..lab::job("large") };
    let jobs = vec![
        lab::job("named"),
        generated(lab::job("plain")),
        generated(lab::job("later").at(lab::START.plus(lab::ms(5)))),
        generated(lab::job("expiring").expiring(lab::START.plus(lab::ms(5)))),
        generated(lab::job("keyed").with_fairness_key("k")),
        generated(lab::job("unique").unique_by(crate::Unique::until_done("u"))),
        generated(large),
    ];
    let ids: Vec<_> = jobs.iter().map(|job| Enqueued::New(job.id)).collect();
    assert_eq!(store.enqueue(jobs.clone()).await.unwrap(), ids);
    let plain = jobs[1].id;
    let recorded = recorded(&shop).await;
    assert_eq!(recorded.len(), 6);
    assert!(recorded.iter().all(|record| record.id != plain));
    let all = store.claim(&Lab::request(50)).await.unwrap().leases;
    assert!(all.iter().any(|lease| lease.job == plain));
}

#[tokio::test]
async fn the_jobs_of_a_process_that_dies_run_again_as_a_crash() {
    let shop = Shop::new();
    let (store, doomed) = (shop.open().await, shop.open().await);
    store.enqueue(lab::jobs("a", 3)).await.unwrap();
    let lost = claim(&doomed, 3).await;
    drop(doomed);
    let mut again = Vec::new();
    while again.len() < 3 {
        again.extend(claim(&store, 3).await.leases);
    }
    for lease in &again {
        assert_eq!((lease.crashes, lease.attempt), (1, 1));
        let before = lost.leases.iter().find(|lost| lost.job == lease.job).unwrap();
        assert!(lease.fence > before.fence);
    }
    assert_eq!(complete(&store, &lost).await, [Settled::LeaseLost; 3]);
    assert_eq!(recorded(&shop).await.len(), 3);
}

#[tokio::test]
async fn a_job_that_runs_for_long_goes_to_the_ledger_and_on() {
    let mut shop = Shop::new();
    shop.options.hand_over_after = Duration::ZERO;
    let store = shop.open().await;
    store.enqueue(vec![lab::job("a")]).await.unwrap();
    let claimed = claim(&store, 1).await;
    while recorded(&shop).await.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(recorded(&shop).await[0].state, JobState::Running);
    let keys = [claimed.leases[0].key()];
    assert_eq!(store.renew(&keys, lab::LEASE).await.unwrap(), [crate::Renewal::Renewed]);
    assert_eq!(complete(&store, &claimed).await, [Settled::Applied]);
    assert_eq!(recorded(&shop).await[0].state, JobState::Completed);
    assert_eq!(store.shared.waiting().await.unwrap(), [(lab::QUEUE.to_owned(), 0)]);
}

#[tokio::test]
async fn what_was_fetched_ahead_and_not_claimed_goes_to_others() {
    let mut shop = Shop::new();
    shop.options.hold = Duration::ZERO;
    let (hoarder, other) = (shop.open().await, shop.open().await);
    hoarder.enqueue(lab::jobs("a", 6)).await.unwrap();
    let first = claim(&hoarder, 4).await.leases.len();
    let mut rest = 0;
    while first + rest < 6 {
        rest += claim(&other, 6).await.leases.len();
    }
    assert_eq!(first + rest, 6);
}

#[tokio::test]
async fn a_worker_that_leaves_takes_nothing_along() {
    let shop = Shop::new();
    let (leaver, other) = (shop.open().await, shop.open().await);
    leaver.check_out(&lab::worker("w")).await.unwrap();
    leaver.check_in(&lab::info("leaver", lab::PATIENCE)).await.unwrap();
    leaver.enqueue(lab::jobs("a", 8)).await.unwrap();
    let request = crate::Claim { worker: lab::worker("leaver"), ..Lab::request(3) };
    assert_eq!(leaver.claim(&request).await.unwrap().leases.len(), 3);
    leaver.check_out(&lab::worker("leaver")).await.unwrap();
    other.check_in(&lab::info("w", lab::PATIENCE)).await.unwrap();
    assert_eq!(other.rescue(3, 500).await.unwrap().available.len(), 3);
    let mut taken = Vec::new();
    while taken.len() < 8 {
        taken.extend(claim(&other, 8).await.leases);
    }
    assert!(taken.iter().all(|lease| lease.crashes == 0));
}

#[tokio::test]
async fn a_second_message_of_a_job_does_no_harm() {
    let shop = Shop::new();
    let store = shop.open().await;
    store.enqueue(vec![lab::job("a")]).await.unwrap();
    // As after a confirm that got lost, by another process that repeats itself.
    let repeater = shop.open().await;
    repeater.enqueue(vec![lab::job("a")]).await.unwrap();
    let claimed = claim(&store, 5).await;
    assert_eq!(claimed.leases.len(), 1);
    complete(&store, &claimed).await;
    assert!(store.claim(&Lab::request(5)).await.unwrap().leases.is_empty());
    assert_eq!(store.shared.waiting().await.unwrap(), [(lab::QUEUE.to_owned(), 0)]);
}

#[tokio::test]
async fn messages_that_are_no_jobs_are_parked_with_the_reason() {
    let shop = Shop::new();
    let store = shop.open().await;
    store.enqueue(lab::jobs("a", 2)).await.unwrap();
    let (_connection, channel) = shop.channel().await;
    let ours = || super::message::properties(&lab::job("b"), lab::START).unwrap();
    shop.put_by_hand(&channel, b"hello", BasicProperties::default()).await;
    shop.put_by_hand(&channel, b"{}", ours().with_message_id("no uuid".into())).await;
    shop.put_by_hand(&channel, b"{}", ours().with_correlation_id("v1 soon".into())).await;
    shop.put_by_hand(&channel, &vec![b' '; NewJob::MAX_PAYLOAD_BYTES + 1], ours()).await;
    shop.put_by_hand(&channel, b"{}", ours().with_type("".into())).await;
    store.enqueue(lab::jobs("c", 2)).await.unwrap();
    let mut names = Vec::new();
    while names.len() < 4 {
        names.extend(lab::names(&claim(&store, 9).await.leases));
    }
    assert_eq!(names, ["a-0", "a-1", "c-0", "c-1"]);
    while store.shared.parked().await.unwrap() < 5 {
        tokio::task::yield_now().await;
    }
    let parked = names::parked(&shop.options.prefix);
    let first = channel.basic_get(parked.as_str().into(), BasicGetOptions { no_ack: true }).await.unwrap();
    let first = first.expect("five are parked");
    let headers = first.delivery.properties.headers().clone().unwrap();
    let reason = headers.inner().get("backstock_reason").unwrap().as_long_string().unwrap().to_string();
    assert!(reason.contains("app_id"), "{reason}");
    assert_eq!(first.delivery.data, b"hello");
    let seen = store.examine(false).await.unwrap();
    assert_eq!((seen.set_aside, seen.is_sound()), (4, true));
}

#[tokio::test]
async fn a_job_of_a_kind_that_nobody_knows_waits_where_it_is_seen() {
    let shop = Shop::new();
    let store = shop.open().await;
    store.enqueue(vec![NewJob { kind: "strange".into(), ..lab::job("a") }, lab::job("b")]).await.unwrap();
    assert_eq!(lab::names(&claim(&store, 5).await.leases), ["b"]);
    let record = &recorded(&shop).await[0];
    assert_eq!((record.id, record.state, record.crashes), (lab::id("a"), JobState::Available, 0));
}

#[tokio::test]
async fn a_queue_declared_otherwise_is_told_with_both_values() {
    let mut shop = Shop::new();
    let (_connection, channel) = shop.channel().await;
    let foreign = topology::band_arguments(&shop.options);
    topology::declare(&channel, &shop.band(), foreign).await.unwrap();
    shop.options.queue_type = QueueType::Quorum;
    let store = shop.open().await;
    let error = store.enqueue(vec![lab::job("a")]).await.unwrap_err();
    let told = error.to_string();
    assert!(error.ends_work() && !error.is_transient(), "{told}");
    // The broker names the first argument that differs, which need not be the type.
    for part in [shop.band().as_str(), " has x-", "and our settings ask for ", "queue.rabbitmq.queue_type"] {
        assert!(told.contains(part), "{told} names no {part}");
    }
    assert!(!told.contains("inequivalent"), "{told} is in the words of the broker");
    let error = store.claim(&Lab::request(1)).await.unwrap_err();
    assert!(error.ends_work() && !error.to_string().contains('\n'), "{error}");
}

#[tokio::test]
async fn a_queue_that_somebody_deleted_is_declared_again() {
    let shop = Shop::new();
    let store = shop.open().await;
    store.enqueue(vec![lab::job("a")]).await.unwrap();
    let (_connection, channel) = shop.channel().await;
    channel.queue_delete(shop.band().as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    let seen = store.examine(false).await.unwrap();
    assert_eq!((seen.findings.len(), seen.is_sound()), (1, false));
    let error = store.enqueue(vec![lab::job("b")]).await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains(&shop.band()), "{error}");
    assert_eq!(store.enqueue(vec![lab::job("b")]).await.unwrap(), [Enqueued::New(lab::id("b"))]);
    assert_eq!(lab::names(&claim(&store, 5).await.leases), ["b"]);
    channel.queue_delete(shop.band().as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    assert!(store.examine(true).await.unwrap().is_sound());
    assert!(store.examine(false).await.unwrap().findings.is_empty());
}

#[tokio::test]
async fn wrong_credentials_and_vhosts_are_named_and_not_repeated() {
    let shop = Shop::new();
    let port = SharedRabbit::get().unwrap().port();
    for (place, part) in [("guest:guess@127.0.0.1", "password"), ("guest:guest@127.0.0.1", "vhost")] {
        let url = format!("amqp://{place}:{port}/{}", if part == "vhost" { "nowhere" } else { "%2f" });
        let error = Shop { url, ..Shop::new() }.try_open().await.unwrap_err();
        let told = error.to_string();
        assert!(!error.is_transient() && told.contains(part) && told.contains("127.0.0.1"), "{told}");
        assert!(!told.contains("guess") && !told.contains("guest:"), "{told}");
    }
    let prefix = RabbitOptions { prefix: "a b".to_owned(), ..shop.options.clone() };
    let error = Shop { options: prefix, ..Shop::new() }.try_open().await.unwrap_err();
    assert!(matches!(error, StoreError::Invalid(_)), "{error}");
}

#[tokio::test]
async fn a_deployment_can_be_erased() {
    let shop = Shop::new();
    let store = shop.open().await;
    store.enqueue(lab::jobs("a", 3)).await.unwrap();
    store.erase().await.unwrap();
    for name in [shop.band(), names::parked(&shop.options.prefix)] {
        assert_eq!(store.shared.count(&mut None, &name).await.unwrap(), None, "{name}");
    }
}

/// One server for what only a private one can suffer: it takes long to start.
#[tokio::test]
async fn a_broker_that_breaks_off_or_is_killed_loses_nothing_and_is_found_again() {
    let mut server = RabbitServer::start().unwrap();
    let shop = Shop::at(server.url());
    let store = shop.open().await;
    store.enqueue(lab::jobs("a", 100)).await.unwrap();
    let first = claim(&store, 40).await;

    server.ctl(&["close_all_connections", "test"]).unwrap();
    let mut taken = std::collections::HashSet::new();
    while taken.len() < 100 {
        let claimed = claim(&store, 100).await;
        taken.extend(claimed.leases.iter().map(|lease| lease.job));
        complete(&store, &claimed).await;
    }
    assert!(complete(&store, &first).await.iter().all(|one| *one == Settled::LeaseLost));

    until_it_passes(async || store.enqueue(lab::jobs("b", 100)).await).await;
    let held = claim(&store, 10).await;
    server.kill();
    assert!(store.enqueue(vec![lab::job("while it is away")]).await.unwrap_err().is_transient());
    server.restart().unwrap();
    let mut again = std::collections::HashSet::new();
    while again.len() < 100 {
        let claimed = claim(&store, 100).await;
        again.extend(claimed.leases.iter().map(|lease| lease.job));
        until_it_passes(async || {
            let end = |lease: &crate::Lease| Settlement::new(lease.key(), Outcome::Complete);
            store.settle(claimed.leases.iter().map(end).collect()).await
        })
        .await;
    }
    assert!(held.leases.iter().all(|lease| again.contains(&lease.job)));
    until_it_passes(async || store.enqueue(vec![lab::job("after")]).await).await;
    assert_eq!(claim(&store, 1).await.leases[0].job, lab::id("after"));
    drop(server);
    let error = shop.try_open().await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("127.0.0.1"), "{error}");
}
