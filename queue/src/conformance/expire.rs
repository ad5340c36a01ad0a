//! Jobs that are only worth it for a while.

use super::lab::{Lab, group, job, jobs, ms, retry};
use crate::{JobState, NewGroup, Outcome};

pub async fn a_job_not_started_in_time_is_cancelled(lab: Lab) {
    lab.put(job("a").expiring(lab.now().plus(ms(10)))).await;
    lab.put(job("b").expiring(lab.now().plus(ms(11)))).await;
    lab.advance(ms(10));
    let promoted = lab.store.promote(500).await.unwrap();
    assert_eq!((promoted.available, promoted.expired), (0, 1));
    let record = lab.record("a").await;
    assert_eq!((record.state, record.finished_at), (JobState::Cancelled, Some(lab.now())));
    assert!(record.last_error.is_some());
    assert_eq!(lab.drain().await, ["b"]);
}

pub async fn a_claim_never_gives_an_expired_job(lab: Lab) {
    lab.put(job("a").expiring(lab.now().plus(ms(10)))).await;
    lab.put(job("b")).await;
    lab.advance(ms(10));
    assert_eq!(lab.drain().await, ["b"]);
}

pub async fn a_scheduled_job_can_expire_before_it_is_due(lab: Lab) {
    let now = lab.now();
    lab.put(job("a").at(now.plus(ms(50))).expiring(now.plus(ms(10)))).await;
    lab.advance(ms(10));
    lab.promote().await;
    assert_eq!(lab.state("a").await, JobState::Cancelled);
}

pub async fn a_job_enqueued_too_late_never_runs(lab: Lab) {
    lab.put(job("a").expiring(lab.now())).await;
    assert!(lab.drain().await.is_empty());
    lab.promote().await;
    assert_eq!(lab.state("a").await, JobState::Cancelled);
}

pub async fn a_started_job_does_not_expire(lab: Lab) {
    lab.put(job("a").expiring(lab.now().plus(ms(10)))).await;
    let lease = lab.take_one().await;
    lab.advance(ms(20));
    lab.promote().await;
    assert_eq!(lab.state("a").await, JobState::Running);
    lab.end(&lease, retry(5)).await;
    lab.advance(ms(20));
    lab.promote().await;
    assert_eq!(lab.drain().await, ["a"]);
}

pub async fn the_end_of_an_expired_member_ends_its_group(lab: Lab) {
    let expiring = job("a").expiring(lab.now().plus(ms(10)));
    lab.open(NewGroup { follow_up: Some(job("after")), ..group("g", vec![expiring]) }).await;
    lab.advance(ms(10));
    lab.promote().await;
    assert_eq!(lab.group("g").await.cancelled, 1);
    assert_eq!(lab.drain().await, ["after"]);
}

pub async fn a_flood_of_expired_jobs_does_not_stall_what_is_still_wanted(lab: Lab) {
    let end = lab.now().plus(ms(10));
    lab.put_all(jobs("old", 2_500).into_iter().map(|job| job.expiring(end)).collect()).await;
    lab.put(job("new")).await;
    lab.advance(ms(10));
    for _ in 0..20 {
        let claimed = lab.claim(&Lab::request(10)).await;
        if let Some(lease) = claimed.leases.first() {
            assert_eq!(claimed.leases.len(), 1);
            return lab.end(lease, Outcome::Complete).await;
        }
        assert!(
            claimed.next_due.is_some_and(|due| due <= lab.now()),
            "an empty claim must ask to look again"
        );
    }
    panic!("stalled");
}

pub async fn promotion_counts_expired_jobs_against_its_limit(lab: Lab) {
    let end = lab.now().plus(ms(10));
    lab.put_all(jobs("old", 5).into_iter().map(|job| job.expiring(end)).collect()).await;
    lab.advance(ms(10));
    for expected in [2, 2, 1, 0] {
        let promoted = lab.store.promote(2).await.unwrap();
        assert_eq!((promoted.expired, promoted.available), (expected, 0));
    }
}
