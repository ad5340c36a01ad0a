//! Dead workers and ended leases.

use super::lab::{ALMOST_LEASE, LEASE, Lab, PATIENCE, id, info, job, jobs, ms, only, snooze, worker};
use crate::{JobState, Outcome, Rescued, Settled, StoreError};
use std::time::Duration;

async fn rescue(lab: &Lab) -> Rescued {
    lab.store.rescue(3, 500).await.unwrap()
}

pub async fn nothing_is_taken_from_a_worker_that_lives(lab: Lab) {
    lab.put(job("a")).await;
    lab.take_one().await;
    lab.advance(ALMOST_LEASE);
    assert_eq!(rescue(&lab).await, Rescued::default());
}

pub async fn the_jobs_of_a_killed_worker_run_again(lab: Lab) {
    lab.check_in("doomed").await;
    lab.put_all(jobs("a", 2)).await;
    let lost = lab.take_one_as("doomed").await;
    let kept = lab.take_one().await;
    lab.kill("doomed").await;
    let rescued = rescue(&lab).await;
    assert_eq!((rescued.available, rescued.dead_workers), (vec![id("a-0")], vec![worker("doomed")]));
    let record = lab.record("a-0").await;
    assert_eq!((record.state, record.crashes, record.errors), (JobState::Available, 1, 0));
    assert_eq!(record.worker, None);
    let again = lab.take_one().await;
    assert_eq!((again.job, again.attempt, again.crashes), (id("a-0"), 1, 1));
    assert_eq!(lab.settle(&lost, Outcome::Complete).await, Settled::LeaseLost);
    lab.complete(&again).await;
    lab.complete(&kept).await;
}

pub async fn a_dead_worker_is_named_once_and_listed_no_more(lab: Lab) {
    lab.check_in("doomed").await;
    lab.kill("doomed").await;
    assert_eq!(rescue(&lab).await.dead_workers, [worker("doomed")]);
    assert_eq!(rescue(&lab).await, Rescued::default());
    let workers = lab.store.workers().await.unwrap();
    assert_eq!(workers.into_iter().map(|status| status.id).collect::<Vec<_>>(), [worker("w")]);
}

pub async fn a_silent_worker_is_dead_when_patience_ends(lab: Lab) {
    lab.store.check_in(&info("silent", Duration::from_secs(6))).await.unwrap();
    lab.put(job("a")).await;
    lab.take_one_as("silent").await;
    lab.advance(Duration::from_secs(5));
    lab.store.check_in(&info("silent", Duration::from_secs(6))).await.unwrap();
    lab.advance(ms(5_999));
    assert_eq!(rescue(&lab).await, Rescued::default());
    lab.advance(ms(1));
    let rescued = rescue(&lab).await;
    assert_eq!((rescued.available, rescued.dead_workers), (vec![id("a")], vec![worker("silent")]));
}

pub async fn a_worker_found_dead_must_check_in_again(lab: Lab) {
    lab.store.check_in(&info("sleeper", ms(1))).await.unwrap();
    lab.advance(ms(1));
    rescue(&lab).await;
    lab.put(job("a")).await;
    let claim = crate::Claim { worker: worker("sleeper"), ..Lab::request(1) };
    assert!(matches!(lab.store.claim(&claim).await, Err(StoreError::Invalid(_))));
    lab.store.check_in(&info("sleeper", PATIENCE)).await.unwrap();
    assert_eq!(lab.take_one_as("sleeper").await.job, id("a"));
}

pub async fn an_ended_lease_is_taken_back_as_a_crash(lab: Lab) {
    lab.put(job("a")).await;
    lab.take_one().await;
    lab.advance(LEASE);
    let rescued = rescue(&lab).await;
    assert_eq!((rescued.available, rescued.dead_workers), (vec![id("a")], vec![]));
    assert_eq!(lab.record("a").await.crashes, 1);
    assert_eq!(lab.store.workers().await.unwrap().len(), 1, "the worker itself lives");
}

pub async fn the_last_allowed_crash_quarantines(lab: Lab) {
    lab.put(job("a")).await;
    for crash in 1..=3 {
        lab.take_one().await;
        lab.advance(LEASE);
        let rescued = rescue(&lab).await;
        assert_eq!(rescued.quarantined.len(), usize::from(crash == 3));
        assert_eq!(rescued.available.len(), usize::from(crash < 3));
    }
    let record = lab.record("a").await;
    assert_eq!((record.state, record.crashes, record.errors), (JobState::Quarantined, 3, 0));
    assert_eq!((record.finished_at, record.last_error.is_some()), (Some(lab.now()), true));
    assert!(lab.drain().await.is_empty());
}

pub async fn crashes_and_errors_are_counted_apart(lab: Lab) {
    lab.put(job("a")).await;
    lab.end(&lab.take_one().await, super::lab::retry(0)).await;
    lab.take_one().await;
    lab.advance(LEASE);
    rescue(&lab).await;
    lab.end(&lab.take_one().await, snooze(0)).await;
    let lease = lab.take_one().await;
    assert_eq!((lease.attempt, lease.crashes), (2, 1));
}

pub async fn a_goodbye_gives_jobs_back_without_a_crash(lab: Lab) {
    lab.check_in("leaver").await;
    lab.put(job("a")).await;
    lab.take_one_as("leaver").await;
    lab.store.check_out(&worker("leaver")).await.unwrap();
    let rescued = lab.store.rescue(1, 500).await.unwrap();
    assert_eq!(
        (rescued.available, rescued.quarantined, rescued.dead_workers),
        (vec![id("a")], vec![], vec![])
    );
    assert_eq!(lab.record("a").await.crashes, 0);
}

pub async fn a_goodbye_before_the_lease_ended_is_no_crash_even_if_noticed_late(lab: Lab) {
    lab.check_in("leaver").await;
    lab.put(job("a")).await;
    lab.take_one_as("leaver").await;
    lab.store.check_out(&worker("leaver")).await.unwrap();
    lab.advance(LEASE);
    rescue(&lab).await;
    assert_eq!(lab.record("a").await.crashes, 0);
}

pub async fn a_worker_that_checked_out_gets_nothing_until_it_is_back(lab: Lab) {
    lab.store.check_out(&worker("w")).await.unwrap();
    lab.put(job("a")).await;
    assert!(matches!(lab.store.claim(&Lab::request(1)).await, Err(StoreError::Invalid(_))));
    assert!(lab.store.workers().await.unwrap().is_empty());
    lab.check_in("w").await;
    assert_eq!(lab.drain().await, ["a"]);
}

pub async fn checking_out_a_stranger_or_twice_changes_nothing(lab: Lab) {
    lab.store.check_out(&worker("nobody")).await.unwrap();
    lab.store.check_out(&worker("w")).await.unwrap();
    lab.store.check_out(&worker("w")).await.unwrap();
    assert_eq!(rescue(&lab).await, Rescued::default());
}

pub async fn a_rescued_job_keeps_its_place(lab: Lab) {
    lab.put_all(jobs("a", 3)).await;
    lab.take_one().await;
    lab.advance(LEASE);
    rescue(&lab).await;
    assert_eq!(lab.drain().await, ["a-0", "a-1", "a-2"]);
}

pub async fn a_rescue_respects_its_limit_and_leaves_nothing_behind(lab: Lab) {
    lab.check_in("doomed").await;
    lab.put_all(jobs("a", 7)).await;
    let claim = crate::Claim { worker: worker("doomed"), ..Lab::request(7) };
    assert_eq!(lab.claim(&claim).await.leases.len(), 7);
    lab.kill("doomed").await;
    let mut rescued = Vec::new();
    for expected in [3, 3, 1, 0] {
        let piece = lab.store.rescue(3, 3).await.unwrap().available;
        assert_eq!(piece.len(), expected);
        rescued.extend(piece);
    }
    rescued.sort();
    rescued.dedup();
    assert_eq!(rescued.len(), 7);
}

pub async fn a_job_asked_to_stop_does_not_come_back_after_a_crash(lab: Lab) {
    lab.put(job("a")).await;
    lab.take_one().await;
    lab.store.cancel(&only("a")).await.unwrap();
    lab.advance(LEASE);
    assert!(rescue(&lab).await.available.is_empty());
    assert_eq!(lab.state("a").await, JobState::Cancelled);
}
