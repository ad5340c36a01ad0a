use super::rig::{Act, Event, Rig, Solo, Team};
use crate::StopReason;
use backstock_queue::{BatchLimits, JobState, NewJob, Store};
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn batches_grow_while_jobs_wait_and_say_why_they_stopped() {
    let rig = Rig::new();
    let jobs: Vec<_> = (0..200).map(|name| NewJob::of(&Team(Act::Pass, name)).unwrap()).collect();
    let last = jobs[199].id;
    rig.store.enqueue(jobs).await.unwrap();
    let run = rig.run();
    rig.reaches(last, JobState::Completed).await;
    let stats = run.handle.stats();
    let team = stats.lanes[0].kinds.iter().find(|kind| kind.kind == "team").unwrap();
    assert_eq!(team.jobs, 200);
    assert!(team.batch_limit > 1, "{team:?}");
    assert!(team.calls < 150, "{team:?}");
    assert_eq!(team.stopped.values().sum::<u64>(), team.calls);
    assert!(team.stopped.contains_key(&StopReason::LimitReached), "{team:?}");
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_for_more_as_long_as_it_may() {
    let mut rig = Rig::new();
    let max_wait = Duration::from_millis(250);
    let limits = BatchLimits { min_jobs: 4, max_wait, ..BatchLimits::up_to(4, Duration::from_secs(9)) };
    rig.options.batch.insert("team".into(), limits);
    let run = rig.run();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let began = Instant::now();
    rig.enqueue(&Team(Act::Pass, 1)).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    rig.enqueue(&Team(Act::Pass, 2)).await;
    rig.event().await;
    assert!((250..=255).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert_eq!(rig.event().await, Event::Ended(1));
    assert_eq!(rig.event().await, Event::Started(2), "in the same call");
    let four: Vec<_> = (3..7).map(|name| NewJob::of(&Team(Act::Pass, name)).unwrap()).collect();
    let began = Instant::now();
    rig.store.enqueue(four).await.unwrap();
    while rig.event().await != Event::Started(3) {}
    assert!(began.elapsed() <= Duration::from_millis(5), "a full batch does not wait");
    let stats = run.handle.stats();
    let team = stats.lanes[0].kinds.iter().find(|kind| kind.kind == "team").unwrap();
    assert_eq!(team.stopped[&StopReason::MaxWait], 1);
    assert_eq!(team.stopped[&StopReason::MaxJobs], 1);
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn batches_fill_up_in_a_queue_shared_with_single_jobs() {
    let mut rig = Rig::new();
    let mut jobs = Vec::new();
    for name in 0..400 {
        jobs.push(NewJob::of(&Team(Act::Pass, name)).unwrap());
        jobs.push(NewJob::of(&Solo(Act::Pass, 1000 + name)).unwrap());
    }
    let last = jobs[798].id;
    let limits = BatchLimits { min_jobs: 8, ..BatchLimits::up_to(8, Duration::from_secs(1)) };
    rig.options.batch.insert("team".into(), limits);
    rig.store.enqueue(jobs).await.unwrap();
    let run = rig.run();
    rig.reaches(last, JobState::Completed).await;
    let stats = run.handle.stats();
    let team = stats.lanes[0].kinds.iter().find(|kind| kind.kind == "team").unwrap();
    assert!(team.calls <= 60, "400 jobs, 8 a call: {team:?}");
    run.stop().await;
}
