//! Wake-ups: every cause is noticed by who subscribed before.

use super::lab::{LEASE, Lab, QUEUE, discard, group, job, ms, retry, worker};
use crate::{NewGroup, Outcome, Replay, Settlement, Timestamp};
use std::time::Duration;

/// Far beyond any wake-up: only there to end a test that would wait for ever.
const NEVER: Duration = Duration::from_mins(1);

/// Does `cause`, then waits for the wake-up.
macro_rules! wakes {
    ($lab:ident, $cause:expr) => {
        let mut wake_ups = $lab.store.wake_ups();
        wake_ups.borrow_and_update();
        $cause;
        let wake_up = tokio::time::timeout(NEVER, wake_ups.changed()).await;
        wake_up.expect("the store tells").expect("the store lives");
    };
}

pub async fn enqueueing_wakes(lab: Lab) {
    wakes!(lab, lab.put(job("a")).await);
    wakes!(lab, lab.put(job("b").at(lab.now().plus(ms(5)))).await);
}

pub async fn opening_a_group_with_jobs_wakes(lab: Lab) {
    wakes!(lab, lab.open(group("g", vec![job("a")])).await);
}

pub async fn firing_wakes(lab: Lab) {
    wakes!(lab, lab.store.fire("nightly", Timestamp(1), vec![job("a")]).await.unwrap());
}

pub async fn promoting_wakes(lab: Lab) {
    lab.put(job("a").at(lab.now().plus(ms(5)))).await;
    lab.advance(ms(5));
    wakes!(lab, lab.promote().await);
}

pub async fn handing_back_and_retrying_at_once_wake(lab: Lab) {
    lab.put(job("a")).await;
    let lease = lab.take_one().await;
    wakes!(lab, lab.end(&lease, Outcome::HandBack).await);
    let lease = lab.take_one().await;
    wakes!(lab, lab.end(&lease, retry(0)).await);
}

pub async fn resuming_wakes(lab: Lab) {
    lab.put(job("a")).await;
    lab.store.pause(QUEUE).await.unwrap();
    wakes!(lab, lab.store.resume(QUEUE).await.unwrap());
}

pub async fn rescuing_wakes(lab: Lab) {
    lab.put(job("a")).await;
    lab.take_one().await;
    lab.advance(LEASE);
    wakes!(lab, lab.store.rescue(3, 500).await.unwrap());
    lab.take_one().await;
    lab.store.check_out(&worker("w")).await.unwrap();
    wakes!(lab, lab.store.rescue(3, 500).await.unwrap());
}

pub async fn replaying_wakes(lab: Lab) {
    lab.run(job("a"), discard()).await;
    let replay = Replay { limit: 5, ..Replay::default() };
    wakes!(lab, lab.store.replay(&replay).await.unwrap());
}

pub async fn follow_ons_and_follow_ups_wake(lab: Lab) {
    lab.open(NewGroup { follow_up: Some(job("after")), ..group("g", vec![job("a")]) }).await;
    let lease = lab.take_one().await;
    let settlement =
        Settlement { follow_on: vec![job("b")], ..Settlement::new(lease.key(), Outcome::HandBack) };
    wakes!(lab, lab.settle_with(settlement).await);
    let lease = lab.take_one().await;
    wakes!(lab, lab.complete(&lease).await);
    assert_eq!(lab.drain().await, ["b", "after"]);
}

pub async fn a_late_subscriber_still_hears_the_next(lab: Lab) {
    lab.put(job("a")).await;
    wakes!(lab, lab.put(job("b")).await);
}
