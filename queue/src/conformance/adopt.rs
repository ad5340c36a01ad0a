//! Jobs that lived elsewhere until now; for stores that adopt.

use super::lab::{LEASE, Lab, PATIENCE, QUEUE, id, info, job, jobs, ms, names, worker};
use crate::{
    Enqueued, Fence, JobRecord, JobState, Outcome, Priority, Renewal, Settled, StoreError, Timestamp,
    adopt::record_of, outside_fence,
};
use std::time::Duration;

/// A job called `name` that was stored elsewhere a second before the clock started.
fn earlier(lab: &Lab, name: &str) -> JobRecord {
    record_of(job(name), lab.now().minus(Duration::from_secs(1)))
}

/// As it runs for worker "w".
fn running(lab: &Lab, name: &str) -> JobRecord {
    JobRecord {
        state: JobState::Running,
        fence: outside_fence(lab.now()),
        worker: Some(worker("w")),
        started_at: Some(lab.now()),
        ..earlier(lab, name)
    }
}

async fn adopt(lab: &Lab, record: JobRecord) -> Enqueued {
    lab.store.adopt(vec![record], LEASE).await.unwrap()[0]
}

async fn refused(lab: &Lab, record: JobRecord) {
    let all = vec![earlier(lab, "sound"), record];
    let error = lab.store.adopt(all, LEASE).await.unwrap_err();
    assert!(matches!(error, StoreError::Invalid(_)), "{error}");
    assert!(lab.find("sound").await.is_none());
}

pub async fn an_adopted_job_is_as_it_was(lab: Lab) {
    let record = JobRecord {
        errors: 2,
        crashes: 1,
        fence: Fence(77),
        version: 1,
        priority: Priority::High,
        last_error: Some("it failed".into()),
        started_at: Some(lab.now()),
        ..earlier(&lab, "a")
    };
    assert_eq!(adopt(&lab, record.clone()).await, Enqueued::New(id("a")));
    assert_eq!(lab.record("a").await, record);
    assert_eq!(lab.store.queues().await.unwrap()[0].counts.get(&JobState::Available), Some(&1));
    let lease = lab.take_one().await;
    assert_eq!((lease.attempt, lease.crashes, lease.enqueued_at), (3, 1, record.enqueued_at));
    lab.complete(&lease).await;
    assert_eq!(lab.state("a").await, JobState::Completed);
}

pub async fn an_adopted_job_takes_its_place_by_when_it_was_due(lab: Lab) {
    lab.put(job("b")).await;
    adopt(&lab, earlier(&lab, "a")).await;
    adopt(&lab, JobRecord { priority: Priority::Low, ..earlier(&lab, "c") }).await;
    assert_eq!(names(&lab.take(5).await), ["a", "b", "c"]);
}

pub async fn a_running_job_is_adopted_under_its_lease(lab: Lab) {
    let record = running(&lab, "a");
    let key = crate::LeaseKey { job: record.id, fence: record.fence };
    adopt(&lab, record.clone()).await;
    // The fence that is shown may be the store's own.
    assert_eq!(JobRecord { fence: record.fence, ..lab.record("a").await }, record);
    assert!(lab.take(5).await.is_empty());
    assert_eq!(lab.store.renew(&[key], LEASE).await.unwrap(), [Renewal::Renewed]);
    let settlement = |outcome| crate::Settlement::new(key, outcome);
    assert_eq!(lab.settle_with(settlement(super::lab::retry(0))).await, Settled::Applied);
    assert_eq!(lab.settle_with(settlement(Outcome::Complete)).await, Settled::LeaseLost);
    let again = lab.take_one().await;
    assert_eq!((again.attempt, again.fence > key.fence), (2, true));
    lab.complete(&again).await;
}

pub async fn an_adopted_lease_that_ends_is_a_crash(lab: Lab) {
    let record = running(&lab, "a");
    adopt(&lab, record.clone()).await;
    lab.advance(LEASE.saturating_sub(ms(1)));
    assert!(lab.store.rescue(3, 500).await.unwrap().available.is_empty());
    lab.advance(ms(1));
    assert_eq!(lab.store.rescue(3, 500).await.unwrap().available, [id("a")]);
    let again = lab.take_one().await;
    assert_eq!((again.crashes, again.fence > record.fence), (1, true));
    let lost = crate::LeaseKey { job: record.id, fence: record.fence };
    let lost = crate::Settlement::new(lost, Outcome::Complete);
    assert_eq!(lab.settle_with(lost).await, Settled::LeaseLost);
}

pub async fn an_adopted_job_whose_worker_nobody_knows_had_a_crash(lab: Lab) {
    let record = JobRecord { worker: Some(worker("nobody")), ..running(&lab, "a") };
    adopt(&lab, record).await;
    let record = lab.record("a").await;
    assert_eq!((record.state, record.crashes, record.worker), (JobState::Available, 1, None));
    assert_eq!(lab.take_one().await.job, id("a"));
}

pub async fn an_id_that_is_there_is_not_adopted_again(lab: Lab) {
    lab.put(job("a").with_fairness_key("k")).await;
    let other = JobRecord { errors: 5, ..earlier(&lab, "a") };
    assert_eq!(adopt(&lab, other).await, Enqueued::Existing(id("a")));
    assert_eq!(adopt(&lab, earlier(&lab, "b")).await, Enqueued::New(id("b")));
    assert_eq!(adopt(&lab, earlier(&lab, "b")).await, Enqueued::Existing(id("b")));
    assert_eq!(lab.take(5).await.len(), 2);
}

pub async fn fences_grow_beyond_adopted_ones(lab: Lab) {
    let fence = outside_fence(lab.now().plus(Duration::from_mins(1)));
    adopt(&lab, JobRecord { fence, ..earlier(&lab, "a") }).await;
    lab.check_in("v").await;
    lab.store.check_in(&info("v", PATIENCE)).await.unwrap();
    assert!(lab.take_one_as("v").await.fence > fence);
}

pub async fn what_only_the_store_can_give_is_not_adopted(lab: Lab) {
    let record = || earlier(&lab, "a");
    refused(&lab, JobRecord { group: Some(super::lab::group_id("g")), ..record() }).await;
    refused(&lab, JobRecord { fairness_key: Some("k".into()), ..record() }).await;
    refused(&lab, JobRecord { unique_key: Some("k".into()), ..record() }).await;
    refused(&lab, JobRecord { expires_at: Some(Timestamp(9)), ..record() }).await;
    refused(&lab, JobRecord { state: JobState::Completed, ..record() }).await;
    refused(&lab, JobRecord { queue: String::new(), ..record() }).await;
    refused(&lab, JobRecord { worker: Some(worker("w")), ..record() }).await;
}

pub async fn a_running_job_with_a_fence_from_elsewhere_is_not_adopted(lab: Lab) {
    refused(&lab, JobRecord { fence: Fence(512), ..running(&lab, "a") }).await;
    refused(&lab, JobRecord { worker: None, ..running(&lab, "a") }).await;
}

pub async fn at_most_five_hundred_are_adopted_at_once(lab: Lab) {
    let records = |count| -> Vec<JobRecord> {
        jobs("a", count).into_iter().map(|job| record_of(job, lab.now())).collect()
    };
    assert!(lab.store.adopt(records(501), LEASE).await.is_err());
    assert_eq!(lab.store.adopt(records(500), LEASE).await.unwrap().len(), 500);
    assert!(lab.store.adopt(Vec::new(), LEASE).await.unwrap().is_empty());
    let status = &lab.store.queues().await.unwrap()[0];
    assert_eq!((status.name.as_str(), status.counts.get(&JobState::Available)), (QUEUE, Some(&500)));
}

pub async fn adopting_wakes(lab: Lab) {
    let mut wake_ups = lab.store.wake_ups();
    wake_ups.borrow_and_update();
    adopt(&lab, earlier(&lab, "a")).await;
    let wake_up = tokio::time::timeout(Duration::from_mins(1), wake_ups.changed()).await;
    wake_up.expect("the store tells").expect("the store lives");
}
