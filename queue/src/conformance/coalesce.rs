//! Run once more: requests during a run cause exactly one further run.

use super::lab::{Lab, PATIENCE, discard, group, id, info, job, jobs, ms, names, only, retry};
use super::unique::keyed;
use crate::{Enqueued, JobState, NewJob, OnConflict, Outcome, Settled, Settlement, Unique, UniqueScope};
use std::time::Duration;

fn coalesced(name: &str) -> NewJob {
    job(name).unique_by(Unique::coalesced("key"))
}

pub async fn a_waiting_holder_stands_for_the_request(lab: Lab) {
    lab.put(coalesced("a")).await;
    assert_eq!(lab.put(coalesced("b")).await, Enqueued::Ignored(id("a")));
    lab.complete(&lab.take_one().await).await;
    assert!(lab.drain().await.is_empty());
}

pub async fn requests_during_a_run_cause_exactly_one_further_run_of_the_last(lab: Lab) {
    lab.put(coalesced("a")).await;
    let lease = lab.take_one().await;
    for name in ["b", "c", "d"] {
        assert_eq!(lab.put(coalesced(name)).await, Enqueued::RunOnceMore(id("a")));
    }
    assert!(lab.drain().await.is_empty(), "not while the holder runs");
    lab.complete(&lease).await;
    assert_eq!(lab.drain().await, ["d"]);
    assert_eq!(lab.all().await.len(), 2);
}

pub async fn the_further_run_can_cause_another(lab: Lab) {
    lab.put(coalesced("run-0")).await;
    for round in 0..5 {
        let lease = lab.take_one().await;
        assert_eq!(names(std::slice::from_ref(&lease)), [format!("run-{round}")]);
        lab.put(coalesced(&format!("run-{}", round + 1))).await;
        lab.complete(&lease).await;
    }
}

pub async fn the_request_waits_until_the_holder_is_settled_for_good(lab: Lab) {
    lab.put(coalesced("a")).await;
    let lease = lab.take_one().await;
    lab.put(coalesced("b")).await;
    lab.end(&lease, retry(0)).await;
    assert_eq!(lab.put(coalesced("c")).await, Enqueued::Ignored(id("a")), "the holder waits again");
    let lease = lab.take_one().await;
    assert_eq!(lease.job, id("a"));
    lab.end(&lease, discard()).await;
    assert_eq!(lab.drain().await, ["b"]);
}

pub async fn however_the_holder_ends_the_further_run_comes(lab: Lab) {
    lab.put(coalesced("a")).await;
    lab.take_one().await;
    lab.put(coalesced("b")).await;
    lab.advance(super::lab::LEASE);
    lab.store.rescue(1, 500).await.unwrap();
    assert_eq!(lab.state("a").await, JobState::Quarantined);
    let lease = lab.take_one().await;
    assert_eq!(lease.job, id("b"));
    lab.put(coalesced("c")).await;
    lab.end(&lease, retry(1_000)).await;
    lab.store.cancel(&only("b")).await.unwrap();
    assert_eq!(lab.state("b").await, JobState::Cancelled);
    let lease = lab.take_one().await;
    assert_eq!(lease.job, id("c"));
    lab.put(coalesced("d")).await;
    lab.end(&lease, Outcome::Cancel { reason: "no".into() }).await;
    assert_eq!(lab.drain().await, ["d"]);
}

pub async fn a_crash_keeps_the_request(lab: Lab) {
    lab.store.check_in(&info("doomed", PATIENCE)).await.unwrap();
    lab.put(coalesced("a")).await;
    lab.take_one_as("doomed").await;
    lab.put(coalesced("b")).await;
    lab.kill("doomed").await;
    lab.store.rescue(3, 500).await.unwrap();
    let lease = lab.take_one().await;
    assert_eq!(lease.job, id("a"));
    lab.complete(&lease).await;
    assert_eq!(lab.drain().await, ["b"]);
}

pub async fn the_further_run_keeps_its_own_time_and_holds_the_key(lab: Lab) {
    lab.put(coalesced("a")).await;
    let lease = lab.take_one().await;
    lab.put(coalesced("b").at(lab.now().plus(ms(500)))).await;
    lab.advance(ms(100));
    lab.complete(&lease).await;
    assert_eq!(lab.state("b").await, JobState::Scheduled);
    assert_eq!(lab.put(coalesced("c")).await, Enqueued::Ignored(id("b")));
    lab.advance(ms(400));
    assert_eq!(lab.drain().await, ["b"]);
}

pub async fn the_same_request_twice_is_one_further_run(lab: Lab) {
    lab.put(coalesced("a")).await;
    let lease = lab.take_one().await;
    lab.put(coalesced("b")).await;
    assert_eq!(lab.put(coalesced("b")).await, Enqueued::RunOnceMore(id("a")));
    lab.complete(&lease).await;
    assert_eq!(lab.put(coalesced("b")).await, Enqueued::Existing(id("b")));
    assert_eq!(lab.drain().await, ["b"]);
}

pub async fn a_key_held_for_a_time_passes_to_the_further_run(lab: Lab) {
    let scope = UniqueScope::For(Duration::from_hours(1));
    lab.put(keyed("a", scope, OnConflict::RunOnceMore)).await;
    let lease = lab.take_one().await;
    let answer = lab.put(keyed("b", scope, OnConflict::RunOnceMore)).await;
    assert_eq!(answer, Enqueued::RunOnceMore(id("a")));
    lab.complete(&lease).await;
    let lease = lab.take_one().await;
    assert_eq!(lease.job, id("b"));
    lab.complete(&lease).await;
    let answer = lab.put(keyed("c", scope, OnConflict::RunOnceMore)).await;
    assert_eq!(answer, Enqueued::Ignored(id("b")), "an ended holder stands for the request");
}

pub async fn the_further_run_joins_the_group_of_its_request(lab: Lab) {
    lab.open(crate::NewGroup { sealed: false, ..group("g", Vec::new()) }).await;
    lab.put(coalesced("a")).await;
    let lease = lab.take_one().await;
    lab.put(coalesced("b").in_group(super::lab::group_id("g"))).await;
    assert_eq!(lab.group("g").await.total, 0);
    lab.complete(&lease).await;
    let status = lab.group("g").await;
    assert_eq!((status.total, status.pending), (1, 1));
}

pub async fn a_job_may_ask_for_its_own_further_run(lab: Lab) {
    lab.put(coalesced("a")).await;
    let lease = lab.take_one().await;
    lab.put(coalesced("b")).await;
    let follow_on = vec![coalesced("c")];
    let settlement = Settlement { follow_on, ..Settlement::new(lease.key(), Outcome::Complete) };
    assert_eq!(lab.settle_with(settlement).await, Settled::Applied);
    // The follow-on takes the free key; waiting, it stands for the kept request.
    assert_eq!(lab.drain().await, ["c"]);
    assert_eq!(lab.find("b").await, None);
}

pub async fn a_storm_of_requests_runs_at_most_twice(lab: Lab) {
    let storm = |round: usize| {
        let requests = jobs(&format!("request-{round}"), 300);
        requests.into_iter().map(|job| job.unique_by(Unique::coalesced("key"))).collect()
    };
    lab.put_all(storm(0)).await;
    let lease = lab.take_one().await;
    lab.put_all(storm(1)).await;
    lab.complete(&lease).await;
    assert_eq!(lab.drain().await, ["request-1-299"]);
    assert_eq!(lab.all().await.len(), 2);
}
