use super::rig::{Act, Event, Rig, Solo, Team};
use backstock_queue::{JobState, NewJob, Store};
use std::{sync::atomic::Ordering, time::Duration};

#[tokio::test(start_paused = true)]
async fn a_store_outage_loses_no_settlement() {
    let mut rig = Rig::new();
    let id = rig.enqueue(&Solo(Act::Seconds(3), 1)).await;
    let run = rig.run();
    rig.event().await;
    rig.store.down.store(true, Ordering::SeqCst);
    assert_eq!(rig.event().await, Event::Ended(1));
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(run.handle.health().waiting_for_store > Duration::from_secs(30));
    assert_eq!(rig.record(id).await.state, JobState::Running);
    rig.store.down.store(false, Ordering::SeqCst);
    let record = rig.reaches(id, JobState::Completed).await;
    assert_eq!(record.errors, 0);
    assert!(rig.events().is_empty(), "it ran once");
    let later = rig.enqueue(&Solo(Act::Pass, 2)).await;
    rig.reaches(later, JobState::Completed).await;
    assert!(run.stop().await.clean);
}

#[tokio::test(start_paused = true)]
async fn a_settlement_whose_answer_was_lost_is_sent_again_and_the_job_not_run_again() {
    let mut rig = Rig::new();
    rig.store.lost_answers.store(3, Ordering::SeqCst);
    let jobs: Vec<_> = (0..40).map(|name| NewJob::of(&Team(Act::Pass, name)).unwrap()).collect();
    let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
    rig.store.enqueue(jobs).await.unwrap();
    let run = rig.run();
    for id in ids {
        rig.reaches(id, JobState::Completed).await;
    }
    let started = rig.events().iter().filter(|event| matches!(event, Event::Started(_))).count();
    assert_eq!(started, 40);
    let report = run.stop().await;
    assert_eq!((report.jobs.completed + report.jobs.lost, report.abandoned), (40, 0));
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_starts_during_an_outage_begins_when_it_is_over() {
    let mut rig = Rig::new();
    rig.store.down.store(true, Ordering::SeqCst);
    rig.enqueue(&Solo(Act::Pass, 1)).await;
    let run = rig.run();
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert!(rig.events().is_empty());
    rig.store.down.store(false, Ordering::SeqCst);
    assert_eq!(rig.event().await, Event::Started(1));
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_set_up_otherwise_ends_the_pool_and_says_why() {
    let mut rig = Rig::new();
    let id = rig.enqueue(&Solo(Act::Seconds(3), 1)).await;
    let run = rig.run();
    rig.event().await;
    rig.store.foreign.store(true, Ordering::SeqCst);
    assert_eq!(run.handle.refused().await.to_string(), "flaky is set up otherwise: somebody else's");
    let report = run.ends().await;
    assert!(report.clean, "{report:?}");
    assert_eq!(rig.record(id).await.state, JobState::Completed, "what ran may end");
}

#[tokio::test(start_paused = true)]
async fn a_crashed_run_loop_or_driver_starts_again() {
    let mut rig = Rig::new();
    let run = rig.run();
    for name in 0..10 {
        // The first looks at the clock after a wake-up are the driver's, then come those of the run loop.
        rig.clock.panics_in.store(1 + name as usize % 5, Ordering::SeqCst);
        let id = rig.enqueue(&Solo(Act::Pass, name)).await;
        rig.reaches(id, JobState::Completed).await;
    }
    let started = rig.events().iter().filter(|event| matches!(event, Event::Started(_))).count();
    assert_eq!(started, 10);
    let report = run.stop().await;
    assert_eq!((report.jobs.completed, report.clean), (10, true));
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_on_when_its_run_loop_crashes() {
    let mut rig = Rig::new();
    let slow = rig.enqueue(&Solo(Act::Gate, 1)).await;
    let run = rig.run();
    assert_eq!(rig.event().await, Event::Started(1));
    rig.clock.panics_in.store(3, Ordering::SeqCst);
    let quick = rig.enqueue(&Solo(Act::Pass, 2)).await;
    rig.reaches(quick, JobState::Completed).await;
    rig.stage.gate.add_permits(1);
    let record = rig.reaches(slow, JobState::Completed).await;
    assert_eq!(record.errors, 0);
    assert!(run.stop().await.clean);
}

#[tokio::test(start_paused = true)]
async fn a_restarted_run_loop_keeps_the_limit_of_calls_in_parallel() {
    let mut rig = Rig::new();
    rig.enqueue(&Solo(Act::Gate, 1)).await;
    let run = rig.run();
    assert_eq!(rig.event().await, Event::Started(1));
    rig.clock.panics_in.store(3, Ordering::SeqCst);
    let quick = rig.enqueue(&Solo(Act::Pass, 2)).await;
    rig.reaches(quick, JobState::Completed).await;
    for name in 3..6 {
        rig.enqueue(&Solo(Act::Gate, name)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(run.handle.stats().lanes[0].running, 2);
    rig.stage.gate.add_permits(4);
    assert!(run.stop().await.clean);
}
