//! Forgetting finished jobs.

use super::lab::{Lab, discard, group, group_id, job, jobs, ms, snooze};
use crate::{Enqueued, JobState, NewJob, Outcome, Pruned, Retention};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

/// Keeps everything for an hour.
fn hour() -> Retention {
    Retention { max_age: HOUR, max_bytes: u64::MAX, dead_max_age: HOUR, dead_max_bytes: u64::MAX }
}

async fn prune(lab: &Lab, retention: &Retention) -> Pruned {
    lab.store.prune(retention, 500).await.unwrap()
}

pub async fn finished_jobs_are_kept_for_their_age(lab: Lab) {
    lab.run(job("a"), Outcome::Complete).await;
    lab.advance(ms(1));
    lab.run(job("b"), Outcome::Cancel { reason: "no".into() }).await;
    lab.advance(HOUR);
    let pruned = prune(&lab, &hour()).await;
    assert_eq!((pruned.jobs, pruned.bytes, pruned.more), (1, 3, false));
    assert_eq!(lab.find("a").await, None);
    assert_eq!(lab.state("b").await, JobState::Cancelled);
    lab.advance(ms(1));
    assert_eq!(prune(&lab, &hour()).await.jobs, 1);
}

pub async fn unfinished_jobs_are_never_pruned(lab: Lab) {
    lab.put(job("running")).await;
    lab.take_one().await;
    lab.run(job("retryable"), snooze(1)).await;
    lab.put(job("available")).await;
    lab.put(job("scheduled").at(crate::Timestamp(i64::MAX))).await;
    lab.advance(Duration::from_hours(1_000));
    let nothing =
        Retention { max_age: Duration::ZERO, max_bytes: 0, dead_max_age: Duration::ZERO, dead_max_bytes: 0 };
    assert_eq!(prune(&lab, &nothing).await, Pruned::default());
    assert_eq!(lab.all().await.len(), 4);
}

pub async fn dead_jobs_have_their_own_age(lab: Lab) {
    lab.run(job("dead"), discard()).await;
    lab.put(job("quarantined")).await;
    lab.take_one().await;
    lab.advance(super::lab::LEASE);
    lab.store.rescue(1, 500).await.unwrap();
    lab.run(job("done"), Outcome::Complete).await;
    lab.advance(2 * HOUR);
    let retention = Retention { dead_max_age: 10 * HOUR, ..hour() };
    assert_eq!(prune(&lab, &retention).await.jobs, 1);
    assert_eq!(lab.find("done").await, None);
    lab.advance(9 * HOUR);
    assert_eq!(prune(&lab, &retention).await.jobs, 2);
    assert!(lab.all().await.is_empty());
}

pub async fn finished_jobs_are_kept_by_bytes_oldest_go_first(lab: Lab) {
    for index in 0..10 {
        let payload = vec![b'1'; 100];
        lab.run(NewJob { payload, ..job(&format!("a-{index}")) }, Outcome::Complete).await;
        lab.advance(ms(1));
    }
    let retention = Retention { max_bytes: 350, ..hour() };
    let pruned = prune(&lab, &retention).await;
    assert_eq!((pruned.jobs, pruned.bytes, pruned.more), (7, 700, false));
    let left: Vec<_> = lab.all().await.into_iter().map(|job| job.id).collect();
    assert_eq!(left, ["a-9", "a-8", "a-7"].map(super::lab::id));
}

pub async fn dead_jobs_have_their_own_bytes_and_errors_count(lab: Lab) {
    for index in 0..3 {
        let bury = Outcome::Discard { error: "x".repeat(90) };
        lab.run(NewJob { payload: vec![b'1'; 10], ..job(&format!("dead-{index}")) }, bury).await;
        lab.advance(ms(1));
    }
    lab.run(NewJob { payload: vec![b'1'; 1_000], ..job("done") }, Outcome::Complete).await;
    let pruned = prune(&lab, &Retention { dead_max_bytes: 200, ..hour() }).await;
    assert_eq!((pruned.jobs, pruned.bytes), (1, 100));
    assert_eq!(lab.find("dead-0").await, None);
}

pub async fn pruning_respects_its_limit_and_says_that_there_is_more(lab: Lab) {
    lab.put_all(jobs("a", 7)).await;
    for lease in lab.take(7).await {
        lab.complete(&lease).await;
    }
    lab.advance(HOUR + ms(1));
    for (expected, more) in [(3, true), (3, true), (1, false), (0, false)] {
        let pruned = lab.store.prune(&hour(), 3).await.unwrap();
        assert_eq!((pruned.jobs, pruned.more), (expected, more));
    }
}

pub async fn pruning_goes_in_pieces_of_at_most_five_hundred(lab: Lab) {
    lab.put_all(jobs("a", 600)).await;
    for _ in 0..2 {
        lab.store.cancel(&crate::JobFilter::default()).await.unwrap();
    }
    lab.advance(HOUR + ms(1));
    let pruned = lab.store.prune(&hour(), usize::MAX).await.unwrap();
    assert_eq!((pruned.jobs, pruned.more), (500, true));
    assert_eq!(prune(&lab, &hour()).await.jobs, 100);
}

pub async fn the_id_of_a_pruned_job_is_free(lab: Lab) {
    lab.run(job("a"), Outcome::Complete).await;
    lab.advance(HOUR + ms(1));
    prune(&lab, &hour()).await;
    assert_eq!(lab.put(job("a")).await, Enqueued::New(super::lab::id("a")));
}

pub async fn the_fence_of_a_pruned_job_does_not_come_again(lab: Lab) {
    lab.put(job("a")).await;
    let old = lab.take_one().await;
    lab.complete(&old).await;
    lab.advance(HOUR + ms(1));
    prune(&lab, &hour()).await;
    lab.put(job("a")).await;
    assert!(lab.take_one().await.fence > old.fence);
}

pub async fn a_group_keeps_its_counts_when_members_are_pruned(lab: Lab) {
    lab.open(crate::NewGroup { sealed: false, ..group("g", jobs("a", 3)) }).await;
    for lease in lab.take(3).await {
        lab.complete(&lease).await;
    }
    lab.advance(HOUR + ms(1));
    assert_eq!(prune(&lab, &hour()).await.jobs, 3);
    let status = lab.group("g").await;
    assert_eq!((status.total, status.completed, status.done_at), (3, 3, None));
}

pub async fn a_done_group_goes_after_its_jobs(lab: Lab) {
    lab.open(group("g", jobs("a", 1))).await;
    let lease = lab.take_one().await;
    lab.end(&lease, discard()).await;
    lab.advance(2 * HOUR);
    let retention = Retention { dead_max_age: 10 * HOUR, ..hour() };
    prune(&lab, &retention).await;
    assert!(lab.store.group(group_id("g")).await.unwrap().is_some(), "its dead job can still be replayed");
    lab.advance(10 * HOUR);
    prune(&lab, &retention).await;
    prune(&lab, &retention).await;
    assert_eq!(lab.store.group(group_id("g")).await.unwrap(), None);
}

pub async fn an_open_group_is_never_pruned(lab: Lab) {
    lab.open(crate::NewGroup { sealed: false, ..group("g", Vec::new()) }).await;
    lab.advance(Duration::from_hours(100_000));
    prune(&lab, &hour()).await;
    assert!(lab.store.group(group_id("g")).await.unwrap().is_some());
}

pub async fn a_replayed_job_no_longer_counts_against_the_retention(lab: Lab) {
    lab.run(NewJob { payload: vec![b'1'; 100], ..job("a") }, discard()).await;
    lab.run(NewJob { payload: vec![b'1'; 100], ..job("b") }, discard()).await;
    let replay = crate::Replay { filter: super::lab::only("a"), limit: 1, ..Default::default() };
    lab.store.replay(&replay).await.unwrap();
    let retention = Retention { dead_max_bytes: 150, ..hour() };
    assert_eq!(prune(&lab, &retention).await.jobs, 0);
}
