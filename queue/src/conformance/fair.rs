//! Fairness keys take turns inside a priority; for stores with `Capabilities::fair`.

use super::lab::{KIND, LEASE, Lab, QUEUE, id, job, jobs, ms, names, only, retry, snooze};
use crate::{Claim, KindRange, NewJob, Outcome, Priority, PriorityOrder, Unique, UniqueScope};
use std::time::Duration;

fn of(key: &str, name: &str) -> NewJob {
    job(name).with_fairness_key(key)
}

/// `count` jobs of `key`, called `key-0`, `key-1`, …
fn many(key: &str, count: usize) -> Vec<NewJob> {
    jobs(key, count).into_iter().map(|job| job.with_fairness_key(key)).collect()
}

pub async fn keys_take_turns_inside_a_priority(lab: Lab) {
    for (key, count) in [("b", 4), ("a", 2), ("c", 1)] {
        lab.put_all(many(key, count)).await;
    }
    assert_eq!(lab.drain().await, ["a-0", "b-0", "c-0", "a-1", "b-1", "b-2", "b-3"]);
}

pub async fn single_claims_keep_the_turns_of_a_large_one(lab: Lab) {
    for (key, count) in [("b", 3), ("a", 2), ("c", 1)] {
        lab.put_all(many(key, count)).await;
    }
    for expected in ["a-0", "b-0", "c-0", "a-1", "b-1", "b-2"] {
        assert_eq!(names(&lab.take(1).await), [expected]);
    }
}

pub async fn one_key_alone_is_first_in_first_out(lab: Lab) {
    lab.put_all(many("a", 5)).await;
    assert_eq!(lab.drain().await, ["a-0", "a-1", "a-2", "a-3", "a-4"]);
}

pub async fn a_key_is_served_by_due_time_then_arrival(lab: Lab) {
    let later = lab.now().plus(ms(5));
    lab.put_all(vec![of("a", "third").at(later), of("a", "first"), of("a", "second"), of("b", "other")])
        .await;
    lab.advance(ms(9));
    assert_eq!(lab.drain().await, ["first", "other", "second", "third"]);
}

pub async fn jobs_without_a_key_have_one_share_of_their_own(lab: Lab) {
    lab.put_all(jobs("none", 3)).await;
    lab.put_all(many("a", 3)).await;
    assert_eq!(lab.drain().await, ["none-0", "a-0", "none-1", "a-1", "none-2", "a-2"]);
}

pub async fn an_empty_key_is_none(lab: Lab) {
    lab.put_all(vec![of("", "x"), job("y"), of("", "z"), of("a", "a")]).await;
    assert_eq!(lab.drain().await, ["x", "a", "y", "z"]);
    assert_eq!(lab.record("x").await.fairness_key.as_deref(), Some(""));
}

pub async fn keys_are_ordered_by_their_bytes(lab: Lab) {
    for key in ["ö", "z", "Z", "a b", "10", "9", "a"] {
        lab.put(of(key, key)).await;
    }
    assert_eq!(lab.drain().await, ["10", "9", "Z", "a", "a b", "z", "ö"]);
}

pub async fn keys_of_any_characters_are_kept_apart(lab: Lab) {
    let limits =
        crate::KeyLimits { running: std::num::NonZeroU32::new(1), rate: Some("1/h".parse().unwrap()) };
    lab.store.set_limits(QUEUE, limits).await.unwrap();
    let long = "k".repeat(NewJob::MAX_NAME_BYTES);
    let keys = [
        "a\0b",
        "a\0c",
        "a",
        "\0",
        "\"",
        "'",
        "\\",
        "{x}",
        "*",
        "\n",
        " ",
        "\u{10ffff}",
        "é",
        "e\u{301}",
        &long,
    ];
    for round in 0..2 {
        lab.put_all((0..keys.len()).map(|at| of(keys[at], &format!("{round}-{at}"))).collect()).await;
    }
    let mut expected: Vec<_> = keys.iter().enumerate().map(|(at, key)| (*key, format!("0-{at}"))).collect();
    expected.sort_unstable();
    // Each has had its turn, its slot and its burst.
    assert_eq!(lab.drain().await, expected.into_iter().map(|(_, name)| name).collect::<Vec<_>>());
    assert!(lab.drain().await.is_empty());
    for (at, key) in keys.iter().enumerate() {
        assert_eq!(lab.record(&format!("1-{at}")).await.fairness_key.as_deref(), Some(*key));
    }
}

pub async fn a_flood_of_one_key_does_not_delay_another(lab: Lab) {
    lab.put_all(many("flood", 2_000)).await;
    lab.put(of("small", "small")).await;
    assert_eq!(names(&lab.take(2).await), ["flood-0", "small"]);
}

pub async fn a_key_that_comes_later_is_not_owed_the_past(lab: Lab) {
    lab.put_all(many("a", 20)).await;
    lab.take(10).await;
    lab.put_all(many("b", 3)).await;
    assert_eq!(names(&lab.take(6).await), ["a-10", "b-0", "a-11", "b-1", "a-12", "b-2"]);
}

pub async fn a_key_that_ran_dry_is_not_owed_the_time_without_work(lab: Lab) {
    lab.put_all(many("a", 20)).await;
    lab.put_all(many("b", 1)).await;
    assert_eq!(names(&lab.take(10).await).len(), 10);
    lab.put(of("b", "again")).await;
    lab.put(of("b", "and again")).await;
    assert_eq!(names(&lab.take(4).await), ["a-9", "again", "a-10", "and again"]);
}

pub async fn no_key_gets_ahead_by_many_small_claims(lab: Lab) {
    for key in ["a", "b", "c"] {
        lab.put_all(many(key, 40)).await;
    }
    let mut served = [0_usize; 3];
    for max in (1..=4).cycle().take(30) {
        for name in names(&lab.take(max).await) {
            served[usize::from(name.as_bytes()[0] - b'a')] += 1;
        }
        assert!(served.iter().max().unwrap() - served.iter().min().unwrap() <= 1, "{served:?}");
    }
}

pub async fn the_more_urgent_priority_still_goes_first(lab: Lab) {
    lab.put_all(many("a", 2)).await;
    lab.put(of("a", "urgent").prioritized(Priority::High)).await;
    lab.put(of("b", "b")).await;
    assert_eq!(lab.drain().await, ["urgent", "a-0", "b", "a-1"]);
}

pub async fn each_priority_has_its_own_turns(lab: Lab) {
    let high = |job: NewJob| job.prioritized(Priority::High);
    lab.put_all(many("a", 2).into_iter().map(high).collect()).await;
    assert_eq!(lab.drain().await, ["a-0", "a-1"]);
    lab.put_all(vec![of("b", "b"), of("a", "a")]).await;
    // "a" has been served, but not in this priority.
    assert_eq!(lab.drain().await, ["a", "b"]);
}

pub async fn each_queue_has_its_own_turns(lab: Lab) {
    let other = |job: NewJob| NewJob { queue: "other".into(), ..job };
    lab.put_all(vec![other(of("a", "elsewhere")), of("a", "a-0"), of("b", "b-0"), of("a", "a-1")]).await;
    let claim = Claim { queue: "other".into(), ..Lab::request(5) };
    assert_eq!(names(&lab.claim(&claim).await.leases), ["elsewhere"]);
    assert_eq!(lab.drain().await, ["a-0", "b-0", "a-1"]);
}

pub async fn the_oldest_job_of_a_priority_decides_its_age(lab: Lab) {
    let order = PriorityOrder::Strict { aging: Duration::from_secs(10) };
    lab.put(of("b", "old").prioritized(Priority::Low)).await;
    lab.advance(Duration::from_secs(20));
    lab.put(of("a", "young").prioritized(Priority::Low)).await;
    lab.put(job("high").prioritized(Priority::High)).await;
    // "old" has made its priority as urgent as high and is due longer; whose turn it is inside is another matter.
    let claim = Claim { order, ..Lab::request(3) };
    assert_eq!(names(&lab.claim(&claim).await.leases), ["young", "old", "high"]);
}

pub async fn a_key_of_unknown_kinds_is_passed_over(lab: Lab) {
    let unknown = |job: NewJob| NewJob { kind: "unknown".into(), ..job };
    lab.put_all(many("a", 3).into_iter().map(unknown).collect()).await;
    lab.put_all(vec![of("b", "b-0"), of("b", "b-1"), of("a", "known")]).await;
    assert_eq!(lab.drain().await, ["known", "b-0", "b-1"]);
}

pub async fn the_kinds_of_a_key_share_its_turns(lab: Lab) {
    let other = |job: NewJob| NewJob { kind: "other".into(), ..job };
    lab.put_all(vec![of("a", "a-0"), other(of("a", "a-1")), of("b", "b-0"), other(of("b", "b-1"))]).await;
    let kind = |kind: &str| KindRange { kind: kind.to_owned(), max_version: 1 };
    let claim = Claim { kinds: vec![kind("other"), kind(KIND)], ..Lab::request(5) };
    assert_eq!(names(&lab.claim(&claim).await.leases), ["a-0", "b-0", "a-1", "b-1"]);
}

pub async fn a_job_that_comes_back_is_again_of_its_key(lab: Lab) {
    for (round, outcome) in [retry(0), retry(5), snooze(5), Outcome::HandBack].into_iter().enumerate() {
        lab.put(of("a", &format!("a-{round}"))).await;
        let lease = lab.take_one().await;
        lab.end(&lease, outcome).await;
        lab.advance(ms(5));
        lab.put_all(vec![of("a", &format!("later-{round}")), of("b", &format!("b-{round}"))]).await;
        assert_eq!(lab.drain().await, [format!("a-{round}"), format!("b-{round}"), format!("later-{round}")]);
    }
}

pub async fn a_rescued_job_is_again_of_its_key(lab: Lab) {
    lab.put_all(many("a", 2)).await;
    lab.put(of("b", "b")).await;
    lab.take_one().await;
    lab.advance(LEASE);
    assert_eq!(lab.store.rescue(3, 500).await.unwrap().available, [id("a-0")]);
    // It was the turn of "b"; then "a" goes on with its oldest.
    assert_eq!(lab.drain().await, ["b", "a-0", "a-1"]);
}

pub async fn a_key_whose_jobs_were_cancelled_is_forgotten(lab: Lab) {
    lab.put_all(vec![of("a", "a-0"), of("b", "b-0"), of("a", "a-1"), of("a", "a-2")]).await;
    assert_eq!(names(&lab.take(1).await), ["a-0"]);
    lab.store.cancel(&only("b-0")).await.unwrap();
    lab.put(of("b", "b-1")).await;
    // "b" was next; having left, it joins behind.
    assert_eq!(lab.drain().await, ["a-1", "b-1", "a-2"]);
}

pub async fn a_key_whose_jobs_expired_is_forgotten(lab: Lab) {
    let soon = lab.now().plus(ms(5));
    lab.put_all(vec![of("a", "a-0"), of("b", "b-0").expiring(soon), of("a", "a-1"), of("a", "a-2")]).await;
    assert_eq!(names(&lab.take(1).await), ["a-0"]);
    lab.advance(ms(5));
    lab.promote().await;
    lab.put(of("b", "b-1")).await;
    assert_eq!(lab.drain().await, ["a-1", "b-1", "a-2"]);
}

pub async fn an_expired_job_takes_no_turn(lab: Lab) {
    let soon = lab.now().plus(ms(5));
    lab.put_all(vec![of("a", "stale").expiring(soon), of("a", "a"), of("b", "b")]).await;
    lab.advance(ms(5));
    assert_eq!(lab.drain().await, ["a", "b"]);
}

pub async fn a_replacement_keeps_the_key_and_its_turn(lab: Lab) {
    let unique =
        Unique { key: "k".into(), scope: UniqueScope::UntilDone, on_conflict: crate::OnConflict::Replace };
    lab.put_all(vec![of("a", "a-0"), of("b", "held").unique_by(unique.clone()), of("a", "a-1")]).await;
    assert_eq!(names(&lab.take(1).await), ["a-0"]);
    lab.put(of("z", "new").unique_by(unique)).await;
    assert_eq!(lab.record("held").await.fairness_key.as_deref(), Some("b"));
    assert_eq!(lab.drain().await, ["new", "a-1"]);
}

pub async fn weighted_claims_take_turns_inside_a_priority(lab: Lab) {
    lab.put_all(many("a", 30)).await;
    lab.put_all(many("b", 30)).await;
    let high = |job: NewJob| job.prioritized(Priority::High);
    lab.put_all(many("c", 30).into_iter().map(high).collect()).await;
    let claim = Claim { order: PriorityOrder::Weighted { weights: [1; 4] }, draw: 7, ..Lab::request(60) };
    let served = names(&lab.claim(&claim).await.leases);
    let normal: Vec<_> = served.iter().filter(|name| !name.starts_with('c')).collect();
    let expected: Vec<_> = (0..normal.len()).map(|at| format!("{}-{}", ["a", "b"][at % 2], at / 2)).collect();
    assert_eq!(normal, expected.iter().collect::<Vec<_>>());
    assert!((10..50).contains(&normal.len()), "{}", normal.len());
}

pub async fn five_hundred_keys_are_all_served_once_in_one_claim(lab: Lab) {
    let of_all =
        |round: usize| (0..500).map(move |key| of(&format!("k{key:03}"), &format!("{round}-{key:03}")));
    lab.put_all(of_all(0).chain(of_all(1)).collect()).await;
    for round in 0..2 {
        let expected: Vec<_> = (0..500).map(|key| format!("{round}-{key:03}")).collect();
        assert_eq!(lab.drain().await, expected);
    }
}

pub async fn a_paused_queue_keeps_its_turns(lab: Lab) {
    lab.put_all(many("a", 3)).await;
    lab.put(of("b", "b")).await;
    lab.take(1).await;
    lab.store.pause(QUEUE).await.unwrap();
    assert!(lab.drain().await.is_empty());
    lab.store.resume(QUEUE).await.unwrap();
    assert_eq!(lab.drain().await, ["b", "a-1", "a-2"]);
}
