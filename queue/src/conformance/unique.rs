//! Unique keys: how long they are held, what a second request does.

use super::lab::{Lab, discard, id, job, ms, only, retry, snooze};
use crate::{
    Enqueued, JobState, NewJob, OnConflict, Outcome, Priority, Replay, Retention, Unique, UniqueScope,
};
use std::time::Duration;

pub(super) fn keyed(name: &str, scope: UniqueScope, on_conflict: OnConflict) -> NewJob {
    job(name).unique_by(Unique { key: "key".into(), scope, on_conflict })
}

fn until_done(name: &str) -> NewJob {
    keyed(name, UniqueScope::UntilDone, OnConflict::Ignore)
}

const MINUTE: UniqueScope = UniqueScope::For(Duration::from_mins(1));

pub async fn a_second_request_is_ignored_while_the_first_waits_or_runs(lab: Lab) {
    assert_eq!(lab.put(until_done("a")).await, Enqueued::New(id("a")));
    assert_eq!(lab.put(until_done("b")).await, Enqueued::Ignored(id("a")));
    let lease = lab.take_one().await;
    assert_eq!(lab.put(until_done("c")).await, Enqueued::Ignored(id("a")));
    lab.end(&lease, retry(10)).await;
    assert_eq!(lab.put(until_done("d")).await, Enqueued::Ignored(id("a")));
    assert_eq!(lab.all().await.len(), 1);
}

pub async fn two_requests_in_one_call_conflict(lab: Lab) {
    let answers = lab.put_all(vec![until_done("a"), until_done("b")]).await;
    assert_eq!(answers, [Enqueued::New(id("a")), Enqueued::Ignored(id("a"))]);
}

pub async fn keys_are_compared_within_the_kind(lab: Lab) {
    lab.put(until_done("a")).await;
    let other = NewJob { kind: "other".into(), ..until_done("b") };
    assert_eq!(lab.put(other).await, Enqueued::New(id("b")));
}

pub async fn different_keys_do_not_conflict(lab: Lab) {
    for key in ["", "k", "K", "k ", "ḱ", "%", "k\0"] {
        let name = format!("job {key:?}");
        let answer = lab.put(job(&name).unique_by(Unique::until_done(key))).await;
        assert_eq!(answer, Enqueued::New(id(&name)));
    }
}

pub async fn jobs_without_a_key_are_free(lab: Lab) {
    lab.put(until_done("a")).await;
    assert_eq!(lab.put(job("b")).await, Enqueued::New(id("b")));
}

pub async fn every_way_to_end_frees_the_key(lab: Lab) {
    for (index, outcome) in
        [Outcome::Complete, discard(), Outcome::Cancel { reason: "no".into() }].into_iter().enumerate()
    {
        lab.run(until_done(&format!("a-{index}")), outcome).await;
    }
    lab.put(until_done("cancelled")).await;
    lab.store.cancel(&only("cancelled")).await.unwrap();
    lab.put(until_done("cancelled running")).await;
    let lease = lab.take_one().await;
    lab.store.cancel(&only("cancelled running")).await.unwrap();
    lab.end(&lease, snooze(5)).await;
    lab.put(until_done("quarantined")).await;
    lab.take_one().await;
    lab.advance(super::lab::LEASE);
    assert_eq!(lab.store.rescue(1, 500).await.unwrap().quarantined, [id("quarantined")]);
    lab.put(until_done("expired").expiring(lab.now().plus(ms(1)))).await;
    lab.advance(ms(1));
    lab.promote().await;
    assert_eq!(lab.state("expired").await, JobState::Cancelled);
    assert_eq!(lab.put(until_done("last")).await, Enqueued::New(id("last")));
}

pub async fn an_expired_holder_does_not_stand_for_a_request(lab: Lab) {
    lab.put(until_done("a").expiring(lab.now().plus(ms(10)))).await;
    lab.advance(ms(10));
    assert_eq!(lab.put(until_done("b")).await, Enqueued::New(id("b")));
    assert_eq!(lab.state("a").await, JobState::Cancelled);
    assert_eq!(lab.drain().await, ["b"]);
}

pub async fn a_key_held_until_started_is_free_from_the_first_start(lab: Lab) {
    let until_started = |name: &str| keyed(name, UniqueScope::UntilStarted, OnConflict::Ignore);
    lab.put(until_started("a")).await;
    assert_eq!(lab.put(until_started("b")).await, Enqueued::Ignored(id("a")));
    let lease = lab.take_one().await;
    assert_eq!(lab.put(until_started("c")).await, Enqueued::New(id("c")));
    // A retry of the first does not take the key away from the third.
    lab.end(&lease, retry(0)).await;
    assert_eq!(lab.put(until_started("d")).await, Enqueued::Ignored(id("c")));
    lab.store.cancel(&only("c")).await.unwrap();
    assert_eq!(lab.put(until_started("e")).await, Enqueued::New(id("e")));
}

pub async fn a_key_held_for_a_time_outlives_the_run_but_not_the_time(lab: Lab) {
    let for_a_minute = |name: &str| keyed(name, MINUTE, OnConflict::Ignore);
    lab.run(for_a_minute("a"), Outcome::Complete).await;
    lab.advance(Duration::from_secs(59));
    assert_eq!(lab.put(for_a_minute("b")).await, Enqueued::Ignored(id("a")));
    lab.advance(Duration::from_secs(1));
    assert_eq!(lab.put(for_a_minute("c")).await, Enqueued::New(id("c")));
    assert_eq!(lab.put(for_a_minute("d")).await, Enqueued::Ignored(id("c")));
}

pub async fn a_key_whose_time_is_over_is_free_while_its_job_still_waits(lab: Lab) {
    let for_a_minute = |name: &str| keyed(name, MINUTE, OnConflict::Ignore);
    lab.put(for_a_minute("a")).await;
    lab.advance(Duration::from_mins(1));
    assert_eq!(lab.put(for_a_minute("b")).await, Enqueued::New(id("b")));
    // The end of the old holder does not free what it no longer holds.
    assert_eq!(lab.take_one().await.job, id("a"));
    assert_eq!(lab.put(for_a_minute("c")).await, Enqueued::Ignored(id("b")));
}

pub async fn a_pruned_job_keeps_no_key(lab: Lab) {
    let for_ever = |name: &str| keyed(name, UniqueScope::For(Duration::MAX), OnConflict::Ignore);
    lab.run(for_ever("a"), Outcome::Complete).await;
    assert_eq!(lab.put(for_ever("b")).await, Enqueued::Ignored(id("a")));
    lab.advance(ms(1));
    let nothing = Retention { max_age: Duration::ZERO, ..Retention::default() };
    assert_eq!(lab.store.prune(&nothing, 500).await.unwrap().jobs, 1);
    assert_eq!(lab.put(for_ever("c")).await, Enqueued::New(id("c")));
}

pub async fn replacement_puts_the_request_in_the_place_of_a_waiting_holder(lab: Lab) {
    let replace = |name: &str| keyed(name, UniqueScope::UntilDone, OnConflict::Replace);
    lab.put(replace("a")).await;
    let later = lab.now().plus(ms(50));
    let request = NewJob { version: 3, ..replace("b").prioritized(Priority::High).at(later) };
    let request = request.expiring(lab.now().plus(ms(90)));
    assert_eq!(lab.put(request).await, Enqueued::Replaced(id("a")));
    let record = lab.record("a").await;
    assert_eq!((record.payload.as_slice(), record.version), (&b"\"b\""[..], 3));
    assert_eq!((record.priority, record.due_at, record.state), (Priority::High, later, JobState::Scheduled));
    assert_eq!(record.expires_at, Some(lab.now().plus(ms(90))));
    assert_eq!(lab.find("b").await, None);
}

pub async fn replacement_at_once_keeps_the_place_in_the_line(lab: Lab) {
    let replace = |name: &str| keyed(name, UniqueScope::UntilDone, OnConflict::Replace);
    lab.put(replace("a")).await;
    lab.advance(ms(5));
    lab.put(job("b")).await;
    lab.put(replace("c")).await;
    assert_eq!(lab.drain().await, ["c", "b"]);
}

pub async fn a_replaced_holder_that_waits_for_a_retry_may_expire_again(lab: Lab) {
    let replace = |name: &str| keyed(name, UniqueScope::UntilDone, OnConflict::Replace);
    lab.run(replace("a"), retry(50)).await;
    lab.put(replace("b").expiring(lab.now().plus(ms(10)))).await;
    assert_eq!(lab.record("a").await.started_at, None);
    lab.advance(ms(10));
    lab.promote().await;
    assert_eq!(lab.state("a").await, JobState::Cancelled);
}

pub async fn replacement_pulls_a_later_holder_forward(lab: Lab) {
    let replace = |name: &str| keyed(name, UniqueScope::UntilDone, OnConflict::Replace);
    lab.put(replace("a").at(lab.now().plus(ms(100)))).await;
    lab.put(replace("b")).await;
    assert_eq!(lab.drain().await, ["b"]);
}

pub async fn replacement_leaves_a_running_or_ended_holder_alone(lab: Lab) {
    let replace = |name: &str| keyed(name, MINUTE, OnConflict::Replace);
    lab.put(replace("a")).await;
    let lease = lab.take_one().await;
    assert_eq!(lab.put(replace("b")).await, Enqueued::Ignored(id("a")));
    lab.complete(&lease).await;
    assert_eq!(lab.put(replace("c")).await, Enqueued::Ignored(id("a")));
    assert_eq!(lab.record("a").await.payload, b"\"a\"");
}

pub async fn the_holder_decides_how_long_and_the_request_what_happens(lab: Lab) {
    lab.put(until_done("a")).await;
    let request = keyed("b", MINUTE, OnConflict::Replace);
    assert_eq!(lab.put(request).await, Enqueued::Replaced(id("a")));
    lab.complete(&lab.take_one().await).await;
    assert_eq!(lab.put(until_done("c")).await, Enqueued::New(id("c")));
}

pub async fn a_replayed_job_takes_its_key_again(lab: Lab) {
    lab.run(until_done("a"), discard()).await;
    let replay = Replay { limit: 5, ..Replay::default() };
    assert_eq!(lab.store.replay(&replay).await.unwrap(), 1);
    assert_eq!(lab.put(until_done("b")).await, Enqueued::Ignored(id("a")));
}

pub async fn a_replay_leaves_a_job_alone_whose_key_another_holds(lab: Lab) {
    lab.run(until_done("a"), discard()).await;
    lab.put(until_done("b")).await;
    let replay = Replay { limit: 5, ..Replay::default() };
    assert_eq!(lab.store.replay(&replay).await.unwrap(), 0);
    assert_eq!(lab.state("a").await, JobState::Discarded);
    lab.complete(&lab.take_one().await).await;
    assert_eq!(lab.store.replay(&replay).await.unwrap(), 1);
}

pub async fn a_follow_on_may_take_the_key_of_the_job_that_ends(lab: Lab) {
    lab.put(until_done("page-1")).await;
    let lease = lab.take_one().await;
    let follow_on = vec![until_done("page-2")];
    let settlement =
        crate::Settlement { follow_on, ..crate::Settlement::new(lease.key(), Outcome::Complete) };
    assert_eq!(lab.settle_with(settlement).await, crate::Settled::Applied);
    assert_eq!(lab.drain().await, ["page-2"]);
    assert_eq!(lab.put(until_done("page-3")).await, Enqueued::Ignored(id("page-2")));
}
