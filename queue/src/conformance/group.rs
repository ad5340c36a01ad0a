//! Jobs that belong together: members, counts, tallies.

use super::lab::{Lab, discard, group, group_id, job, jobs, ms, only, retry};
use crate::{NewGroup, Outcome, Page, Replay, Settled, Settlement, StoreError};

pub async fn a_group_counts_its_members(lab: Lab) {
    lab.open(group("g", jobs("a", 5))).await;
    let status = lab.group("g").await;
    assert_eq!((status.id, status.name.as_str(), status.sealed), (group_id("g"), "g", true));
    assert_eq!((status.total, status.pending, status.opened_at), (5, 5, lab.now()));
    let leases = lab.take(4).await;
    assert!(leases.iter().all(|lease| lease.group == Some(group_id("g"))));
    lab.complete(&leases[0]).await;
    lab.end(&leases[1], discard()).await;
    lab.end(&leases[2], Outcome::Cancel { reason: "no".into() }).await;
    lab.end(&leases[3], retry(1)).await;
    let status = lab.group("g").await;
    assert_eq!((status.total, status.pending), (5, 2));
    assert_eq!((status.completed, status.failed, status.cancelled), (1, 1, 1));
    assert_eq!(status.done_at, None);
}

pub async fn cancelled_expired_and_quarantined_members_are_counted(lab: Lab) {
    let expiring = job("expired").expiring(lab.now().plus(ms(1)));
    lab.open(group("g", vec![job("quarantined"), expiring, job("cancelled")])).await;
    assert_eq!(lab.take_one().await.job, super::lab::id("quarantined"));
    lab.store.cancel(&only("cancelled")).await.unwrap();
    lab.advance(super::lab::LEASE);
    lab.promote().await;
    lab.store.rescue(1, 500).await.unwrap();
    let status = lab.group("g").await;
    assert_eq!((status.failed, status.cancelled, status.pending), (1, 2, 0));
    assert_eq!(status.done_at, Some(lab.now()));
}

pub async fn opening_twice_changes_nothing(lab: Lab) {
    lab.open(group("g", jobs("a", 2))).await;
    lab.advance(ms(5));
    lab.open(NewGroup { name: "other".into(), ..group("g", jobs("b", 3)) }).await;
    let status = lab.group("g").await;
    assert_eq!((status.name.as_str(), status.total), ("g", 2));
    assert_eq!(lab.drain().await, ["a-0", "a-1"]);
}

pub async fn jobs_may_join_an_open_group(lab: Lab) {
    lab.open(NewGroup { sealed: false, ..group("g", jobs("a", 1)) }).await;
    lab.put_all(jobs("b", 2).into_iter().map(|job| job.in_group(group_id("g"))).collect()).await;
    let status = lab.group("g").await;
    assert_eq!((status.total, status.pending), (3, 3));
}

pub async fn only_stored_requests_are_members(lab: Lab) {
    lab.put(job("known")).await;
    let key = |name: &str| job(name).unique_by(crate::Unique::until_done("key"));
    lab.open(group("g", vec![job("known"), key("a"), key("b"), job("c")])).await;
    let status = lab.group("g").await;
    assert_eq!((status.total, status.pending), (2, 2));
    assert_eq!(lab.record("known").await.group, None);
}

pub async fn enqueueing_a_member_twice_counts_it_once(lab: Lab) {
    lab.open(NewGroup { sealed: false, ..group("g", Vec::new()) }).await;
    for _ in 0..3 {
        lab.put(job("a").in_group(group_id("g"))).await;
    }
    assert_eq!(lab.group("g").await.total, 1);
}

pub async fn tallies_add_up_exactly_once(lab: Lab) {
    lab.open(group("g", jobs("a", 3))).await;
    for (index, lease) in lab.take(3).await.iter().enumerate() {
        let tally =
            vec![("rows".to_owned(), 10), ("bad".to_owned(), -(index as i64)), ("rows".to_owned(), 1)];
        let settlement = Settlement { tally, ..Settlement::new(lease.key(), Outcome::Complete) };
        assert_eq!(lab.settle_with(settlement.clone()).await, Settled::Applied);
        assert_eq!(lab.settle_with(settlement).await, Settled::LeaseLost);
    }
    let counters = lab.group("g").await.counters;
    assert_eq!(counters.into_iter().collect::<Vec<_>>(), [("bad".to_owned(), -3), ("rows".to_owned(), 33)]);
}

pub async fn a_tally_counts_with_every_outcome(lab: Lab) {
    lab.open(group("g", jobs("a", 1))).await;
    for outcome in [retry(0), Outcome::HandBack, discard()] {
        let lease = lab.take_one().await;
        let tally = vec![("calls".to_owned(), 1)];
        lab.settle_with(Settlement { tally, ..Settlement::new(lease.key(), outcome) }).await;
    }
    assert_eq!(lab.group("g").await.counters.get("calls"), Some(&3));
}

pub async fn a_tally_without_a_group_is_ignored(lab: Lab) {
    lab.put(job("a")).await;
    let lease = lab.take_one().await;
    let tally = vec![("rows".to_owned(), 1)];
    let settlement = Settlement { tally, ..Settlement::new(lease.key(), Outcome::Complete) };
    assert_eq!(lab.settle_with(settlement).await, Settled::Applied);
}

pub async fn a_tally_does_not_overflow(lab: Lab) {
    lab.open(group("g", jobs("a", 2))).await;
    for lease in lab.take(2).await {
        let tally = vec![("rows".to_owned(), i64::MAX)];
        lab.settle_with(Settlement { tally, ..Settlement::new(lease.key(), Outcome::Complete) }).await;
    }
    assert_eq!(lab.group("g").await.counters.get("rows"), Some(&i64::MAX));
}

pub async fn a_replayed_member_is_counted_as_what_it_becomes(lab: Lab) {
    lab.open(group("g", jobs("a", 2))).await;
    for lease in lab.take(2).await {
        lab.end(&lease, discard()).await;
    }
    let done_at = lab.group("g").await.done_at;
    assert_eq!(done_at, Some(lab.now()));
    lab.advance(ms(5));
    lab.store.replay(&Replay { filter: only("a-0"), limit: 5, ..Replay::default() }).await.unwrap();
    let status = lab.group("g").await;
    assert_eq!((status.total, status.pending, status.failed, status.done_at), (2, 1, 1, done_at));
    lab.complete(&lab.take_one().await).await;
    let status = lab.group("g").await;
    assert_eq!((status.pending, status.completed, status.failed, status.done_at), (0, 1, 1, done_at));
}

pub async fn an_unknown_parent_is_refused(lab: Lab) {
    let orphan = NewGroup { parent: Some(group_id("nobody")), ..group("g", jobs("a", 1)) };
    assert!(matches!(lab.store.open_group(orphan).await, Err(StoreError::Invalid(_))));
    assert_eq!(lab.store.group(group_id("g")).await.unwrap(), None);
    assert!(lab.all().await.is_empty());
}

pub async fn a_parent_that_is_done_is_refused(lab: Lab) {
    lab.open(group("done", Vec::new())).await;
    let late = NewGroup { parent: Some(group_id("done")), ..group("g", Vec::new()) };
    assert!(matches!(lab.store.open_group(late).await, Err(StoreError::Invalid(_))));
}

pub async fn an_invalid_member_or_follow_up_refuses_the_group(lab: Lab) {
    let large = || {
        let payload = vec![b'1'; crate::NewJob::MAX_PAYLOAD_BYTES + 1];
        crate::NewJob { payload, ..job("large") }
    };
    for bad in [
        group("g", vec![job("a"), large()]),
        NewGroup { follow_up: Some(large()), ..group("g", vec![job("a")]) },
    ] {
        assert!(matches!(lab.store.open_group(bad).await, Err(StoreError::Invalid(_))));
        assert_eq!(lab.store.group(group_id("g")).await.unwrap(), None);
        assert!(lab.all().await.is_empty());
    }
}

pub async fn groups_are_listed_last_opened_first(lab: Lab) {
    for name in ["a", "b", "c"] {
        lab.open(group(name, Vec::new())).await;
    }
    let page = |offset, limit| lab.store.groups(Page { offset, limit });
    let names =
        |groups: Vec<crate::GroupStatus>| groups.into_iter().map(|group| group.name).collect::<Vec<_>>();
    assert_eq!(names(page(0, 2).await.unwrap()), ["c", "b"]);
    assert_eq!(names(page(2, 2).await.unwrap()), ["a"]);
    assert_eq!(lab.store.group(group_id("nobody")).await.unwrap(), None);
}
