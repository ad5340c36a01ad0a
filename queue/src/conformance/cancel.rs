//! Cancelling.

use super::lab::{LEASE, Lab, discard, group, group_id, id, job, jobs, ms, only, retry, snooze};
use crate::{JobFilter, JobState, NewJob, Outcome, Renewal, Settled};

pub async fn a_waiting_job_is_cancelled_at_once(lab: Lab) {
    lab.put(job("available")).await;
    lab.put(job("scheduled").at(lab.now().plus(ms(10)))).await;
    lab.advance(ms(3));
    assert_eq!(lab.store.cancel(&JobFilter::default()).await.unwrap(), 2);
    for name in ["available", "scheduled"] {
        let record = lab.record(name).await;
        assert_eq!((record.state, record.finished_at), (JobState::Cancelled, Some(lab.now())));
        assert!(record.last_error.is_some());
    }
    lab.advance(ms(10));
    assert!(lab.drain().await.is_empty());
}

pub async fn a_retryable_job_is_cancelled_at_once(lab: Lab) {
    lab.run(job("a"), retry(10)).await;
    assert_eq!(lab.store.cancel(&only("a")).await.unwrap(), 1);
    assert_eq!(lab.state("a").await, JobState::Cancelled);
}

pub async fn the_worker_of_a_running_job_is_asked_to_stop(lab: Lab) {
    lab.put(job("a")).await;
    let lease = lab.take_one().await;
    assert_eq!(lab.store.cancel(&only("a")).await.unwrap(), 1);
    assert_eq!(lab.state("a").await, JobState::Running);
    for _ in 0..2 {
        assert_eq!(lab.store.renew(&[lease.key()], LEASE).await.unwrap(), [Renewal::CancelRequested]);
    }
    lab.end(&lease, Outcome::Cancel { reason: "stopped".into() }).await;
    let record = lab.record("a").await;
    assert_eq!((record.state, record.last_error.as_deref()), (JobState::Cancelled, Some("stopped")));
    assert_eq!(lab.settle(&lease, Outcome::Complete).await, Settled::LeaseLost);
}

pub async fn a_job_asked_to_stop_does_not_run_again(lab: Lab) {
    for (index, outcome) in [retry(0), snooze(0), snooze(50), Outcome::HandBack].into_iter().enumerate() {
        let name = format!("a-{index}");
        lab.put(job(&name)).await;
        let lease = lab.take_one().await;
        lab.store.cancel(&only(&name)).await.unwrap();
        lab.end(&lease, outcome).await;
        assert_eq!(lab.state(&name).await, JobState::Cancelled, "{name}");
    }
}

pub async fn a_job_asked_to_stop_may_still_end_by_itself(lab: Lab) {
    for (name, outcome, state) in
        [("done", Outcome::Complete, JobState::Completed), ("dead", discard(), JobState::Discarded)]
    {
        lab.put(job(name)).await;
        let lease = lab.take_one().await;
        lab.store.cancel(&only(name)).await.unwrap();
        lab.end(&lease, outcome).await;
        assert_eq!(lab.state(name).await, state);
    }
}

pub async fn asking_twice_counts_once(lab: Lab) {
    lab.put(job("a")).await;
    lab.take_one().await;
    assert_eq!(lab.store.cancel(&only("a")).await.unwrap(), 1);
    assert_eq!(lab.store.cancel(&only("a")).await.unwrap(), 0);
}

pub async fn ended_jobs_are_left_alone(lab: Lab) {
    lab.run(job("a"), Outcome::Complete).await;
    assert_eq!(lab.store.cancel(&JobFilter::default()).await.unwrap(), 0);
    assert_eq!(lab.state("a").await, JobState::Completed);
}

pub async fn a_replayed_job_is_no_longer_asked_to_stop(lab: Lab) {
    lab.put(job("a")).await;
    let lease = lab.take_one().await;
    lab.store.cancel(&only("a")).await.unwrap();
    lab.end(&lease, snooze(0)).await;
    lab.store.replay(&crate::Replay { limit: 1, ..Default::default() }).await.unwrap();
    let lease = lab.take_one().await;
    assert_eq!(lab.store.renew(&[lease.key()], LEASE).await.unwrap(), [Renewal::Renewed]);
}

pub async fn a_filter_says_which(lab: Lab) {
    lab.open(group("g", jobs("member", 2))).await;
    lab.put(job("alone")).await;
    lab.put(NewJob { queue: "other".into(), ..job("elsewhere") }).await;
    lab.put(NewJob { kind: "rare".into(), ..job("rare") }).await;
    let cancel = async |filter: JobFilter| lab.store.cancel(&filter).await.unwrap();
    assert_eq!(cancel(JobFilter { states: vec![JobState::Running], ..JobFilter::default() }).await, 0);
    assert_eq!(cancel(JobFilter { group: Some(group_id("g")), ..JobFilter::default() }).await, 2);
    assert_eq!(cancel(JobFilter { queue: Some("other".into()), ..JobFilter::default() }).await, 1);
    assert_eq!(cancel(JobFilter { kind: Some("rare".into()), ..JobFilter::default() }).await, 1);
    assert_eq!(
        cancel(JobFilter { ids: vec![id("nobody"), id("elsewhere")], ..JobFilter::default() }).await,
        0
    );
    assert_eq!(lab.drain().await, ["alone"]);
    assert!(lab.group("g").await.done_at.is_some());
}

pub async fn a_call_cancels_at_most_five_hundred(lab: Lab) {
    lab.put_all(jobs("a", 1_100)).await;
    for expected in [500, 500, 100, 0] {
        assert_eq!(lab.store.cancel(&JobFilter::default()).await.unwrap(), expected);
    }
}
