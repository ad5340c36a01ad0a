//! Cron slots.

use super::lab::{Lab, id, job, jobs};
use crate::{Enqueued, JobId, NewJob, StoreError, Timestamp};

pub async fn a_slot_fires_exactly_once(lab: Lab) {
    let slot = lab.now();
    assert!(lab.store.fire("nightly", slot, jobs("a", 2)).await.unwrap());
    assert!(!lab.store.fire("nightly", slot, jobs("b", 2)).await.unwrap());
    assert_eq!(lab.drain().await, ["a-0", "a-1"]);
}

pub async fn an_earlier_slot_does_not_fire_any_more(lab: Lab) {
    assert!(lab.store.fire("nightly", Timestamp(2_000), jobs("b", 1)).await.unwrap());
    assert!(!lab.store.fire("nightly", Timestamp(1_000), jobs("a", 1)).await.unwrap());
    assert!(lab.store.fire("nightly", Timestamp(3_000), jobs("c", 1)).await.unwrap());
    assert_eq!(lab.drain().await, ["b-0", "c-0"]);
}

pub async fn many_schedulers_fire_each_slot_once(lab: Lab) {
    for slot in 0..20 {
        let fire = |scheduler: usize| {
            let job = job(&format!("{slot}-{scheduler}"));
            lab.store.fire("nightly", Timestamp(slot), vec![job])
        };
        let fired = futures::future::join_all((0..5).map(fire)).await;
        assert_eq!(fired.into_iter().filter(|fired| *fired.as_ref().unwrap()).count(), 1);
    }
    assert_eq!(lab.drain().await.len(), 20);
}

pub async fn entries_do_not_disturb_each_other(lab: Lab) {
    assert!(lab.store.fire("nightly", Timestamp(5), jobs("a", 1)).await.unwrap());
    assert!(lab.store.fire("hourly", Timestamp(5), jobs("b", 1)).await.unwrap());
    assert!(lab.store.fire("hourly", Timestamp(7), Vec::new()).await.unwrap());
    let mut fired = lab.store.last_fired().await.unwrap();
    fired.sort();
    assert_eq!(fired, [("hourly".to_owned(), Timestamp(7)), ("nightly".to_owned(), Timestamp(5))]);
}

pub async fn a_slot_without_jobs_only_moves_the_cursor(lab: Lab) {
    assert!(lab.store.last_fired().await.unwrap().is_empty());
    assert!(lab.store.fire("nightly", Timestamp(-5), Vec::new()).await.unwrap());
    assert_eq!(lab.store.last_fired().await.unwrap(), [("nightly".to_owned(), Timestamp(-5))]);
    assert!(lab.drain().await.is_empty());
}

pub async fn an_invalid_job_does_not_use_up_the_slot(lab: Lab) {
    let bad = NewJob { queue: String::new(), ..job("bad") };
    let answer = lab.store.fire("nightly", Timestamp(1), vec![job("a"), bad]).await;
    assert!(matches!(answer, Err(StoreError::Invalid(_))));
    assert!(lab.all().await.is_empty());
    assert!(lab.store.fire("nightly", Timestamp(1), vec![job("a")]).await.unwrap());
}

pub async fn a_job_of_a_slot_keeps_its_id(lab: Lab) {
    let slot_id = JobId::named(uuid::Uuid::nil(), "nightly 1");
    lab.store.fire("nightly", Timestamp(1), vec![job("a").with_id(slot_id)]).await.unwrap();
    assert_eq!(lab.put(job("b").with_id(slot_id)).await, Enqueued::Existing(slot_id));
    assert_eq!(lab.put(job("a")).await, Enqueued::New(id("a")));
}
