//! Limits of fairness keys; for stores with `Capabilities::fair`.

use super::lab::{LEASE, Lab, QUEUE, discard, id, info, job, jobs, ms, names, retry, snooze, worker};
use crate::{Claim, KeyLimits, NewJob, Outcome, Priority, PriorityOrder, Settled, Settlement, StoreError};
use std::time::Duration;

fn of(key: &str, name: &str) -> NewJob {
    job(name).with_fairness_key(key)
}

fn many(key: &str, count: usize) -> Vec<NewJob> {
    jobs(key, count).into_iter().map(|job| job.with_fairness_key(key)).collect()
}

fn running(most: u32) -> KeyLimits {
    KeyLimits { running: std::num::NonZeroU32::new(most), rate: None }
}

fn rate(text: &str) -> KeyLimits {
    KeyLimits { running: None, rate: Some(text.parse().unwrap()) }
}

async fn limit(lab: &Lab, limits: KeyLimits) {
    lab.store.set_limits(QUEUE, limits).await.unwrap();
}

async fn shown(lab: &Lab, queue: &str) -> Option<KeyLimits> {
    let queues = lab.store.queues().await.unwrap();
    queues.into_iter().find(|status| status.name == queue).map(|status| status.limits)
}

// ---- jobs at once

pub async fn a_key_runs_no_more_jobs_at_once_than_its_limit(lab: Lab) {
    limit(&lab, running(2)).await;
    lab.put_all(many("a", 5)).await;
    let leases = lab.take(5).await;
    assert_eq!(names(&leases), ["a-0", "a-1"]);
    assert!(lab.drain().await.is_empty());
    lab.complete(&leases[1]).await;
    assert_eq!(lab.drain().await, ["a-2"]);
}

pub async fn each_key_has_the_limit_of_its_own(lab: Lab) {
    limit(&lab, running(1)).await;
    lab.put_all(many("a", 3)).await;
    lab.put_all(many("b", 3)).await;
    assert_eq!(lab.drain().await, ["a-0", "b-0"]);
}

pub async fn jobs_without_a_key_are_not_limited(lab: Lab) {
    limit(&lab, KeyLimits { rate: rate("1/h").rate, ..running(1) }).await;
    lab.put_all(jobs("none", 3)).await;
    lab.put(of("", "empty")).await;
    assert_eq!(lab.drain().await, ["none-0", "none-1", "none-2", "empty"]);
}

pub async fn the_limit_counts_over_all_workers(lab: Lab) {
    limit(&lab, running(2)).await;
    lab.put_all(many("a", 3)).await;
    lab.check_in("v").await;
    lab.take_one_as("v").await;
    lab.take_one().await;
    let claim = Claim { worker: worker("v"), ..Lab::request(5) };
    assert!(lab.claim(&claim).await.leases.is_empty());
}

pub async fn the_limit_counts_over_all_priorities_and_kinds(lab: Lab) {
    limit(&lab, running(1)).await;
    lab.put(of("a", "critical").prioritized(Priority::Critical)).await;
    lab.put_all(many("a", 1)).await;
    lab.put(NewJob { kind: "other".into(), ..of("a", "of another kind") }).await;
    assert_eq!(lab.drain().await, ["critical"]);
    let kinds = vec![crate::KindRange { kind: "other".into(), max_version: 1 }];
    assert!(lab.claim(&Claim { kinds, ..Lab::request(5) }).await.leases.is_empty());
}

pub async fn a_limit_holds_in_its_queue_only(lab: Lab) {
    limit(&lab, running(1)).await;
    let other = |job: NewJob| NewJob { queue: "other".into(), ..job };
    lab.put_all(many("a", 3).into_iter().map(other).collect()).await;
    lab.put(of("a", "here")).await;
    let claim = Claim { queue: "other".into(), ..Lab::request(5) };
    assert_eq!(lab.claim(&claim).await.leases.len(), 3);
    assert_eq!(lab.drain().await, ["here"]);
}

pub async fn every_way_to_let_go_of_a_job_gives_its_slot_back(lab: Lab) {
    limit(&lab, running(1)).await;
    let cancel = Outcome::Cancel { reason: "no".into() };
    let outcomes = [Outcome::Complete, retry(60_000), snooze(60_000), discard(), cancel];
    for (round, outcome) in outcomes.into_iter().enumerate() {
        lab.put_all(vec![of("a", &format!("first-{round}")), of("a", &format!("second-{round}"))]).await;
        let lease = lab.take(5).await.pop().expect("the slot is free");
        lab.end(&lease, outcome).await;
        let next = lab.take(5).await.pop().expect("the slot was given back");
        assert_eq!(next.job, id(&format!("second-{round}")));
        lab.complete(&next).await;
    }
}

pub async fn a_job_that_waits_again_needs_a_slot_again(lab: Lab) {
    limit(&lab, running(1)).await;
    lab.put_all(many("a", 2)).await;
    for outcome in [retry(0), Outcome::HandBack, snooze(0)] {
        let leases = lab.take(5).await;
        assert_eq!(leases.len(), 1);
        lab.end(&leases[0], outcome).await;
    }
    assert_eq!(lab.drain().await.len(), 1);
}

pub async fn a_turn_gives_back_a_slot_before_it_claims(lab: Lab) {
    limit(&lab, running(1)).await;
    lab.put_all(many("a", 2)).await;
    let lease = lab.take_one().await;
    let done = vec![Settlement::new(lease.key(), Outcome::Complete)];
    let (settled, claimed) = lab.store.turn(done, &Lab::request(5)).await.unwrap();
    assert_eq!((settled, names(&claimed.leases)), (vec![Settled::Applied], vec!["a-1".to_owned()]));
}

pub async fn a_killed_worker_leaks_no_slot(lab: Lab) {
    limit(&lab, running(2)).await;
    lab.put_all(many("a", 4)).await;
    lab.store.check_in(&info("v", super::lab::PATIENCE)).await.unwrap();
    let claim = Claim { worker: worker("v"), ..Lab::request(5) };
    assert_eq!(lab.claim(&claim).await.leases.len(), 2);
    assert!(lab.drain().await.is_empty());
    lab.kill("v").await;
    assert_eq!(lab.store.rescue(3, 500).await.unwrap().available.len(), 2);
    assert_eq!(lab.drain().await, ["a-0", "a-1"]);
}

pub async fn an_ended_lease_holds_its_slot_until_it_is_taken_back(lab: Lab) {
    limit(&lab, running(1)).await;
    lab.put_all(many("a", 2)).await;
    lab.take_one().await;
    lab.advance(LEASE);
    assert!(lab.drain().await.is_empty());
    lab.store.rescue(1, 500).await.unwrap();
    // The first is quarantined, which frees its slot, too.
    assert_eq!(lab.drain().await, ["a-1"]);
}

pub async fn a_settlement_under_a_lost_lease_frees_no_slot(lab: Lab) {
    limit(&lab, running(1)).await;
    lab.put_all(many("a", 2)).await;
    let lost = lab.take_one().await;
    lab.advance(LEASE);
    lab.store.rescue(3, 500).await.unwrap();
    lab.take_one().await;
    assert_eq!(lab.settle(&lost, Outcome::Complete).await, Settled::LeaseLost);
    assert!(lab.drain().await.is_empty());
}

pub async fn a_lower_limit_lets_running_jobs_go_on(lab: Lab) {
    lab.put_all(many("a", 5)).await;
    let leases = lab.take(3).await;
    limit(&lab, running(1)).await;
    for lease in &leases {
        assert!(lab.drain().await.is_empty());
        lab.complete(lease).await;
    }
    assert_eq!(lab.drain().await, ["a-3"]);
}

pub async fn what_runs_when_a_limit_is_set_counts(lab: Lab) {
    lab.put_all(many("a", 5)).await;
    lab.take(1).await;
    limit(&lab, running(2)).await;
    assert_eq!(lab.drain().await, ["a-1"]);
}

// ---- jobs over time

pub async fn a_rate_lets_a_burst_through_and_then_one_at_a_time(lab: Lab) {
    limit(&lab, rate("2/20ms")).await;
    lab.put_all(many("a", 6)).await;
    assert_eq!(lab.drain().await, ["a-0", "a-1"]);
    lab.advance(ms(9));
    assert!(lab.drain().await.is_empty());
    lab.advance(ms(1));
    assert_eq!(lab.drain().await, ["a-2"]);
    lab.advance(ms(10));
    assert_eq!(lab.drain().await, ["a-3"]);
}

pub async fn an_idle_key_has_its_full_burst_again(lab: Lab) {
    limit(&lab, rate("2/20ms")).await;
    lab.put_all(many("a", 6)).await;
    assert_eq!(lab.drain().await.len(), 2);
    lab.advance(ms(20));
    assert_eq!(lab.drain().await, ["a-2", "a-3"]);
    lab.advance(Duration::from_hours(1));
    assert_eq!(lab.drain().await, ["a-4", "a-5"]);
}

pub async fn a_claim_says_when_a_key_held_back_by_its_rate_may_go_on(lab: Lab) {
    limit(&lab, rate("1/20ms")).await;
    lab.put_all(many("a", 2)).await;
    assert_eq!(lab.claim(&Lab::request(5)).await.next_due, Some(lab.now().plus(ms(20))));
    lab.advance(ms(7));
    assert_eq!(lab.claim(&Lab::request(5)).await.next_due, Some(lab.now().plus(ms(13))));
    lab.put(job("soon").at(lab.now().plus(ms(3)))).await;
    assert_eq!(lab.claim(&Lab::request(5)).await.next_due, Some(lab.now().plus(ms(3))));
}

pub async fn a_rate_of_parts_of_a_millisecond_is_never_early(lab: Lab) {
    limit(&lab, rate("3/10ms")).await;
    lab.put_all(many("a", 5)).await;
    assert_eq!(lab.claim(&Lab::request(5)).await.next_due, Some(lab.now().plus(ms(4))));
    lab.advance(ms(3));
    assert!(lab.drain().await.is_empty());
    lab.advance(ms(1));
    assert_eq!(lab.drain().await, ["a-3"]);
    // The pace is kept to the microsecond: 3.334, then 6.668.
    assert_eq!(lab.claim(&Lab::request(5)).await.next_due, Some(lab.now().plus(ms(3))));
}

pub async fn a_key_without_work_asks_nobody_to_look_again(lab: Lab) {
    limit(&lab, rate("1/20ms")).await;
    lab.put_all(many("a", 1)).await;
    assert_eq!(lab.claim(&Lab::request(5)).await.next_due, None);
}

pub async fn every_lease_counts_against_the_rate(lab: Lab) {
    limit(&lab, rate("2/20ms")).await;
    lab.put_all(many("a", 2)).await;
    for _ in 0..2 {
        let lease = lab.take_one().await;
        lab.end(&lease, Outcome::HandBack).await;
    }
    assert!(lab.drain().await.is_empty());
}

pub async fn both_limits_hold_together(lab: Lab) {
    limit(&lab, KeyLimits { rate: rate("2/20ms").rate, ..running(1) }).await;
    lab.put_all(many("a", 4)).await;
    let first = lab.take(5).await;
    assert_eq!(names(&first), ["a-0"]);
    lab.complete(&first[0]).await;
    let second = lab.take(5).await;
    assert_eq!(names(&second), ["a-1"]);
    lab.complete(&second[0]).await;
    let held_back = lab.claim(&Lab::request(5)).await;
    assert_eq!((held_back.leases.len(), held_back.next_due), (0, Some(lab.now().plus(ms(10)))));
}

// ---- who is held back, and who is not

pub async fn a_key_held_back_does_not_hold_up_others(lab: Lab) {
    limit(&lab, running(1)).await;
    lab.put_all(many("a", 3)).await;
    lab.take_one().await;
    lab.put_all(vec![of("b", "b"), job("none")]).await;
    lab.put(of("c", "low").prioritized(Priority::Low)).await;
    assert_eq!(lab.drain().await, ["none", "b", "low"]);
}

pub async fn jobs_held_back_keep_their_places(lab: Lab) {
    limit(&lab, running(1)).await;
    lab.put_all(many("a", 3)).await;
    let lease = lab.take_one().await;
    lab.advance(ms(5));
    lab.put_all(vec![of("a", "later"), of("b", "b")]).await;
    assert_eq!(lab.drain().await, ["b"]);
    lab.complete(&lease).await;
    limit(&lab, KeyLimits::NONE).await;
    assert_eq!(lab.drain().await, ["a-1", "a-2", "later"]);
}

pub async fn a_key_that_was_held_back_is_next(lab: Lab) {
    limit(&lab, running(1)).await;
    lab.put_all(many("z", 2)).await;
    let lease = lab.take_one().await;
    for name in ["b-0", "b-1", "b-2"] {
        lab.put(of("b", name)).await;
        let lease = lab.take_one().await;
        lab.complete(&lease).await;
    }
    lab.complete(&lease).await;
    lab.put(of("a", "a")).await;
    assert_eq!(lab.drain().await, ["z-1", "a"]);
}

pub async fn jobs_held_back_make_no_priority_more_urgent(lab: Lab) {
    limit(&lab, running(1)).await;
    lab.put_all(many("a", 2).into_iter().map(|job| job.prioritized(Priority::Low)).collect()).await;
    lab.take_one().await;
    lab.advance(Duration::from_secs(29));
    lab.put(of("b", "low").prioritized(Priority::Low)).await;
    lab.put(job("normal")).await;
    let order = PriorityOrder::Strict { aging: Duration::from_secs(1) };
    let claim = Claim { order, ..Lab::request(5) };
    assert_eq!(names(&lab.claim(&claim).await.leases), ["normal", "low"]);
}

pub async fn a_long_backlog_of_a_key_held_back_hides_nothing(lab: Lab) {
    limit(&lab, running(1)).await;
    lab.put_all(many("a", 5_000)).await;
    lab.take_one().await;
    lab.put_all(many("b", 1)).await;
    lab.put_all(jobs("none", 3)).await;
    assert_eq!(lab.drain().await, ["none-0", "b-0", "none-1", "none-2"]);
}

// ---- setting and showing

pub async fn limits_are_shown_and_can_be_lifted(lab: Lab) {
    let limits = KeyLimits { rate: rate("100/s").rate, ..running(4) };
    limit(&lab, limits).await;
    assert_eq!(shown(&lab, QUEUE).await, Some(limits));
    limit(&lab, rate("5/m")).await;
    assert_eq!(shown(&lab, QUEUE).await, Some(rate("5/m")));
    limit(&lab, KeyLimits::NONE).await;
    assert_eq!(shown(&lab, QUEUE).await, Some(KeyLimits::NONE));
    lab.put_all(many("a", 9)).await;
    assert_eq!(lab.drain().await.len(), 9);
}

pub async fn a_queue_can_be_limited_before_its_first_job(lab: Lab) {
    lab.store.set_limits("coming", running(1)).await.unwrap();
    assert_eq!(shown(&lab, "coming").await, Some(running(1)));
    let coming = |job: NewJob| NewJob { queue: "coming".into(), ..job };
    lab.put_all(many("a", 2).into_iter().map(coming).collect()).await;
    let claim = Claim { queue: "coming".into(), ..Lab::request(5) };
    assert_eq!(lab.claim(&claim).await.leases.len(), 1);
}

pub async fn lifting_the_limits_of_an_unknown_queue_changes_nothing(lab: Lab) {
    lab.store.set_limits("unknown", KeyLimits::NONE).await.unwrap();
    assert_eq!(shown(&lab, "unknown").await, None);
}

pub async fn the_same_limits_again_change_nothing(lab: Lab) {
    limit(&lab, rate("1/20ms")).await;
    lab.put_all(many("a", 2)).await;
    assert_eq!(lab.drain().await, ["a-0"]);
    limit(&lab, rate("1/20ms")).await;
    limit(&lab, KeyLimits { rate: rate("1/20ms").rate, ..running(7) }).await;
    assert!(lab.drain().await.is_empty());
}

pub async fn another_rate_starts_afresh(lab: Lab) {
    limit(&lab, rate("1/h")).await;
    lab.put_all(many("a", 3)).await;
    assert_eq!(lab.drain().await, ["a-0"]);
    limit(&lab, rate("1/20ms")).await;
    assert_eq!(lab.drain().await, ["a-1"]);
    lab.advance(ms(20));
    assert_eq!(lab.drain().await, ["a-2"]);
}

pub async fn a_rate_out_of_bounds_is_refused(lab: Lab) {
    let mut limits = rate("1/s");
    limits.rate.as_mut().unwrap().per = Duration::ZERO;
    let refused = lab.store.set_limits(QUEUE, limits).await;
    assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    assert_eq!(shown(&lab, QUEUE).await, None);
}

/// Far beyond any wake-up: only there to end a test that would wait for ever.
const NEVER: Duration = Duration::from_mins(1);

pub async fn a_freed_slot_and_lifted_limits_wake(lab: Lab) {
    limit(&lab, running(1)).await;
    lab.put_all(many("a", 3)).await;
    let lease = lab.take_one().await;
    let mut wake_ups = lab.store.wake_ups();
    wake_ups.borrow_and_update();
    lab.complete(&lease).await;
    tokio::time::timeout(NEVER, wake_ups.changed()).await.expect("the store tells").unwrap();
    lab.take_one().await;
    wake_ups.borrow_and_update();
    limit(&lab, KeyLimits::NONE).await;
    tokio::time::timeout(NEVER, wake_ups.changed()).await.expect("the store tells").unwrap();
}

// ---- restarts

pub async fn turns_and_limits_outlive_the_store(mut lab: Lab) {
    let limits = KeyLimits { rate: rate("3/h").rate, ..running(2) };
    limit(&lab, limits).await;
    lab.put_all(many("a", 9)).await;
    lab.put_all(vec![of("b", "b-0"), of("b", "b-1")]).await;
    lab.take_one().await;
    lab.reopen().await;
    lab.check_in("w").await;
    assert_eq!(shown(&lab, QUEUE).await, Some(limits));
    // It is the turn of "b"; "a" has one slot left, and the rest of its burst.
    let leases = lab.take(9).await;
    assert_eq!(names(&leases), ["b-0", "a-1", "b-1"]);
    lab.complete(&leases[1]).await;
    lab.reopen().await;
    lab.check_in("w").await;
    let leases = lab.take(9).await;
    assert_eq!(names(&leases), ["a-2"]);
    lab.complete(&leases[0]).await;
    assert!(lab.drain().await.is_empty());
}
