//! Storing jobs.

use super::lab::{KIND, Lab, QUEUE, group_id, id, job, jobs};
use crate::{Enqueued, Fence, JobState, NewJob, Priority, StoreError, Unique};

pub async fn an_enqueued_job_is_stored_as_it_was_given(lab: Lab) {
    let given = NewJob {
        priority: Priority::High,
        fairness_key: Some("acme".into()),
        payload: br#"{"text":"\u0000 and \ud83d\ude00"}"#.to_vec(),
        ..job("a").unique_by(Unique::until_done("key"))
    };
    assert_eq!(lab.put(given.clone()).await, Enqueued::New(id("a")));
    let record = lab.record("a").await;
    assert_eq!((record.id, record.kind.as_str(), record.version), (id("a"), KIND, 1));
    assert_eq!((record.queue.as_str(), record.priority), (QUEUE, Priority::High));
    assert_eq!((record.payload, record.fairness_key), (given.payload, given.fairness_key));
    assert_eq!((record.unique_key.as_deref(), record.group), (Some("key"), None));
    assert_eq!((record.state, record.errors, record.crashes), (JobState::Available, 0, 0));
    assert_eq!((record.enqueued_at, record.due_at, record.expires_at), (lab.now(), lab.now(), None));
    assert_eq!((record.started_at, record.finished_at, record.worker), (None, None, None));
    assert_eq!((record.fence, record.last_error), (Fence(0), None));
}

pub async fn the_same_id_twice_stores_one_job(lab: Lab) {
    assert_eq!(lab.put(job("a")).await, Enqueued::New(id("a")));
    let other = NewJob { payload: b"2".to_vec(), ..job("a") };
    assert_eq!(lab.put(other).await, Enqueued::Existing(id("a")));
    assert_eq!(lab.record("a").await.payload, b"\"a\"");
    assert_eq!(lab.drain().await, ["a"]);
}

pub async fn the_same_id_twice_in_one_call_stores_one_job(lab: Lab) {
    let answers = lab.put_all(vec![job("a"), job("b"), job("a")]).await;
    assert_eq!(answers, [Enqueued::New(id("a")), Enqueued::New(id("b")), Enqueued::Existing(id("a"))]);
    assert_eq!(lab.drain().await, ["a", "b"]);
}

pub async fn the_id_of_an_ended_job_is_still_known(lab: Lab) {
    lab.run(job("a"), crate::Outcome::Complete).await;
    assert_eq!(lab.put(job("a")).await, Enqueued::Existing(id("a")));
    assert!(lab.drain().await.is_empty());
}

pub async fn nothing_enqueued_is_nothing_stored(lab: Lab) {
    assert!(lab.put_all(Vec::new()).await.is_empty());
    assert!(lab.all().await.is_empty());
}

pub async fn an_empty_payload_and_the_largest_are_stored(lab: Lab) {
    let largest = vec![b'1'; NewJob::MAX_PAYLOAD_BYTES];
    lab.put_all(vec![
        NewJob { payload: Vec::new(), ..job("empty") },
        NewJob { payload: largest.clone(), ..job("large") },
    ])
    .await;
    let leases = lab.take(2).await;
    assert!(leases[0].payload.is_empty());
    assert!(leases[1].payload == largest, "the largest payload comes back whole");
}

pub async fn a_payload_above_the_limit_is_refused_before_anything_is_stored(lab: Lab) {
    let large = NewJob { payload: vec![b'1'; NewJob::MAX_PAYLOAD_BYTES + 1], ..job("large") };
    refused(&lab, large).await;
}

pub async fn a_name_above_the_limit_or_empty_is_refused(lab: Lab) {
    let long = "k".repeat(NewJob::MAX_NAME_BYTES + 1);
    refused(&lab, NewJob { kind: long.clone(), ..job("a") }).await;
    refused(&lab, NewJob { kind: String::new(), ..job("a") }).await;
    refused(&lab, NewJob { queue: long.clone(), ..job("a") }).await;
    refused(&lab, NewJob { queue: String::new(), ..job("a") }).await;
    refused(&lab, NewJob { fairness_key: Some(long.clone()), ..job("a") }).await;
    refused(&lab, job("a").unique_by(Unique::until_done(long))).await;
}

pub async fn a_group_that_was_never_opened_is_refused(lab: Lab) {
    refused(&lab, job("a").in_group(group_id("nobody"))).await;
}

async fn refused(lab: &Lab, bad: NewJob) {
    let answer = lab.store.enqueue(vec![job("good"), bad]).await;
    assert!(matches!(answer, Err(StoreError::Invalid(_))), "{answer:?}");
    assert!(lab.all().await.is_empty());
}

pub async fn names_of_any_kind_are_kept_apart(lab: Lab) {
    let odd = ["default ", "DEFAULT", "défaut", "de'fault\"; --", "%", "{x}:y"];
    for name in odd {
        lab.put(NewJob { queue: name.to_owned(), ..job(name) }).await;
    }
    for name in odd {
        let claim = crate::Claim { queue: name.to_owned(), ..Lab::request(10) };
        assert_eq!(lab.claim(&claim).await.leases.len(), 1, "{name}");
    }
    assert!(lab.drain().await.is_empty());
}

pub async fn a_call_of_many_answers_in_order(lab: Lab) {
    let answers = lab.put_all(jobs("a", 1_203)).await;
    for (index, answer) in answers.iter().enumerate() {
        assert_eq!(*answer, Enqueued::New(id(&format!("a-{index}"))));
    }
    assert_eq!(answers.len(), 1_203);
}
