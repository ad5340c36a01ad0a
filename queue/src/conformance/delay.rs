//! Not before its time.

use super::lab::{Lab, QUEUE, job, jobs, ms, names, retry};
use crate::{Claim, JobState, Priority};
use std::time::Duration;

pub async fn a_delayed_job_is_never_early_by_a_millisecond(lab: Lab) {
    let due = lab.now().plus(ms(1_500));
    lab.put(job("a").at(due)).await;
    assert_eq!(lab.state("a").await, JobState::Scheduled);
    lab.advance(ms(1_499));
    lab.promote().await;
    assert!(lab.drain().await.is_empty());
    lab.advance(ms(1));
    let lease = lab.take_one().await;
    assert_eq!(lease.due_at, due);
}

pub async fn a_claim_says_when_to_look_again(lab: Lab) {
    lab.put(job("later").at(lab.now().plus(ms(900)))).await;
    lab.put(job("sooner").at(lab.now().plus(ms(300)))).await;
    let claimed = lab.claim(&Lab::request(5)).await;
    assert!(claimed.leases.is_empty());
    assert_eq!(claimed.next_due, Some(lab.now().plus(ms(300))));
}

pub async fn an_empty_queue_says_nothing_about_when_to_look_again(lab: Lab) {
    assert_eq!(lab.claim(&Lab::request(5)).await.next_due, None);
}

pub async fn promotion_makes_due_jobs_available_and_names_the_next(lab: Lab) {
    lab.put(job("a").at(lab.now().plus(ms(10)))).await;
    lab.put(job("b").at(lab.now().plus(ms(20)))).await;
    lab.advance(ms(10));
    let promoted = lab.store.promote(500).await.unwrap();
    assert_eq!((promoted.available, promoted.expired), (1, 0));
    assert_eq!(promoted.next_due, Some(lab.now().plus(ms(10))));
    assert_eq!((lab.state("a").await, lab.state("b").await), (JobState::Available, JobState::Scheduled));
}

pub async fn promotion_respects_its_limit_and_says_that_more_is_due(lab: Lab) {
    let due = lab.now().plus(ms(1));
    lab.put_all(jobs("a", 7).into_iter().map(|job| job.at(due)).collect()).await;
    lab.advance(ms(1));
    for (limit, expected) in [(3, 3), (3, 3), (3, 1)] {
        let promoted = lab.store.promote(limit).await.unwrap();
        assert_eq!(promoted.available, expected);
        assert_eq!(
            promoted.next_due.is_some_and(|due| due <= lab.now()),
            expected == 3 && left(&lab).await > 0
        );
    }
}

async fn left(lab: &Lab) -> u64 {
    let queues = lab.store.queues().await.unwrap();
    queues.iter().filter_map(|queue| queue.counts.get(&JobState::Scheduled)).sum()
}

pub async fn due_jobs_are_claimed_without_a_promotion_in_between(lab: Lab) {
    lab.put(job("a").at(lab.now().plus(ms(10)))).await;
    lab.put(job("b").at(lab.now().plus(ms(5)))).await;
    lab.advance(ms(10));
    assert_eq!(lab.drain().await, ["b", "a"]);
}

pub async fn a_due_job_takes_the_place_of_its_priority(lab: Lab) {
    lab.put(job("normal")).await;
    lab.put(job("high").prioritized(Priority::High).at(lab.now().plus(ms(1)))).await;
    lab.advance(ms(1));
    assert_eq!(lab.drain().await, ["high", "normal"]);
}

pub async fn ten_thousand_due_at_once_do_not_stall_a_claim(lab: Lab) {
    let due = lab.now().plus(ms(1));
    lab.put_all(jobs("a", 10_000).into_iter().map(|job| job.at(due)).collect()).await;
    lab.advance(ms(1));
    let mut seen = std::collections::HashSet::new();
    while seen.len() < 10_000 {
        let leases = lab.take(Claim::MAX).await;
        assert!(!leases.is_empty(), "stalled after {} jobs", seen.len());
        for lease in leases {
            assert!(seen.insert(lease.job), "claimed twice");
        }
    }
}

pub async fn a_claim_that_left_due_jobs_behind_asks_to_look_again_at_once(lab: Lab) {
    let due = lab.now().plus(ms(1));
    lab.put_all(jobs("a", 2_000).into_iter().map(|job| job.at(due)).collect()).await;
    lab.advance(ms(1));
    let mut taken = 0;
    while taken < 2_000 {
        let claimed = lab.claim(&Lab::request(100)).await;
        taken += claimed.leases.len();
        let scheduled = left(&lab).await;
        assert_eq!(claimed.next_due.is_some_and(|due| due <= lab.now()), scheduled > 0);
    }
}

pub async fn a_retry_is_never_early(lab: Lab) {
    lab.put(job("a")).await;
    let lease = lab.take_one().await;
    lab.end(&lease, retry(250)).await;
    lab.advance(ms(249));
    lab.promote().await;
    assert!(lab.drain().await.is_empty());
    lab.advance(ms(1));
    assert_eq!(names(&lab.take(1).await), ["a"]);
}

pub async fn a_part_of_a_millisecond_is_rounded_up(lab: Lab) {
    lab.put(job("a")).await;
    let lease = lab.take_one().await;
    let delay = Duration::from_micros(1_200);
    lab.end(&lease, crate::Outcome::Snooze { delay }).await;
    assert_eq!(lab.record("a").await.due_at, lab.now().plus(ms(2)));
    lab.advance(ms(1));
    assert!(lab.drain().await.is_empty());
}

pub async fn a_time_far_in_the_future_is_kept(lab: Lab) {
    let never = crate::Timestamp(i64::MAX);
    lab.put(job("a").at(never)).await;
    assert_eq!(lab.record("a").await.due_at, never);
    lab.run(job("b"), crate::Outcome::Snooze { delay: Duration::MAX }).await;
    assert_eq!(lab.record("b").await.due_at, never);
    lab.advance(Duration::from_hours(24 * 365 * 100));
    assert!(lab.drain().await.is_empty());
    assert_eq!(lab.store.queues().await.unwrap()[0].name, QUEUE);
}
