//! Several handles on the same data; for shared stores.

use super::lab::{Lab, QUEUE, id, info, job, jobs, worker};
use crate::{Claim, Leadership, Outcome, Settled, Settlement, Timestamp};
use std::collections::HashSet;
use std::time::Duration;

pub async fn what_one_handle_stores_another_claims_and_settles(lab: Lab) {
    let other = lab.another().await;
    lab.put(job("a")).await;
    other.check_in(&info("v", super::lab::PATIENCE)).await.unwrap();
    let claim = Claim { worker: worker("v"), ..Lab::request(5) };
    let lease = other.claim(&claim).await.unwrap().leases.pop().expect("the job is visible");
    assert_eq!(lease.job, id("a"));
    assert_eq!(lab.settle(&lease, Outcome::Complete).await, Settled::Applied);
    let again = other.settle(vec![Settlement::new(lease.key(), Outcome::Complete)]).await.unwrap();
    assert_eq!(again, [Settled::LeaseLost]);
}

pub async fn handles_never_claim_the_same_job(lab: Lab) {
    let other = lab.another().await;
    lab.put_all(jobs("a", 300)).await;
    let claim = Lab::request(7);
    let (mine, yours) = futures::join!(all(&*lab.store, &claim), all(&*other, &claim));
    assert_eq!(mine.len() + yours.len(), 300);
    assert_eq!(mine.into_iter().chain(yours).collect::<HashSet<_>>().len(), 300);
}

async fn all(store: &dyn crate::Store, claim: &Claim) -> Vec<crate::JobId> {
    let mut taken = Vec::new();
    loop {
        let leases = store.claim(claim).await.unwrap().leases;
        if leases.is_empty() {
            return taken;
        }
        taken.extend(leases.into_iter().map(|lease| lease.job));
    }
}

pub async fn a_job_stored_through_one_handle_wakes_the_other(lab: Lab) {
    let other = lab.another().await;
    let mut wake_ups = other.wake_ups();
    wake_ups.borrow_and_update();
    lab.put(job("a")).await;
    wake_ups.changed().await.expect("the store lives");
}

pub async fn handles_agree_on_slots_leaders_and_pauses(lab: Lab) {
    let other = lab.another().await;
    assert!(lab.store.fire("nightly", Timestamp(1), Vec::new()).await.unwrap());
    assert!(!other.fire("nightly", Timestamp(1), Vec::new()).await.unwrap());
    let ttl = Duration::from_secs(5);
    lab.store.lead("scheduler", &worker("a"), ttl).await.unwrap();
    let answer = other.lead("scheduler", &worker("b"), ttl).await.unwrap();
    assert!(matches!(answer, Leadership::Follower { .. }));
    other.pause(QUEUE).await.unwrap();
    lab.put(job("a")).await;
    assert!(lab.drain().await.is_empty());
}
