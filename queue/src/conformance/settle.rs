//! How a leased job ends, and what happens next.

use super::lab::{Lab, discard, group, group_id, id, job, jobs, ms, names, retry, snooze};
use crate::{Claim, Fence, JobState, LeaseKey, NewJob, Outcome, Settled, Settlement, StoreError};

pub async fn a_completed_job_is_done(lab: Lab) {
    lab.put(job("a")).await;
    let lease = lab.take_one().await;
    lab.advance(ms(3));
    lab.complete(&lease).await;
    let record = lab.record("a").await;
    assert_eq!((record.state, record.finished_at), (JobState::Completed, Some(lab.now())));
    assert_eq!((record.errors, record.worker), (0, None));
    assert!(lab.drain().await.is_empty());
}

pub async fn a_retried_job_waits_and_burns_an_attempt(lab: Lab) {
    lab.run(job("a"), retry(100)).await;
    let record = lab.record("a").await;
    assert_eq!((record.state, record.errors, record.crashes), (JobState::Retryable, 1, 0));
    assert_eq!(record.due_at, lab.now().plus(ms(100)));
    assert_eq!((record.last_error.as_deref(), record.finished_at), (Some("it failed"), None));
    lab.advance(ms(100));
    assert_eq!(lab.take_one().await.attempt, 2);
}

pub async fn a_retry_without_delay_is_available_at_once(lab: Lab) {
    lab.run(job("a"), retry(0)).await;
    assert_eq!(lab.state("a").await, JobState::Available);
    assert_eq!(lab.take_one().await.attempt, 2);
}

pub async fn a_snoozed_job_waits_and_burns_no_attempt(lab: Lab) {
    lab.run(job("a"), snooze(100)).await;
    let record = lab.record("a").await;
    assert_eq!((record.state, record.errors, record.last_error), (JobState::Retryable, 0, None));
    lab.advance(ms(100));
    let lease = lab.take_one().await;
    assert_eq!((lease.attempt, lease.crashes), (1, 0));
}

pub async fn a_discarded_job_goes_to_the_dead_set(lab: Lab) {
    lab.run(job("a"), discard()).await;
    let record = lab.record("a").await;
    assert_eq!((record.state, record.errors), (JobState::Discarded, 1));
    assert_eq!(record.last_error.as_deref(), Some("it will never work"));
    assert_eq!(record.finished_at, Some(lab.now()));
    assert!(lab.drain().await.is_empty());
}

pub async fn a_handler_can_cancel_its_job(lab: Lab) {
    lab.run(job("a"), Outcome::Cancel { reason: "sold out".into() }).await;
    let record = lab.record("a").await;
    assert_eq!((record.state, record.errors), (JobState::Cancelled, 0));
    assert_eq!(record.last_error.as_deref(), Some("sold out"));
}

pub async fn a_handed_back_job_is_untouched(lab: Lab) {
    lab.run(job("a"), Outcome::HandBack).await;
    let record = lab.record("a").await;
    assert_eq!((record.state, record.errors, record.crashes), (JobState::Available, 0, 0));
    assert_eq!(lab.take_one().await.attempt, 1);
}

pub async fn errors_are_counted_one_by_one(lab: Lab) {
    lab.put(job("a")).await;
    for attempt in 1..=5 {
        let lease = lab.take_one().await;
        assert_eq!(lease.attempt, attempt);
        lab.end(&lease, retry(0)).await;
        let lease = lab.take_one().await;
        lab.end(&lease, snooze(0)).await;
    }
    assert_eq!(lab.record("a").await.errors, 5);
}

pub async fn a_second_settlement_of_the_same_lease_is_refused(lab: Lab) {
    lab.put(job("a")).await;
    let lease = lab.take_one().await;
    lab.complete(&lease).await;
    assert_eq!(lab.settle(&lease, discard()).await, Settled::LeaseLost);
    assert_eq!(lab.settle(&lease, Outcome::Complete).await, Settled::LeaseLost);
    let record = lab.record("a").await;
    assert_eq!((record.state, record.errors), (JobState::Completed, 0));
}

pub async fn a_settlement_of_a_retried_job_under_the_old_lease_is_refused(lab: Lab) {
    lab.put(job("a")).await;
    let old = lab.take_one().await;
    lab.end(&old, retry(0)).await;
    assert_eq!(lab.settle(&old, Outcome::Complete).await, Settled::LeaseLost);
    let new = lab.take_one().await;
    assert_eq!(lab.settle(&old, Outcome::Complete).await, Settled::LeaseLost);
    lab.complete(&new).await;
}

pub async fn settlements_answer_in_order_and_one_lost_lease_spoils_nothing(lab: Lab) {
    lab.put_all(jobs("a", 4)).await;
    let leases = lab.take(4).await;
    lab.complete(&leases[1]).await;
    let forged = LeaseKey { job: id("nobody"), fence: Fence(1) };
    let outcome = |index: usize, outcome| Settlement::new(leases[index].key(), outcome);
    let answers = lab
        .store
        .settle(vec![
            outcome(3, discard()),
            outcome(1, discard()),
            Settlement::new(forged, Outcome::Complete),
            outcome(0, Outcome::Complete),
            outcome(0, Outcome::Complete),
            outcome(2, retry(1)),
        ])
        .await
        .unwrap();
    let (yes, no) = (Settled::Applied, Settled::LeaseLost);
    assert_eq!(answers, [yes, no, no, yes, no, yes]);
    let mut states = Vec::new();
    for name in ["a-0", "a-1", "a-2", "a-3"] {
        states.push(lab.state(name).await);
    }
    let done = JobState::Completed;
    assert_eq!(states, [done, done, JobState::Retryable, JobState::Discarded]);
}

pub async fn follow_ons_are_stored_with_the_outcome(lab: Lab) {
    lab.put(job("a")).await;
    let lease = lab.take_one().await;
    let follow_on = vec![job("b"), job("c").at(lab.now().plus(ms(10)))];
    let settlement = Settlement { follow_on, ..Settlement::new(lease.key(), Outcome::Complete) };
    assert_eq!(lab.settle_with(settlement.clone()).await, Settled::Applied);
    assert_eq!(lab.settle_with(settlement).await, Settled::LeaseLost);
    assert_eq!(lab.drain().await, ["b"]);
    assert_eq!(lab.state("c").await, JobState::Scheduled);
    assert_eq!(lab.all().await.len(), 3);
}

pub async fn follow_ons_of_a_lost_lease_are_not_stored(lab: Lab) {
    lab.put(job("a")).await;
    let lease = lab.take_one().await;
    lab.end(&lease, Outcome::HandBack).await;
    let follow_on = vec![job("b")];
    let settlement = Settlement { follow_on, ..Settlement::new(lease.key(), Outcome::Complete) };
    assert_eq!(lab.settle_with(settlement).await, Settled::LeaseLost);
    assert_eq!(lab.find("b").await, None);
}

pub async fn an_invalid_follow_on_discards_its_job_alone(lab: Lab) {
    lab.open(group("g", jobs("a", 3))).await;
    let leases = lab.take(3).await;
    let large = NewJob { payload: vec![b'1'; NewJob::MAX_PAYLOAD_BYTES + 1], ..job("large") };
    let settlement = |index: usize, follow_on| Settlement {
        follow_on,
        tally: vec![("rows".into(), 1)],
        ..Settlement::new(leases[index].key(), Outcome::Complete)
    };
    let settlements = vec![
        settlement(0, vec![job("b"), large]),
        settlement(1, vec![job("c")]),
        settlement(2, vec![job("d").in_group(group_id("nobody"))]),
    ];
    assert_eq!(lab.store.settle(settlements).await.unwrap(), [Settled::Applied; 3]);
    assert_eq!(lab.state("a-0").await, JobState::Discarded);
    assert_eq!(lab.state("a-1").await, JobState::Completed);
    assert_eq!(lab.state("a-2").await, JobState::Discarded);
    assert!(lab.record("a-0").await.last_error.unwrap().contains("follow-on"));
    assert_eq!(lab.drain().await, ["c"]);
    assert_eq!(lab.group("g").await.counters.get("rows"), Some(&1));
}

pub async fn a_turn_settles_and_claims(lab: Lab) {
    lab.put_all(jobs("a", 3)).await;
    let lease = lab.take_one().await;
    let settlement = Settlement::new(lease.key(), Outcome::Complete);
    let (settled, claimed) = lab.store.turn(vec![settlement], &Lab::request(5)).await.unwrap();
    assert_eq!(settled, [Settled::Applied]);
    assert_eq!(names(&claimed.leases), ["a-1", "a-2"]);
    let (settled, claimed) = lab.store.turn(Vec::new(), &Lab::request(5)).await.unwrap();
    assert!(settled.is_empty() && claimed.leases.is_empty());
}

pub async fn a_turn_of_a_stranger_changes_nothing_for_its_claim(lab: Lab) {
    lab.put(job("a")).await;
    let claim = Claim { worker: super::lab::worker("stranger"), ..Lab::request(1) };
    let answer = lab.store.turn(Vec::new(), &claim).await;
    assert!(matches!(answer, Err(StoreError::Invalid(_))));
    assert_eq!(lab.drain().await, ["a"]);
}

pub async fn a_long_error_is_kept_whole(lab: Lab) {
    let error = "é".repeat(4_000);
    lab.run(job("a"), Outcome::Discard { error: error.clone() }).await;
    assert_eq!(lab.record("a").await.last_error, Some(error));
}
