use super::rig::{Act, Event, Other, Rig, Solo, SoloHandler, Team};
use backstock_queue::{
    Claim, Clock, JobFilter, JobId, JobState, KindRange, NewJob, Priority, PriorityOrder, Registry, Store,
    WorkerId, WorkerInfo,
};
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_job_is_run_and_completed() {
    let mut rig = Rig::new();
    let run = rig.run();
    let id = rig.enqueue(&Solo(Act::Pass, 1)).await;
    rig.reaches(id, JobState::Completed).await;
    assert_eq!(rig.events(), [Event::Started(1), Event::Ended(1)]);
    let report = run.stop().await;
    assert_eq!((report.jobs.claimed, report.jobs.completed, report.clean), (1, 1, true));
}

#[tokio::test(start_paused = true)]
async fn an_idle_worker_picks_up_a_new_job_at_once() {
    let mut rig = Rig::new();
    let run = rig.run();
    tokio::time::sleep(Duration::from_millis(90_500)).await;
    let enqueued = Instant::now();
    rig.enqueue(&Solo(Act::Pass, 1)).await;
    assert_eq!(rig.event().await, Event::Started(1));
    assert_eq!(enqueued.elapsed(), Duration::ZERO, "no time passes on the paused clock without a timer");
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_worker_asks_the_store_about_once_a_second() {
    let rig = Rig::new();
    let run = rig.run();
    tokio::time::sleep(Duration::from_secs(100)).await;
    let claims = rig.store.claims.load(std::sync::atomic::Ordering::SeqCst);
    assert!((90..=110).contains(&claims), "{claims}");
    assert!(run.handle.health().waiting_for_store <= Duration::from_secs(2));
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_delayed_job_starts_on_time() {
    let mut rig = Rig::new();
    let run = rig.run();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    for (name, delay) in [(1, 12_345), (2, 234)].map(|(name, ms)| (name, Duration::from_millis(ms))) {
        let began = Instant::now();
        let due = rig.clock.now().plus(delay);
        rig.enqueue_new(NewJob::of(&Solo(Act::Pass, name)).unwrap().at(due)).await;
        assert_eq!(rig.event().await, Event::Started(name));
        assert_eq!(rig.event().await, Event::Ended(name));
        let late = began.elapsed().checked_sub(delay).expect("early");
        assert!(late <= Duration::from_millis(5), "{late:?}");
    }
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_job_runs_again_until_its_attempts_are_used_up() {
    let mut rig = Rig::new();
    let run = rig.run();
    let id = rig.enqueue(&Solo(Act::Fail, 1)).await;
    let record = rig.reaches(id, JobState::Discarded).await;
    assert_eq!(record.errors, 3);
    assert_eq!(rig.events().iter().filter(|event| **event == Event::Started(1)).count(), 3);
    let report = run.stop().await;
    assert_eq!((report.jobs.retried, report.jobs.discarded), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_slow_job_keeps_its_lease() {
    let mut rig = Rig::new();
    let run = rig.run();
    let id = rig.enqueue(&Solo(Act::Seconds(120), 1)).await;
    rig.event().await;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(11)).await;
        let rescued = rig.store.rescue(3, 100).await.unwrap();
        assert!(rescued.available.is_empty() && rescued.dead_workers.is_empty());
    }
    let record = rig.reaches(id, JobState::Completed).await;
    assert_eq!((record.crashes, record.errors), (0, 0));
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn jobs_that_wait_for_a_place_keep_their_leases_too() {
    let mut rig = Rig::new();
    rig.options.concurrency = 1;
    // Short jobs first, so that the lane claims ahead; then one that holds the only place.
    for name in 0..50 {
        rig.enqueue(&Solo(Act::Pass, name)).await;
    }
    rig.enqueue(&Solo(Act::Seconds(30), 50)).await;
    let mut ids = Vec::new();
    for name in 51..60 {
        ids.push(rig.enqueue(&Solo(Act::Pass, name)).await);
    }
    let run = rig.run();
    while rig.event().await != Event::Started(50) {}
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert!(rig.store.rescue(3, 100).await.unwrap().available.is_empty());
    for id in ids {
        assert_eq!(rig.reaches(id, JobState::Completed).await.crashes, 0);
    }
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_an_error_that_passes() {
    let mut rig = Rig::new();
    let run = rig.run();
    let id = rig.enqueue(&Solo(Act::Hang, 1)).await;
    assert_eq!(rig.event().await, Event::Started(1));
    let began = Instant::now();
    assert_eq!(rig.event().await, Event::Dropped(1));
    assert_eq!(began.elapsed(), Duration::from_mins(3));
    let record = rig.reaches(id, JobState::Retryable).await;
    assert!(record.last_error.unwrap().contains("longer than"));
    run.handle.stop_now();
    run.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_batch_keeps_what_was_settled() {
    let mut rig = Rig::new();
    let acts = [Act::Pass, Act::Discard, Act::Panic, Act::Pass];
    let mut ids = Vec::new();
    for (name, act) in (0..).zip(acts) {
        ids.push(rig.enqueue(&Team(act, name)).await);
    }
    let limits = backstock_queue::BatchLimits {
        min_jobs: 4,
        ..backstock_queue::BatchLimits::up_to(4, Duration::from_mins(1))
    };
    rig.options.batch.insert("team".into(), limits);
    let run = rig.run();
    rig.reaches(ids[0], JobState::Completed).await;
    rig.reaches(ids[1], JobState::Discarded).await;
    let panicked = rig.reaches(ids[2], JobState::Discarded).await;
    assert_eq!(panicked.last_error.unwrap(), "the handler panicked: told to panic");
    assert_eq!(panicked.errors, 3);
    // The last one shared a call with the panic and was not settled: it failed with it and passed later.
    let record = rig.reaches(ids[3], JobState::Completed).await;
    assert!(record.errors >= 1);
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_undecodable_job_goes_to_the_dead_set_alone() {
    let rig = Rig::new();
    let good = NewJob::of(&Team(Act::Pass, 1)).unwrap();
    let bad = NewJob { id: JobId::generate(), payload: b"{\"act\": 7".to_vec(), ..good.clone() };
    let after = NewJob { id: JobId::generate(), ..good.clone() };
    let mut ids = Vec::new();
    for job in [good, bad, after] {
        ids.push(rig.enqueue_new(job).await);
    }
    let run = rig.run();
    rig.reaches(ids[0], JobState::Completed).await;
    let record = rig.reaches(ids[1], JobState::Discarded).await;
    assert!(record.last_error.unwrap().starts_with("undecodable payload"));
    rig.reaches(ids[2], JobState::Completed).await;
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn kinds_and_versions_it_does_not_know_are_left_alone() {
    let rig = Rig::new();
    let solo = NewJob::of(&Solo(Act::Pass, 1)).unwrap();
    let newer = NewJob { id: JobId::generate(), version: 2, ..solo.clone() };
    let ids =
        [rig.enqueue(&Other(Act::Pass, 2)).await, rig.enqueue_new(newer).await, rig.enqueue_new(solo).await];
    let run = rig.run_with(Registry::default().register(SoloHandler(rig.stage.clone())));
    rig.reaches(ids[2], JobState::Completed).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(rig.record(ids[0]).await.state, JobState::Available);
    assert_eq!(rig.record(ids[1]).await.state, JobState::Available);
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn kinds_that_share_a_queue_are_served_by_priority() {
    let mut rig = Rig::new();
    rig.options.concurrency = 1;
    let with = |job: NewJob, priority| job.prioritized(priority);
    rig.enqueue_new(with(NewJob::of(&Solo(Act::Pass, 3)).unwrap(), Priority::Low)).await;
    rig.enqueue_new(with(NewJob::of(&Team(Act::Pass, 2)).unwrap(), Priority::Normal)).await;
    rig.enqueue_new(with(NewJob::of(&Other(Act::Pass, 1)).unwrap(), Priority::High)).await;
    rig.enqueue_new(with(NewJob::of(&Team(Act::Pass, 0)).unwrap(), Priority::Critical)).await;
    let run = rig.run();
    let mut started = Vec::new();
    while started.len() < 4 {
        if let Event::Started(name) = rig.event().await {
            started.push(name);
        }
    }
    assert_eq!(started, [0, 1, 2, 3]);
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_running_job_that_is_cancelled_is_stopped() {
    for act in [Act::Polite, Act::Hang] {
        let mut rig = Rig::new();
        let run = rig.run();
        let id = rig.enqueue(&Solo(act, 1)).await;
        rig.event().await;
        let asked = Instant::now();
        rig.store.cancel(&JobFilter { ids: vec![id], ..JobFilter::default() }).await.unwrap();
        let end = rig.event().await;
        assert_eq!(end, if matches!(act, Act::Hang) { Event::Dropped(1) } else { Event::Ended(1) });
        assert!(asked.elapsed() <= Duration::from_secs(4), "a renewal and the patience");
        rig.reaches(id, JobState::Cancelled).await;
        let report = run.stop().await;
        assert_eq!((report.jobs.cancelled, report.clean), (1, true));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_lease_is_lost_is_dropped_and_not_settled() {
    let mut rig = Rig::new();
    let run = rig.run();
    let id = rig.enqueue(&Solo(Act::Hang, 1)).await;
    rig.event().await;
    // The store takes the worker for dead, and somebody else gets the job.
    rig.store.inner.kill(run.handle.worker());
    rig.store.rescue(3, 10).await.unwrap();
    let thief = WorkerInfo {
        id: WorkerId::generate("thief"),
        host: "elsewhere".into(),
        pid: 1,
        kinds: vec![KindRange { kind: "solo".into(), max_version: 1 }],
        patience: Duration::from_mins(10),
    };
    rig.store.check_in(&thief).await.unwrap();
    let claim = Claim {
        worker: thief.id.clone(),
        queue: "default".into(),
        kinds: thief.kinds.clone(),
        max: 1,
        lease_for: Duration::from_mins(10),
        order: PriorityOrder::default(),
        draw: 0,
    };
    let stolen = rig.store.inner.claim(&claim).await.unwrap();
    assert_eq!(stolen.leases.len(), 1);
    assert_eq!(rig.event().await, Event::Dropped(1));
    let report = run.stop().await;
    assert_eq!((report.jobs.lost, report.abandoned), (1, 0));
    assert_eq!(rig.record(id).await.state, JobState::Running, "it belongs to somebody else");
}
