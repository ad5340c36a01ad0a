//! Leaders.

use super::lab::{Lab, worker};
use crate::{Fence, Leadership};
use std::time::Duration;

const TTL: Duration = Duration::from_secs(5);
/// A millisecond less.
const ALMOST: Duration = Duration::from_millis(4_999);

async fn lead(lab: &Lab, who: &str) -> Leadership {
    lab.store.lead("scheduler", &worker(who), TTL).await.unwrap()
}

async fn token(lab: &Lab, who: &str) -> Fence {
    match lead(lab, who).await {
        Leadership::Leader(fence) => fence,
        Leadership::Follower { leader, .. } => panic!("{leader} leads instead of {who}"),
    }
}

pub async fn there_is_one_leader_at_a_time(lab: Lab) {
    token(&lab, "a").await;
    let until = lab.now().plus(TTL);
    assert_eq!(lead(&lab, "b").await, Leadership::Follower { leader: worker("a"), until });
    lab.advance(ALMOST);
    assert_eq!(lead(&lab, "b").await, Leadership::Follower { leader: worker("a"), until });
}

pub async fn a_leader_that_keeps_it_keeps_its_token(lab: Lab) {
    let fence = token(&lab, "a").await;
    for _ in 0..5 {
        lab.advance(ALMOST);
        assert_eq!(token(&lab, "a").await, fence);
    }
    let until = lab.now().plus(TTL);
    assert_eq!(lead(&lab, "b").await, Leadership::Follower { leader: worker("a"), until });
}

pub async fn a_leadership_that_ran_out_can_be_taken_under_a_greater_token(lab: Lab) {
    let first = token(&lab, "a").await;
    lab.advance(TTL);
    let second = token(&lab, "b").await;
    assert!(second > first);
    assert!(matches!(lead(&lab, "a").await, Leadership::Follower { .. }));
    lab.advance(TTL);
    assert!(token(&lab, "b").await > second, "a new term of the same leader is a new token");
}

pub async fn a_resigned_leadership_is_free_at_once(lab: Lab) {
    let first = token(&lab, "a").await;
    lab.store.resign("scheduler", &worker("a")).await.unwrap();
    assert!(token(&lab, "b").await > first);
}

pub async fn only_the_leader_can_resign(lab: Lab) {
    token(&lab, "a").await;
    lab.store.resign("scheduler", &worker("b")).await.unwrap();
    lab.store.resign("nothing", &worker("b")).await.unwrap();
    assert!(matches!(lead(&lab, "b").await, Leadership::Follower { .. }));
}

pub async fn roles_are_independent(lab: Lab) {
    token(&lab, "a").await;
    let other = lab.store.lead("janitor", &worker("b"), TTL).await.unwrap();
    assert!(matches!(other, Leadership::Leader(_)));
}

pub async fn of_many_candidates_one_wins(lab: Lab) {
    let names: Vec<String> = (0..20).map(|index| format!("c-{index}")).collect();
    let answers = futures::future::join_all(names.iter().map(|name| lead(&lab, name))).await;
    let winners = answers.iter().filter(|answer| matches!(answer, Leadership::Leader(_))).count();
    assert_eq!(winners, 1);
}
