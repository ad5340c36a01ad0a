//! Work over a line that loses, doubles and delays any call: what the caller cannot know is put right by repeating.

use super::lab::{LEASE, Lab, group, group_id, id, info, job, jobs, worker};
use crate::{
    Claim, Faults, Faulty, GroupId, JobState, Leadership, NewGroup, Outcome, Retrying, Settlement, Store,
    Timestamp, Unique,
};
use std::sync::Arc;
use std::time::Duration;

/// The store of `lab` behind a line with all faults, used by somebody who repeats.
fn line(lab: &Lab, seed: u64) -> impl Store {
    Retrying::new(Arc::new(Faulty::new(Arc::clone(&lab.store), Faults::ALL, seed)))
}

/// Runs everything to its end; a claim whose answer is lost leaves leases to rescue.
async fn work_off(lab: &Lab, line: &dyn Store, settlement: impl Fn(&crate::Lease) -> Settlement) {
    loop {
        let leases = line.claim(&Claim { lease_for: LEASE, ..Lab::request(7) }).await.unwrap().leases;
        if leases.is_empty() {
            lab.advance(LEASE);
            while !line.rescue(u32::MAX, 50).await.unwrap().available.is_empty() {}
            let left = lab.store.queues().await.unwrap();
            if left.iter().all(|queue| queue.counts.keys().all(|state| state.is_final())) {
                return;
            }
        }
        line.settle(leases.iter().map(&settlement).collect()).await.unwrap();
    }
}

pub async fn what_is_enqueued_over_a_bad_line_is_stored_once(lab: Lab) {
    let line = line(&lab, 1);
    for call in 0..60 {
        let answers = line.enqueue(jobs(&format!("a-{call}"), 5)).await.unwrap();
        for (index, answer) in answers.iter().enumerate() {
            assert_eq!(answer.id(), id(&format!("a-{call}-{index}")));
        }
    }
    assert_eq!(lab.drain().await.len(), 300);
}

pub async fn settlements_over_a_bad_line_count_once(lab: Lab) {
    let line = line(&lab, 2);
    lab.open(group("g", jobs("a", 120))).await;
    work_off(&lab, &line, |lease| Settlement {
        tally: vec![("rows".to_owned(), 1)],
        ..Settlement::new(lease.key(), Outcome::Complete)
    })
    .await;
    let status = lab.group("g").await;
    assert_eq!((status.completed, status.pending, status.failed), (120, 0, 0));
    assert_eq!(status.counters.get("rows"), Some(&120));
}

pub async fn lost_claims_count_as_crashes_and_never_as_errors(lab: Lab) {
    let line = line(&lab, 3);
    lab.put_all(jobs("a", 100)).await;
    work_off(&lab, &line, |lease| Settlement::new(lease.key(), Outcome::Complete)).await;
    let all = lab.all().await;
    assert_eq!(all.len(), 100);
    assert!(all.iter().all(|job| job.state == JobState::Completed && job.errors == 0));
    assert!(all.iter().any(|job| job.crashes > 0), "the line lost no claim: the test shows nothing");
}

pub async fn slots_over_a_bad_line_fire_once(lab: Lab) {
    let line = line(&lab, 4);
    for slot in 0..100 {
        line.fire("nightly", Timestamp(slot), vec![job(&format!("a-{slot}"))]).await.unwrap();
        line.fire("nightly", Timestamp(slot), vec![job(&format!("b-{slot}"))]).await.unwrap();
    }
    let expected: Vec<_> = (0..100).map(|slot| format!("a-{slot}")).collect();
    assert_eq!(lab.drain().await, expected);
}

pub async fn requests_over_a_bad_line_cause_one_further_run(lab: Lab) {
    let line = line(&lab, 5);
    let coalesced = |name: &str| job(name).unique_by(Unique::coalesced("key"));
    lab.put(coalesced("a")).await;
    let lease = lab.take_one().await;
    for index in 0..30 {
        line.enqueue(vec![coalesced(&format!("b-{index}"))]).await.unwrap();
    }
    line.settle(vec![Settlement::new(lease.key(), Outcome::Complete)]).await.unwrap();
    assert_eq!(lab.drain().await, ["b-29"]);
}

pub async fn there_is_one_leader_over_bad_lines(lab: Lab) {
    let (one, two) = (line(&lab, 6), line(&lab, 7));
    let ttl = Duration::from_secs(5);
    for round in 0..50 {
        let who = [worker("a"), worker("b")];
        let (a, b) =
            (one.lead("role", &who[0], ttl).await.unwrap(), two.lead("role", &who[1], ttl).await.unwrap());
        let leaders = [a, b].into_iter().filter(|answer| matches!(answer, Leadership::Leader(_))).count();
        assert_eq!(leaders, 1, "round {round}");
        lab.advance(ttl);
    }
}

/// A nested delivery: each row of each part adds a follow-on, parts end in follow-ups, all end in one report.
pub async fn a_delivery_over_a_bad_line_loses_and_doubles_nothing(lab: Lab) {
    let line = line(&lab, 8);
    line.check_in(&info("w", super::lab::PATIENCE)).await.unwrap();
    let report = Some(job("report"));
    line.open_group(NewGroup { follow_up: report, sealed: false, ..group("delivery", Vec::new()) })
        .await
        .unwrap();
    for part in 0..5 {
        let name = format!("part-{part}");
        let follow_up = Some(job(&format!("after {name}")));
        let parent = Some(group_id("delivery"));
        line.open_group(NewGroup { parent, follow_up, ..group(&name, jobs(&name, 20)) }).await.unwrap();
    }
    line.seal_group(group_id("delivery")).await.unwrap();
    work_off(&lab, &line, one_row).await;
    let status = lab.group("delivery").await;
    assert_eq!((status.total, status.completed, status.open_children), (5, 5, 0));
    for part in 0..5 {
        let status = lab.group(&format!("part-{part}")).await;
        assert_eq!((status.total, status.completed, status.pending), (40, 40, 0));
        assert_eq!(status.counters.get("rows"), Some(&20));
    }
    let reports = lab.store.job(group_id("delivery").follow_up_id()).await.unwrap();
    assert_eq!(reports.map(|job| job.state), Some(JobState::Completed));
    assert_eq!(lab.all().await.len(), 5 * 40 + 5 + 1);
}

/// Completes a row; a row of a part is followed by one image.
fn one_row(lease: &crate::Lease) -> Settlement {
    let done = Settlement::new(lease.key(), Outcome::Complete);
    let payload = String::from_utf8_lossy(&lease.payload).trim_matches('"').to_owned();
    match lease.group {
        Some(part) if part != group_id("delivery") && !payload.starts_with("image") => {
            Settlement { follow_on: vec![image(&payload, part)], tally: vec![("rows".into(), 1)], ..done }
        }
        _ => done,
    }
}

fn image(row: &str, part: GroupId) -> crate::NewJob {
    job(&format!("image of {row}")).in_group(part)
}
