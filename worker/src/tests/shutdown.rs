use super::rig::{Act, Event, Rig, Solo};
use backstock_queue::{JobState, Store};
use std::{sync::atomic::Ordering, time::Duration};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_running_calls_and_claims_nothing_more() {
    let mut rig = Rig::new();
    rig.options.concurrency = 1;
    let running = rig.enqueue(&Solo(Act::Seconds(10), 1)).await;
    let waiting = rig.enqueue(&Solo(Act::Pass, 2)).await;
    let run = rig.run();
    rig.event().await;
    let report = run.stop().await;
    assert_eq!(rig.record(running).await.state, JobState::Completed);
    assert_eq!(rig.record(waiting).await.state, JobState::Available);
    assert_eq!(report.shutdown_took.as_secs(), 10);
    assert!(report.clean);
    assert!(rig.store.workers().await.unwrap().is_empty(), "it said goodbye");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_hands_back_at_once_what_was_not_started() {
    let mut rig = Rig::new();
    rig.options.concurrency = 1;
    for name in 0..50 {
        rig.enqueue(&Solo(Act::Pass, name)).await;
    }
    rig.enqueue(&Solo(Act::Seconds(10), 50)).await;
    let mut ids = Vec::new();
    for name in 51..60 {
        ids.push(rig.enqueue(&Solo(Act::Pass, name)).await);
    }
    let run = rig.run();
    while rig.event().await != Event::Started(50) {}
    assert_eq!(rig.record(ids[0]).await.state, JobState::Running, "claimed ahead");
    run.handle.stop();
    let stopped = Instant::now();
    for id in ids {
        let record = rig.reaches(id, JobState::Available).await;
        assert_eq!((record.errors, record.crashes), (0, 0));
    }
    assert!(stopped.elapsed() < Duration::from_secs(1), "while the call still runs");
    let report = run.task.await.unwrap();
    assert_eq!(report.jobs.handed_back, 9);
}

#[tokio::test(start_paused = true)]
async fn calls_are_asked_to_stop_after_half_the_grace_time() {
    let mut rig = Rig::new();
    let id = rig.enqueue(&Solo(Act::Polite, 1)).await;
    let run = rig.run();
    rig.event().await;
    let report = run.stop().await;
    assert_eq!(report.shutdown_took.as_millis(), 12_500);
    assert_eq!((report.jobs.snoozed, report.clean), (1, true));
    let record = rig.record(id).await;
    assert_eq!(record.errors, 0);
    assert!(!record.state.is_final());
}

#[tokio::test(start_paused = true)]
async fn calls_that_outlast_the_grace_time_are_dropped_and_handed_back() {
    let mut rig = Rig::new();
    let id = rig.enqueue(&Solo(Act::Hang, 1)).await;
    let run = rig.run();
    rig.event().await;
    let report = run.stop().await;
    assert_eq!(report.shutdown_took.as_secs(), 25);
    assert_eq!(rig.event().await, Event::Dropped(1));
    assert_eq!((report.jobs.handed_back, report.clean), (1, true));
    let record = rig.record(id).await;
    assert_eq!((record.state, record.errors, record.crashes), (JobState::Available, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_second_stop_does_not_wait() {
    let mut rig = Rig::new();
    let id = rig.enqueue(&Solo(Act::Hang, 1)).await;
    let run = rig.run();
    rig.event().await;
    run.handle.stop();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let report = run.stop().await;
    assert!(report.shutdown_took < Duration::from_secs(4));
    assert!(report.clean);
    assert_eq!(rig.record(id).await.state, JobState::Available);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_in_time_when_the_store_is_gone() {
    let mut rig = Rig::new();
    let id = rig.enqueue(&Solo(Act::Seconds(5), 1)).await;
    let run = rig.run();
    rig.event().await;
    rig.store.down.store(true, Ordering::SeqCst);
    let report = run.stop().await;
    assert!(report.shutdown_took <= Duration::from_secs(30), "{:?}", report.shutdown_took);
    assert_eq!((report.abandoned, report.clean), (1, false));
    assert_eq!(rig.record(id).await.state, JobState::Running, "until its lease ends");
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_never_reached_its_store_stops_at_once() {
    let rig = Rig::new();
    rig.store.down.store(true, Ordering::SeqCst);
    let run = rig.run();
    tokio::time::sleep(Duration::from_mins(1)).await;
    let report = run.stop().await;
    assert!(report.shutdown_took <= Duration::from_secs(8), "{:?}", report.shutdown_took);
    assert!(!report.clean);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_pool_drops_its_calls() {
    let mut rig = Rig::new();
    rig.enqueue(&Solo(Act::Hang, 1)).await;
    let run = rig.run();
    rig.event().await;
    run.task.abort();
    let aborted = Instant::now();
    assert_eq!(rig.event().await, Event::Dropped(1));
    assert_eq!(aborted.elapsed(), Duration::ZERO, "not by its timeout");
}
