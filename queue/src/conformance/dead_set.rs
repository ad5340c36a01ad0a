//! The dead set and its replay.

use super::lab::{LEASE, Lab, discard, id, job, jobs, ms, names, only};
use crate::{Edit, JobFilter, JobState, NewJob, Outcome, Priority, Replay, StoreError};

fn all(limit: usize) -> Replay {
    Replay { limit, ..Replay::default() }
}

async fn bury(lab: &Lab, name: &str, error: &str) {
    lab.run(job(name), Outcome::Discard { error: error.to_owned() }).await;
}

pub async fn a_replayed_job_starts_from_zero(lab: Lab) {
    lab.put(job("a").expiring(lab.now().plus(ms(50)))).await;
    lab.take_one().await;
    lab.advance(LEASE);
    lab.store.rescue(3, 500).await.unwrap();
    let lease = lab.take_one().await;
    lab.end(&lease, discard()).await;
    assert_eq!(lab.store.replay(&all(10)).await.unwrap(), 1);
    let record = lab.record("a").await;
    assert_eq!((record.state, record.errors, record.crashes), (JobState::Available, 0, 0));
    assert_eq!((record.due_at, record.started_at, record.finished_at), (lab.now(), None, None));
    assert_eq!((record.last_error, record.expires_at), (None, None));
    let again = lab.take_one().await;
    assert_eq!((again.job, again.attempt, again.crashes), (id("a"), 1, 0));
    assert!(again.fence > lease.fence);
    lab.complete(&again).await;
}

pub async fn dead_quarantined_and_cancelled_jobs_can_be_replayed_and_no_others(lab: Lab) {
    bury(&lab, "dead", "no").await;
    lab.run(job("cancelled"), Outcome::Cancel { reason: "no".into() }).await;
    lab.run(job("completed"), Outcome::Complete).await;
    lab.put(job("quarantined")).await;
    lab.take_one().await;
    lab.advance(LEASE);
    lab.store.rescue(1, 500).await.unwrap();
    lab.put(job("running")).await;
    lab.take_one().await;
    lab.put(job("scheduled").at(lab.now().plus(ms(5)))).await;
    assert_eq!(lab.store.replay(&all(10)).await.unwrap(), 3);
    for (name, state) in [
        ("dead", JobState::Available),
        ("cancelled", JobState::Available),
        ("quarantined", JobState::Available),
        ("completed", JobState::Completed),
        ("running", JobState::Running),
        ("scheduled", JobState::Scheduled),
    ] {
        assert_eq!(lab.state(name).await, state, "{name}");
    }
}

pub async fn a_replay_takes_only_what_its_filter_names(lab: Lab) {
    bury(&lab, "timeout", "timed out after 5 s").await;
    bury(&lab, "broken", "no such column").await;
    lab.run(job("cancelled"), Outcome::Cancel { reason: "timed out of fashion".into() }).await;
    let filter = JobFilter {
        states: vec![JobState::Discarded, JobState::Completed],
        error_contains: Some("timed out".into()),
        ..JobFilter::default()
    };
    assert_eq!(lab.store.replay(&Replay { filter, ..all(10) }).await.unwrap(), 1);
    assert_eq!(lab.drain().await, ["timeout"]);
}

pub async fn a_replay_may_edit_on_the_way(lab: Lab) {
    bury(&lab, "a", "no").await;
    let edit = Edit {
        payload: Some(br#""fixed""#.to_vec()),
        queue: Some("careful".into()),
        priority: Some(Priority::Critical),
    };
    assert_eq!(lab.store.replay(&Replay { edit, ..all(10) }).await.unwrap(), 1);
    assert!(lab.drain().await.is_empty());
    let claim = crate::Claim { queue: "careful".into(), ..Lab::request(1) };
    let leases = lab.claim(&claim).await.leases;
    assert_eq!(names(&leases), ["fixed"]);
    assert_eq!(leases[0].priority, Priority::Critical);
    assert_eq!(lab.record("a").await.queue, "careful");
}

pub async fn an_edit_that_makes_an_invalid_job_is_refused(lab: Lab) {
    bury(&lab, "a", "no").await;
    let large = Some(vec![b'1'; NewJob::MAX_PAYLOAD_BYTES + 1]);
    for edit in
        [Edit { payload: large, ..Edit::default() }, Edit { queue: Some(String::new()), ..Edit::default() }]
    {
        let answer = lab.store.replay(&Replay { edit, ..all(10) }).await;
        assert!(matches!(answer, Err(StoreError::Invalid(_))));
        assert_eq!(lab.state("a").await, JobState::Discarded);
    }
}

pub async fn a_replay_spreads_jobs_by_its_rate(lab: Lab) {
    for name in ["a", "b", "c", "d", "e"] {
        bury(&lab, name, "no").await;
        lab.advance(ms(1));
    }
    let replay = Replay { per_second: Some(2), ..all(10) };
    assert_eq!(lab.store.replay(&replay).await.unwrap(), 5);
    assert_eq!(lab.drain().await, ["a"]);
    let start = lab.now();
    for (name, due) in [("b", 500), ("c", 1_000), ("d", 1_500), ("e", 2_000)] {
        assert_eq!(lab.record(name).await.due_at, start.plus(ms(due)), "{name}");
    }
    lab.advance(ms(1_000));
    assert_eq!(lab.drain().await, ["b", "c"]);
}

pub async fn a_replay_respects_its_limit_longest_finished_first(lab: Lab) {
    for name in ["b", "a", "c"] {
        bury(&lab, name, "no").await;
        lab.advance(ms(1));
    }
    assert_eq!(lab.store.replay(&all(2)).await.unwrap(), 2);
    assert_eq!(lab.state("c").await, JobState::Discarded);
    assert_eq!(lab.store.replay(&all(2)).await.unwrap(), 1);
    assert_eq!(lab.store.replay(&all(2)).await.unwrap(), 0);
    assert_eq!(lab.drain().await, ["b", "a", "c"]);
}

pub async fn a_replay_of_many_goes_in_pieces_of_at_most_five_hundred(lab: Lab) {
    lab.put_all(jobs("a", 620)).await;
    lab.store.cancel(&JobFilter::default()).await.unwrap();
    lab.store.cancel(&JobFilter::default()).await.unwrap();
    assert_eq!(lab.store.replay(&all(usize::MAX)).await.unwrap(), 500);
    assert_eq!(lab.store.replay(&all(usize::MAX)).await.unwrap(), 120);
}

pub async fn a_replay_without_matches_changes_nothing(lab: Lab) {
    bury(&lab, "a", "no").await;
    assert_eq!(lab.store.replay(&Replay { filter: only("b"), ..all(10) }).await.unwrap(), 0);
    assert_eq!(lab.store.replay(&all(0)).await.unwrap(), 0);
    assert_eq!(lab.state("a").await, JobState::Discarded);
}
