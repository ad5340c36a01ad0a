//! The server and the line fail under a producer and a worker that go on.

use super::rig::{Workers, balance, draws, open, produce, some_time};
use backstock_queue::Store;
use backstock_testbed::{FaultProxy, Fsync, Mode, RedisServer};
use std::{sync::Arc, time::Duration};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_at_random_moments_loses_nothing_it_confirmed() {
    let mut server = RedisServer::options().fsync(Fsync::Always).start().unwrap();
    let store: Arc<dyn Store> = Arc::new(open(server.port()).await.unwrap());
    let workers = Workers::start(Arc::clone(&store));
    let (producer, draws) = (Arc::clone(&store), draws());
    let producing = tokio::spawn(async move { produce(&*producer).await });
    for _ in 0..6 {
        some_time(&draws, 150).await;
        server.kill();
        some_time(&draws, 100).await;
        server.restart().unwrap();
    }
    let (group, ids) = producing.await.unwrap();
    balance(&*store, group, &ids, &workers.runs).await;
    let report = workers.stop().await;
    assert!(report.clean, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_delays_and_loses_nothing() {
    let server = RedisServer::start().unwrap();
    let store: Arc<dyn Store> = Arc::new(open(server.port()).await.unwrap());
    let workers = Workers::start(Arc::clone(&store));
    let (producer, draws) = (Arc::clone(&store), draws());
    let producing = tokio::spawn(async move { produce(&*producer).await });
    for _ in 0..3 {
        some_time(&draws, 100).await;
        server.stop_process();
        // Longer than the timeout of a call.
        tokio::time::sleep(Duration::from_millis(700)).await;
        server.continue_process();
    }
    let (group, ids) = producing.await.unwrap();
    balance(&*store, group, &ids, &workers.runs).await;
    let report = workers.stop().await;
    assert!(report.clean, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_fails_in_every_way_loses_nothing_and_repeats_no_effect() {
    let server = RedisServer::start().unwrap();
    let mut proxy = FaultProxy::start(server.port()).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(open(proxy.port()).await.unwrap());
    let workers = Workers::start(Arc::clone(&store));
    let (producer, draws) = (Arc::clone(&store), draws());
    let producing = tokio::spawn(async move { produce(&*producer).await });
    for round in 0..21 {
        some_time(&draws, 60).await;
        let bytes = draws.next() % 4_000;
        proxy
            .set(match round % 7 {
                0 => Mode::Latency(Duration::from_millis(draws.next() % 30)),
                1 => Mode::CutAfter(bytes),
                2 => Mode::CutRequestAfter(bytes),
                3 => Mode::Reset,
                4 => Mode::Refuse,
                5 => Mode::Blackhole,
                _ => Mode::Pass,
            })
            .await;
        some_time(&draws, 200).await;
    }
    proxy.set(Mode::Pass).await;
    let (group, ids) = producing.await.unwrap();
    // The books are read over a line of their own.
    let reader = open(server.port()).await.unwrap();
    balance(&reader, group, &ids, &workers.runs).await;
    let report = workers.stop().await;
    assert!(report.clean, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_cut_off_for_longer_than_its_lease_settles_nothing_twice() {
    let server = RedisServer::start().unwrap();
    let mut proxy = FaultProxy::start(server.port()).await.unwrap();
    let direct: Arc<dyn Store> = Arc::new(open(server.port()).await.unwrap());
    let cut_off = Workers::start(Arc::new(open(proxy.port()).await.unwrap()));
    let producer = Arc::clone(&direct);
    let producing = tokio::spawn(async move { produce(&*producer).await });
    tokio::time::sleep(Duration::from_millis(30)).await;
    proxy.set(Mode::Blackhole).await;
    let (group, ids) = producing.await.unwrap();
    // Somebody else does the work meanwhile, including what the other still believes to hold.
    let others = Workers::start(Arc::clone(&direct));
    let done = async {
        while direct.group(group).await.unwrap().is_none_or(|group| group.done_at.is_none()) {
            direct.rescue(1_000, 500).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), done).await.expect("the lease of the cut-off worker ends");
    proxy.set(Mode::Pass).await;
    let runs: Vec<_> = others
        .runs
        .iter()
        .zip(&*cut_off.runs)
        .map(|(one, two)| {
            (one.load(std::sync::atomic::Ordering::SeqCst) + two.load(std::sync::atomic::Ordering::SeqCst))
                .into()
        })
        .collect();
    balance(&*direct, group, &ids, &runs).await;
    cut_off.stop().await;
    others.stop().await;
    balance(&*direct, group, &ids, &runs).await;
}
