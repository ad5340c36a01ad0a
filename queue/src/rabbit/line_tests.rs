//! Lines that are cut or encrypted, and what waits behind what.

use super::shop::{Shop, claim, complete, recorded, until_it_passes};
use super::{QueueType, RabbitOptions};
use crate::conformance::lab::{self, Lab};
use crate::{JobState, Outcome, Settled, Settlement, SqliteOptions, SqliteStore, Store};
use backstock_testbed::{FaultProxy, Mode, SharedRabbit};
use lapin::options::{BasicGetOptions, BasicNackOptions};
use std::{collections::HashSet, sync::Arc, time::Duration};

const SECOND: Duration = Duration::from_secs(1);

/// A deployment whose line leads through a network that fails on command, and one that shares all but the line.
async fn behind_a_proxy() -> (FaultProxy, Shop, Shop) {
    let port = SharedRabbit::get().unwrap().port();
    let proxy = FaultProxy::start(port).await.unwrap();
    let direct = Shop::new();
    let url = direct.url.replace(&port.to_string(), &proxy.port().to_string());
    let far = Shop {
        url,
        ledger: Arc::clone(&direct.ledger),
        clock: Arc::clone(&direct.clock),
        options: direct.options.clone(),
    };
    (proxy, far, direct)
}

#[tokio::test]
async fn a_cut_cable_is_noticed_by_its_missing_heartbeats() {
    let (mut proxy, mut far, near) = behind_a_proxy().await;
    far.options.heartbeat = SECOND;
    far.options.timeout = SECOND;
    // A call that finds the line gone connects again, and nobody answers.
    far.options.connect_timeout = SECOND;
    let (cut, other) = (far.open().await, near.open().await);
    cut.enqueue(lab::jobs("a", 3)).await.unwrap();
    let lost = claim(&cut, 3).await;
    proxy.set(Mode::Blackhole).await;
    // Nobody tells the broker; it has to find out by itself.
    let mut again = Vec::new();
    while again.len() < lost.leases.len() {
        again.extend(claim(&other, 3).await.leases);
    }
    assert!(again.iter().all(|lease| lease.crashes == 1));
    assert!(cut.enqueue(vec![lab::job("b")]).await.unwrap_err().is_transient());
    // What the cable held back arrives now: acks that come too late settle nothing.
    proxy.set(Mode::Pass).await;
    let end = || lost.leases.iter().map(|lease| Settlement::new(lease.key(), Outcome::Complete)).collect();
    let late = until_it_passes(async || cut.settle(end()).await).await;
    assert_eq!(late, [Settled::LeaseLost; 3]);
    until_it_passes(async || cut.enqueue(vec![lab::job("c")]).await).await;
    let mut after = HashSet::new();
    while !after.contains("c") {
        after.extend(lab::names(&claim(&cut, 3).await.leases));
    }
}

#[tokio::test]
async fn a_confirm_that_is_cut_off_leaves_every_job_to_run_once() {
    let (mut proxy, far, near) = behind_a_proxy().await;
    let (producer, worker) = (far.open().await, near.open().await);
    producer.enqueue(lab::jobs("warm", 1)).await.unwrap();
    complete(&worker, &claim(&worker, 1).await).await;
    for (round, mode) in
        [Mode::CutAfter(0), Mode::CutAfter(9), Mode::CutRequestAfter(2_000)].into_iter().enumerate()
    {
        proxy.set(mode).await;
        let jobs = || lab::jobs(&format!("r{round}"), 20);
        assert!(producer.enqueue(jobs()).await.unwrap_err().is_transient());
        proxy.set(Mode::Pass).await;
        until_it_passes(async || producer.enqueue(jobs()).await).await;
        let mut ran = Vec::new();
        while ran.len() < 20 {
            let claimed = claim(&worker, 50).await;
            ran.extend(claimed.leases.iter().map(|lease| lease.job));
            complete(&worker, &claimed).await;
        }
        // A second message of a job goes by unseen.
        assert!(worker.claim(&Lab::request(50)).await.unwrap().leases.is_empty());
        assert_eq!(ran.iter().collect::<HashSet<_>>().len(), 20);
    }
}

#[tokio::test]
async fn a_private_authority_is_trusted_where_it_is_named() {
    let (url, ca_file) = SharedRabbit::get().unwrap().tls().unwrap();
    let options = RabbitOptions { tls_ca_file: Some(ca_file), ..Shop::new().options };
    let shop = Shop { url: url.clone(), options, ..Shop::new() };
    let store = shop.open().await;
    store.enqueue(lab::jobs("a", 3)).await.unwrap();
    let claimed = claim(&store, 3).await;
    assert_eq!(complete(&store, &claimed).await, [Settled::Applied; 3]);
    let stranger = Shop { url, ..Shop::new() }.try_open().await.unwrap_err();
    assert!(stranger.to_string().contains("127.0.0.1"), "{stranger}");
}

#[tokio::test]
async fn a_retry_does_not_wait_behind_ten_thousand_later_jobs() {
    let mut shop = Shop::new();
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions { clock: Arc::clone(&shop.clock) as _, ..SqliteOptions::default() };
    shop.ledger = Arc::new(SqliteStore::open(folder.path().join("queue.db"), options).await.unwrap());
    let store = shop.open().await;
    let hour = lab::START.plus(Duration::from_hours(1));
    for first in 0..20 {
        let later = lab::jobs(&format!("later-{first}"), 500).into_iter().map(|job| job.at(hour)).collect();
        store.enqueue(later).await.unwrap();
    }
    store.enqueue(vec![lab::job("a")]).await.unwrap();
    let lease = claim(&store, 1).await.leases.remove(0);
    let retry = Settlement::new(lease.key(), lab::retry(5_000));
    assert_eq!(store.settle(vec![retry]).await.unwrap(), [Settled::Applied]);
    shop.clock.advance(Duration::from_millis(4_999));
    store.promote(500).await.unwrap();
    let early = store.claim(&Lab::request(5)).await.unwrap();
    assert_eq!((early.leases.len(), early.next_due), (0, Some(lab::START.plus(5 * SECOND))));
    shop.clock.advance(lab::ms(1));
    let due = store.claim(&Lab::request(5)).await.unwrap().leases;
    assert_eq!((lab::names(&due), due[0].attempt), (vec!["a".to_owned()], 2));
}

#[tokio::test]
async fn a_message_that_takes_every_consumer_down_is_parked() {
    let mut shop = Shop::new();
    shop.options.queue_type = QueueType::Quorum;
    shop.options.delivery_limit = 2;
    let store = shop.open().await;
    store.enqueue(vec![lab::job("a")]).await.unwrap();
    // As a client does that cannot even read it: it dies, and the broker tries again.
    let (_connection, channel) = shop.channel().await;
    let mut deliveries = 0;
    while store.shared.parked().await.unwrap() == 0 {
        let band = shop.band();
        if let Some(got) = channel.basic_get(band.as_str().into(), BasicGetOptions::default()).await.unwrap()
        {
            deliveries += 1;
            let requeue = BasicNackOptions { requeue: true, multiple: false };
            channel.basic_nack(got.delivery.delivery_tag, requeue).await.unwrap();
        }
    }
    assert_eq!(deliveries, 3, "the first and two more");
    assert!(store.claim(&Lab::request(5)).await.unwrap().leases.is_empty());
    assert!(recorded(&shop).await.iter().all(|record| record.state != JobState::Running));
    let seen = store.examine(false).await.unwrap();
    assert_eq!((seen.set_aside, seen.is_sound()), (1, true));
}

#[tokio::test]
async fn a_message_that_came_back_often_is_one_crash_of_its_job() {
    let mut shop = Shop::new();
    shop.options.queue_type = QueueType::Quorum;
    let producer = shop.open().await;
    producer.enqueue(vec![lab::job("a")]).await.unwrap();
    // As workers that had only fetched it and were killed.
    let (_connection, channel) = shop.channel().await;
    let mut returned = 0;
    while returned < 4 {
        let band = shop.band();
        if let Some(got) = channel.basic_get(band.as_str().into(), BasicGetOptions::default()).await.unwrap()
        {
            returned += 1;
            let requeue = BasicNackOptions { requeue: true, multiple: false };
            channel.basic_nack(got.delivery.delivery_tag, requeue).await.unwrap();
        }
    }
    let lease = claim(&shop.open().await, 1).await.leases.remove(0);
    assert_eq!((lease.job, lease.attempt, lease.crashes), (lab::id("a"), 1, 1));
}

/// The call of a scheduler that is dropped at its limit, say.
#[tokio::test]
async fn a_move_to_the_ledger_that_is_dropped_holds_up_no_settlement() {
    let mut shop = Shop::new();
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions { clock: Arc::clone(&shop.clock) as _, ..SqliteOptions::default() };
    shop.ledger = Arc::new(SqliteStore::open(folder.path().join("queue.db"), options).await.unwrap());
    let store = shop.open().await;
    store.enqueue(vec![lab::job("a")]).await.unwrap();
    let claimed = claim(&store, 1).await;
    {
        let mut moving = std::pin::pin!(store.shared.move_held(|_| true, 9));
        assert!(futures::poll!(&mut moving).is_pending());
    }
    assert_eq!(complete(&store, &claimed).await, [Settled::Applied]);
}
