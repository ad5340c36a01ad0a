//! What outlives the process; for durable stores.

use super::lab::{LEASE, Lab, QUEUE, discard, group, group_id, id, job, jobs, ms, retry, snooze, worker};
use crate::{
    Enqueued, JobFilter, JobState, Leadership, NewGroup, Outcome, Page, Replay, Settled, Settlement,
    Timestamp, Unique,
};
use std::time::Duration;

async fn everything(lab: &Lab) -> (Vec<crate::JobRecord>, Vec<crate::QueueStatus>, Vec<crate::GroupStatus>) {
    let page = Page { offset: 0, limit: 500 };
    let store = &lab.store;
    let jobs = store.jobs(&JobFilter::default(), page).await.unwrap();
    (jobs, store.queues().await.unwrap(), store.groups(page).await.unwrap())
}

pub async fn reopening_keeps_everything(mut lab: Lab) {
    lab.run(job("completed"), Outcome::Complete).await;
    lab.run(job("discarded"), discard()).await;
    lab.run(job("cancelled"), Outcome::Cancel { reason: "no".into() }).await;
    lab.run(job("retryable"), retry(60_000)).await;
    lab.run(job("snoozed"), snooze(60_000)).await;
    lab.put(job("scheduled").at(lab.now().plus(ms(500))).expiring(lab.now().plus(ms(900)))).await;
    let follow_up = Some(job("after"));
    lab.open(NewGroup { follow_up, ..group("g", jobs("member", 2)) }).await;
    let lease = lab.take_one().await;
    let tally = vec![("rows".to_owned(), 3)];
    lab.settle_with(Settlement { tally, ..Settlement::new(lease.key(), Outcome::Complete) }).await;
    lab.store.pause("other").await.unwrap();
    lab.store.fire("nightly", Timestamp(5), Vec::new()).await.unwrap();
    let before = everything(&lab).await;
    lab.reopen().await;
    assert_eq!(everything(&lab).await, before);
    assert_eq!(lab.store.last_fired().await.unwrap(), [("nightly".to_owned(), Timestamp(5))]);
    lab.check_in("w").await;
    assert_eq!(lab.drain().await, ["member-1"]);
}

pub async fn a_lease_outlives_the_store(mut lab: Lab) {
    lab.put_all(jobs("a", 2)).await;
    let leases = lab.take(2).await;
    lab.reopen().await;
    lab.check_in("w").await;
    assert_eq!(lab.settle(&leases[0], Outcome::Complete).await, Settled::Applied);
    assert!(lab.drain().await.is_empty());
    lab.advance(LEASE);
    assert_eq!(lab.store.rescue(3, 500).await.unwrap().available, [id("a-1")]);
    assert!(lab.take_one().await.fence > leases[1].fence);
}

pub async fn unique_keys_and_kept_requests_outlive_the_store(mut lab: Lab) {
    let coalesced = |name: &str| job(name).unique_by(Unique::coalesced("key"));
    lab.put(coalesced("a")).await;
    let lease = lab.take_one().await;
    lab.put(coalesced("b")).await;
    lab.reopen().await;
    lab.check_in("w").await;
    assert_eq!(lab.put(coalesced("c")).await, Enqueued::RunOnceMore(id("a")));
    lab.reopen().await;
    lab.check_in("w").await;
    lab.complete(&lease).await;
    assert_eq!(lab.drain().await, ["c"]);
}

pub async fn a_request_to_stop_outlives_the_store(mut lab: Lab) {
    lab.put(job("a")).await;
    let lease = lab.take_one().await;
    lab.store.cancel(&JobFilter::default()).await.unwrap();
    lab.reopen().await;
    lab.check_in("w").await;
    lab.end(&lease, Outcome::HandBack).await;
    assert_eq!(lab.state("a").await, JobState::Cancelled);
}

pub async fn a_follow_up_outlives_the_store(mut lab: Lab) {
    lab.open(NewGroup { sealed: false, follow_up: Some(job("after")), ..group("g", jobs("a", 1)) }).await;
    lab.complete(&lab.take_one().await).await;
    lab.reopen().await;
    lab.check_in("w").await;
    lab.store.seal_group(group_id("g")).await.unwrap();
    assert_eq!(lab.drain().await, ["after"]);
}

pub async fn the_order_outlives_the_store(mut lab: Lab) {
    lab.put_all(jobs("a", 3)).await;
    lab.reopen().await;
    lab.check_in("w").await;
    lab.put_all(jobs("b", 3)).await;
    assert_eq!(lab.drain().await, ["a-0", "a-1", "a-2", "b-0", "b-1", "b-2"]);
}

pub async fn leadership_and_pauses_outlive_the_store(mut lab: Lab) {
    let ttl = Duration::from_mins(1);
    lab.store.lead("scheduler", &worker("a"), ttl).await.unwrap();
    lab.store.pause(QUEUE).await.unwrap();
    lab.put(job("a")).await;
    lab.reopen().await;
    lab.check_in("w").await;
    let answer = lab.store.lead("scheduler", &worker("b"), ttl).await.unwrap();
    assert!(matches!(answer, Leadership::Follower { leader, .. } if leader == worker("a")));
    assert!(lab.drain().await.is_empty());
    lab.store.resume(QUEUE).await.unwrap();
    assert_eq!(lab.drain().await, ["a"]);
}

pub async fn a_replay_works_on_what_another_run_buried(mut lab: Lab) {
    lab.run(job("a"), discard()).await;
    lab.reopen().await;
    lab.check_in("w").await;
    assert_eq!(lab.store.replay(&Replay { limit: 5, ..Replay::default() }).await.unwrap(), 1);
    assert_eq!(lab.drain().await, ["a"]);
}
