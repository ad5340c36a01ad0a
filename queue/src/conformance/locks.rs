//! What operators see of keys and roles that only one may hold, and freeing a key by hand.

use super::lab::{KIND, Lab, id, job, ms, worker};
use crate::{Enqueued, Fence, JobState, Outcome, Released, Unique, UniqueScope};

async fn release(lab: &Lab, force: bool) -> Released {
    lab.store.release_key(KIND, "k", force).await.unwrap()
}

pub async fn held_keys_are_listed_with_their_holders(lab: Lab) {
    lab.run(job("done").unique_by(Unique::until_done("gone")), Outcome::Complete).await;
    lab.put(job("b").unique_by(Unique::until_done("view:price"))).await;
    lab.put(job("a").unique_by(Unique::until_done("view:all"))).await;
    lab.put(job("free")).await;
    lab.take_one().await;
    let keys = lab.store.locks("").await.unwrap().keys;
    let seen: Vec<_> = keys.iter().map(|it| (it.key.as_str(), it.holder, it.state)).collect();
    let (all, price) = ((Some(id("a")), Some(JobState::Available)), (Some(id("b")), Some(JobState::Running)));
    assert_eq!(seen, [("view:all", all.0, all.1), ("view:price", price.0, price.1)]);
    assert!(keys.iter().all(|lock| lock.kind == KIND && lock.since == Some(lab.now())));
}

pub async fn locks_are_narrowed_by_text(lab: Lab) {
    lab.put(job("a").unique_by(Unique::until_done("view:all"))).await;
    lab.put(job("b").unique_by(Unique::until_done("view:price"))).await;
    lab.store.lead("price-keeper", &worker("w"), ms(10)).await.unwrap();
    lab.store.lead("scheduler", &worker("w"), ms(10)).await.unwrap();
    let named = async |text: &str| {
        let locks = lab.store.locks(text).await.unwrap();
        let keys = locks.keys.into_iter().map(|lock| lock.key);
        keys.chain(locks.roles.into_iter().map(|lock| lock.role)).collect::<Vec<_>>()
    };
    assert_eq!(named("price").await, ["view:price", "price-keeper"]);
    assert_eq!(named(KIND).await, ["view:all", "view:price"]);
    assert_eq!(named("%").await, [""; 0]);
}

pub async fn leaders_are_listed_until_their_time_is_over(lab: Lab) {
    lab.store.lead("scheduler", &worker("w"), ms(5_000)).await.unwrap();
    lab.store.lead("sweeper", &worker("w"), ms(10)).await.unwrap();
    lab.store.lead("resigned", &worker("w"), ms(5_000)).await.unwrap();
    lab.store.resign("resigned", &worker("w")).await.unwrap();
    let until = lab.now().plus(ms(5_000));
    lab.advance(ms(10));
    let roles = lab.store.locks("").await.unwrap().roles;
    let seen: Vec<_> = roles.iter().map(|it| (it.role.as_str(), it.leader.is_some(), it.until)).collect();
    assert_eq!(seen, [("resigned", false, None), ("scheduler", true, Some(until)), ("sweeper", false, None)]);
    assert!(roles.iter().all(|role| role.fence > Fence(0)));
}

pub async fn a_key_nobody_holds_is_not_released(lab: Lab) {
    assert_eq!(release(&lab, true).await, Released::NotHeld);
    lab.run(job("a").unique_by(Unique::until_done("k")), Outcome::Complete).await;
    assert_eq!(release(&lab, false).await, Released::NotHeld);
    assert_eq!(lab.store.release_key("other", "k", true).await.unwrap(), Released::NotHeld);
}

pub async fn a_key_is_not_released_while_its_holder_waits_or_runs_unless_forced(lab: Lab) {
    lab.put(job("a").unique_by(Unique::until_done("k"))).await;
    assert_eq!(release(&lab, false).await, Released::InUse(id("a"), JobState::Available));
    let lease = lab.take_one().await;
    assert_eq!(release(&lab, false).await, Released::InUse(id("a"), JobState::Running));
    assert_eq!(release(&lab, true).await, Released::Released(Some(id("a"))));
    assert_eq!(release(&lab, true).await, Released::NotHeld);
    let second = job("b").unique_by(Unique::until_done("k"));
    assert_eq!(lab.put(second).await, Enqueued::New(id("b")));
    lab.complete(&lease).await;
    assert_eq!(release(&lab, false).await, Released::InUse(id("b"), JobState::Available), "b keeps its own");
}

pub async fn a_key_that_outlives_its_job_can_be_released(lab: Lab) {
    let kept = Unique { scope: UniqueScope::For(ms(1_000_000)), ..Unique::until_done("k") };
    lab.run(job("a").unique_by(kept), Outcome::Complete).await;
    assert_eq!(release(&lab, false).await, Released::Released(Some(id("a"))));
    assert_eq!(lab.put(job("b").unique_by(Unique::until_done("k"))).await, Enqueued::New(id("b")));
}
