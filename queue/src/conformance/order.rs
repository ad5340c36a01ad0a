//! Which job comes first.

use super::lab::{Lab, job, jobs, ms, names, retry};
use crate::{Claim, NewJob, Outcome, Priority, PriorityOrder};
use std::time::Duration;

fn with(priority: Priority, name: &str) -> NewJob {
    job(name).prioritized(priority)
}

fn claim(max: usize, order: PriorityOrder) -> Claim {
    Claim { order, ..Lab::request(max) }
}

pub async fn jobs_of_one_priority_are_first_in_first_out(lab: Lab) {
    lab.put_all(jobs("a", 3)).await;
    lab.put(job("b")).await;
    lab.advance(ms(5));
    lab.put_all(jobs("c", 2)).await;
    assert_eq!(lab.drain().await, ["a-0", "a-1", "a-2", "b", "c-0", "c-1"]);
}

pub async fn single_claims_keep_the_order_of_a_large_one(lab: Lab) {
    lab.put_all(jobs("a", 5)).await;
    for index in 0..5 {
        assert_eq!(names(&lab.take(1).await), [format!("a-{index}")]);
    }
}

pub async fn the_four_priorities_are_served_strictly(lab: Lab) {
    for (priority, name) in [
        (Priority::Low, "low"),
        (Priority::Normal, "normal"),
        (Priority::High, "high"),
        (Priority::Critical, "critical"),
    ] {
        lab.put_all(vec![with(priority, name), with(priority, &format!("{name}-2"))]).await;
    }
    assert_eq!(
        lab.drain().await,
        ["critical", "critical-2", "high", "high-2", "normal", "normal-2", "low", "low-2"]
    );
}

pub async fn a_job_that_waited_long_enough_counts_as_more_urgent(lab: Lab) {
    let order = PriorityOrder::Strict { aging: Duration::from_secs(10) };
    lab.put(with(Priority::Low, "low")).await;
    lab.advance(Duration::from_secs(19));
    lab.put(with(Priority::High, "high")).await;
    lab.advance(Duration::from_secs(1));
    lab.put(with(Priority::High, "high-2")).await;
    // "low" has waited two agings: as urgent as high, and due longer.
    assert_eq!(names(&lab.claim(&claim(3, order)).await.leases), ["low", "high", "high-2"]);
}

pub async fn before_its_aging_a_job_waits(lab: Lab) {
    let order = PriorityOrder::Strict { aging: Duration::from_secs(10) };
    lab.put(with(Priority::Low, "low")).await;
    lab.advance(ms(9_999));
    lab.put(with(Priority::Normal, "normal")).await;
    assert_eq!(names(&lab.claim(&claim(3, order)).await.leases), ["normal", "low"]);
}

pub async fn with_aging_the_lowest_does_not_starve_under_a_flood(lab: Lab) {
    let order = PriorityOrder::Strict { aging: Duration::from_secs(1) };
    lab.put(with(Priority::Low, "low")).await;
    for round in 0..10 {
        lab.put_all((0..4).map(|index| with(Priority::Critical, &format!("c-{round}-{index}"))).collect())
            .await;
        let leases = lab.claim(&claim(2, order)).await.leases;
        if names(&leases).contains(&"low".to_owned()) {
            return;
        }
        lab.advance(Duration::from_secs(1));
    }
    panic!("the low job starved");
}

pub async fn weights_share_claims_among_priorities(lab: Lab) {
    for (priority, prefix) in Priority::ALL.into_iter().zip(["a", "b", "c", "d"]) {
        let many = jobs(prefix, 300);
        lab.put_all(many.into_iter().map(|job| job.prioritized(priority)).collect()).await;
    }
    let order = PriorityOrder::Weighted { weights: [8, 4, 2, 1] };
    let leases = lab.claim(&Claim { draw: 11, ..claim(300, order) }).await.leases;
    assert_eq!(leases.len(), 300);
    for (priority, expected) in Priority::ALL.into_iter().zip([160_usize, 80, 40, 20]) {
        let count = leases.iter().filter(|lease| lease.priority == priority).count();
        assert!(count.abs_diff(expected) <= 40, "{priority:?}: {count}");
    }
}

pub async fn weighted_claims_are_first_in_first_out_inside_a_priority(lab: Lab) {
    let low = jobs("low", 20).into_iter().map(|job| job.prioritized(Priority::Low));
    let high = jobs("high", 20).into_iter().map(|job| job.prioritized(Priority::High));
    lab.put_all(low.chain(high).collect()).await;
    let order = PriorityOrder::Weighted { weights: [1; 4] };
    let leases = lab.claim(&Claim { draw: 3, ..claim(30, order) }).await.leases;
    for (priority, prefix) in [(Priority::Low, "low"), (Priority::High, "high")] {
        let mine: Vec<_> = leases.iter().filter(|lease| lease.priority == priority).cloned().collect();
        let expected: Vec<_> = (0..mine.len()).map(|index| format!("{prefix}-{index}")).collect();
        assert_eq!(names(&mine), expected);
    }
}

pub async fn a_weight_of_zero_waits_for_the_others(lab: Lab) {
    lab.put_all(vec![
        with(Priority::Critical, "zero"),
        with(Priority::Low, "some"),
        with(Priority::Low, "more"),
    ])
    .await;
    let order = PriorityOrder::Weighted { weights: [0, 0, 0, 1] };
    assert_eq!(names(&lab.claim(&claim(3, order)).await.leases), ["some", "more", "zero"]);
}

pub async fn a_retried_job_is_behind_those_due_before(lab: Lab) {
    lab.put_all(jobs("a", 2)).await;
    let lease = lab.take_one().await;
    lab.end(&lease, retry(10)).await;
    lab.advance(ms(5));
    lab.put(job("b")).await;
    lab.advance(ms(10));
    assert_eq!(lab.drain().await, ["a-1", "b", "a-0"]);
}

pub async fn a_handed_back_job_keeps_its_place(lab: Lab) {
    lab.put_all(jobs("a", 3)).await;
    let lease = lab.take_one().await;
    lab.advance(ms(5));
    lab.end(&lease, Outcome::HandBack).await;
    assert_eq!(lab.drain().await, ["a-0", "a-1", "a-2"]);
}

pub async fn a_time_in_the_past_does_not_jump_the_line(lab: Lab) {
    lab.put(job("first")).await;
    lab.put(job("second").at(lab.now().minus(Duration::from_hours(1)))).await;
    assert_eq!(lab.record("second").await.due_at, lab.now());
    assert_eq!(lab.drain().await, ["first", "second"]);
}

pub async fn queues_do_not_see_each_other(lab: Lab) {
    lab.put(NewJob { queue: "other".into(), ..job("there") }).await;
    lab.put(job("here")).await;
    assert_eq!(lab.drain().await, ["here"]);
    let claim = Claim { queue: "other".into(), ..Lab::request(5) };
    assert_eq!(names(&lab.claim(&claim).await.leases), ["there"]);
}
