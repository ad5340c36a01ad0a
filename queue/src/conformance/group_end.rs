//! When a group is done, and what follows.

use super::lab::{Lab, discard, group, group_id, id, job, jobs, ms, retry};
use crate::{JobState, NewGroup, NewJob, Outcome, Priority, Settlement};

fn followed(name: &str, jobs: Vec<NewJob>) -> NewGroup {
    let follow_up = NewJob { priority: Priority::High, ..job(&format!("after {name}")) };
    NewGroup { follow_up: Some(follow_up), ..group(name, jobs) }
}

async fn finish_all(lab: &Lab) {
    for lease in lab.take(500).await {
        lab.complete(&lease).await;
    }
}

pub async fn the_follow_up_runs_once_after_the_last_member(lab: Lab) {
    lab.open(followed("g", jobs("a", 3))).await;
    let leases = lab.take(3).await;
    lab.complete(&leases[0]).await;
    lab.end(&leases[1], discard()).await;
    assert!(lab.drain().await.is_empty());
    lab.advance(ms(9));
    lab.complete(&leases[2]).await;
    let status = lab.group("g").await;
    assert_eq!((status.pending, status.done_at), (0, Some(lab.now())));
    let lease = lab.take_one().await;
    assert_eq!((lease.job, lease.priority), (group_id("g").follow_up_id(), Priority::High));
    assert_eq!((lease.payload.as_slice(), lease.group), (&b"\"after g\""[..], None));
    lab.complete(&lease).await;
    assert!(lab.drain().await.is_empty());
}

pub async fn a_retried_member_holds_the_group_open(lab: Lab) {
    lab.open(followed("g", jobs("a", 1))).await;
    lab.end(&lab.take_one().await, retry(0)).await;
    assert_eq!(lab.group("g").await.done_at, None);
    lab.complete(&lab.take_one().await).await;
    assert_eq!(lab.group("g").await.done_at, Some(lab.now()));
}

pub async fn an_empty_sealed_group_is_done_at_once(lab: Lab) {
    lab.open(followed("g", Vec::new())).await;
    assert_eq!(lab.group("g").await.done_at, Some(lab.now()));
    assert_eq!(lab.drain().await, ["after g"]);
}

pub async fn an_unsealed_group_waits_for_its_seal(lab: Lab) {
    lab.open(NewGroup { sealed: false, ..followed("g", jobs("a", 1)) }).await;
    finish_all(&lab).await;
    let status = lab.group("g").await;
    assert_eq!((status.pending, status.sealed, status.done_at), (0, false, None));
    lab.store.seal_group(group_id("g")).await.unwrap();
    let status = lab.group("g").await;
    assert_eq!((status.sealed, status.done_at), (true, Some(lab.now())));
    lab.store.seal_group(group_id("g")).await.unwrap();
    assert_eq!(lab.drain().await, ["after g"]);
}

pub async fn sealing_before_the_members_end_waits_for_them(lab: Lab) {
    lab.open(NewGroup { sealed: false, ..followed("g", jobs("a", 1)) }).await;
    let lease = lab.take_one().await;
    lab.store.seal_group(group_id("g")).await.unwrap();
    assert_eq!(lab.group("g").await.done_at, None);
    lab.complete(&lease).await;
    assert_eq!(lab.drain().await, ["after g"]);
}

pub async fn sealing_an_unknown_group_changes_nothing(lab: Lab) {
    lab.store.seal_group(group_id("nobody")).await.unwrap();
    assert_eq!(lab.store.group(group_id("nobody")).await.unwrap(), None);
}

pub async fn a_member_adds_members_before_it_ends(lab: Lab) {
    lab.open(followed("g", jobs("a", 1))).await;
    let lease = lab.take_one().await;
    let follow_on = vec![job("b").in_group(group_id("g")), job("c").in_group(group_id("g"))];
    lab.settle_with(Settlement { follow_on, ..Settlement::new(lease.key(), Outcome::Complete) }).await;
    let status = lab.group("g").await;
    assert_eq!((status.total, status.pending, status.done_at), (3, 2, None));
    let leases = lab.take(5).await;
    lab.put(job("d").in_group(group_id("g"))).await;
    for lease in &leases {
        lab.complete(lease).await;
    }
    assert_eq!(lab.group("g").await.done_at, None);
    finish_all(&lab).await;
    assert_eq!(lab.group("g").await.done_at, Some(lab.now()));
    assert_eq!(lab.drain().await, ["after g"]);
}

pub async fn a_job_that_joins_a_done_group_does_not_reopen_it(lab: Lab) {
    lab.open(followed("g", jobs("a", 1))).await;
    finish_all(&lab).await;
    let done_at = lab.group("g").await.done_at;
    lab.advance(ms(1));
    finish_all(&lab).await;
    lab.put(job("late").in_group(group_id("g"))).await;
    let status = lab.group("g").await;
    assert_eq!((status.total, status.pending, status.done_at), (2, 1, done_at));
    finish_all(&lab).await;
    let status = lab.group("g").await;
    assert_eq!((status.completed, status.pending, status.done_at), (2, 0, done_at));
    assert!(lab.drain().await.is_empty());
}

pub async fn a_parent_waits_for_its_child_groups(lab: Lab) {
    lab.open(NewGroup { sealed: false, ..followed("parent", jobs("p", 1)) }).await;
    for name in ["left", "right"] {
        lab.open(NewGroup { parent: Some(group_id("parent")), ..group(name, jobs(name, 1)) }).await;
    }
    lab.store.seal_group(group_id("parent")).await.unwrap();
    assert_eq!(lab.group("parent").await.open_children, 2);
    assert_eq!(lab.group("left").await.parent, Some(group_id("parent")));
    let leases = lab.take(3).await;
    lab.complete(&leases[0]).await;
    lab.complete(&leases[1]).await;
    let status = lab.group("parent").await;
    assert_eq!((status.pending, status.open_children, status.done_at), (0, 1, None));
    lab.complete(&leases[2]).await;
    let status = lab.group("parent").await;
    assert_eq!((status.open_children, status.done_at), (0, Some(lab.now())));
    assert_eq!(lab.drain().await, ["after parent"]);
}

pub async fn a_parent_waits_for_the_follow_up_of_its_child(lab: Lab) {
    lab.open(NewGroup { sealed: false, ..followed("parent", Vec::new()) }).await;
    lab.open(NewGroup { parent: Some(group_id("parent")), ..followed("child", jobs("a", 1)) }).await;
    lab.store.seal_group(group_id("parent")).await.unwrap();
    lab.complete(&lab.take_one().await).await;
    assert!(lab.group("child").await.done_at.is_some());
    let status = lab.group("parent").await;
    assert_eq!((status.total, status.pending, status.done_at), (1, 1, None));
    let lease = lab.take_one().await;
    assert_eq!((lease.job, lease.group), (group_id("child").follow_up_id(), Some(group_id("parent"))));
    lab.complete(&lease).await;
    assert_eq!(lab.group("parent").await.done_at, Some(lab.now()));
    assert_eq!(lab.drain().await, ["after parent"]);
}

pub async fn a_chain_of_empty_groups_ends_from_the_inside(lab: Lab) {
    let open = |name: &str| NewGroup { sealed: false, ..group(name, Vec::new()) };
    lab.open(open("g-0")).await;
    for depth in 1..20 {
        let parent = Some(group_id(&format!("g-{}", depth - 1)));
        lab.open(NewGroup { parent, ..open(&format!("g-{depth}")) }).await;
    }
    for depth in 0..19 {
        lab.store.seal_group(group_id(&format!("g-{depth}"))).await.unwrap();
    }
    assert_eq!(lab.group("g-0").await.done_at, None);
    lab.store.seal_group(group_id("g-19")).await.unwrap();
    for depth in 0..20 {
        assert!(lab.group(&format!("g-{depth}")).await.done_at.is_some(), "{depth}");
    }
}

pub async fn a_follow_up_id_that_is_taken_is_not_stored_twice(lab: Lab) {
    let taken = group_id("g").follow_up_id();
    lab.put(job("early").with_id(taken)).await;
    lab.open(followed("g", Vec::new())).await;
    assert!(lab.group("g").await.done_at.is_some());
    assert_eq!(lab.drain().await, ["early"]);
}

pub async fn two_members_that_end_in_one_call_end_the_group_once(lab: Lab) {
    lab.open(followed("g", jobs("a", 50))).await;
    let leases = lab.take(50).await;
    let settlements = leases.iter().map(|lease| Settlement::new(lease.key(), Outcome::Complete)).collect();
    lab.store.settle(settlements).await.unwrap();
    assert_eq!(lab.drain().await, ["after g"]);
    assert_eq!(lab.group("g").await.completed, 50);
    assert_eq!(lab.find("after g").await.map(|job| job.state), None::<JobState>);
    assert_eq!(lab.find("a-0").await.map(|job| job.id), Some(id("a-0")));
}
