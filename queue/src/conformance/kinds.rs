//! Kinds and versions a worker does not know.

use super::lab::{KIND, Lab, job, jobs, names};
use crate::{Claim, JobState, KindRange, NewJob, Priority};

fn of_kind(kind: &str, version: u16, name: &str) -> NewJob {
    NewJob { kind: kind.into(), version, ..job(name) }
}

fn knowing(kinds: &[(&str, u16)]) -> Claim {
    let kinds =
        kinds.iter().map(|(kind, max_version)| KindRange { kind: (*kind).into(), max_version: *max_version });
    Claim { kinds: kinds.collect(), ..Lab::request(10) }
}

pub async fn an_unknown_kind_is_left_alone_and_visible(lab: Lab) {
    lab.put(of_kind("strange", 1, "a")).await;
    lab.put(job("b")).await;
    assert_eq!(lab.drain().await, ["b"]);
    let record = lab.record("a").await;
    assert_eq!((record.state, record.errors, record.fence.0), (JobState::Available, 0, 0));
    let queues = lab.store.queues().await.unwrap();
    assert_eq!(queues[0].counts.get(&JobState::Available), Some(&1));
    assert_eq!(names(&lab.claim(&knowing(&[("strange", 1)])).await.leases), ["a"]);
}

pub async fn a_newer_version_waits_for_a_newer_worker(lab: Lab) {
    for version in [1, 2, 3] {
        lab.put(of_kind(KIND, version, &format!("v{version}"))).await;
    }
    assert_eq!(names(&lab.claim(&knowing(&[(KIND, 2)])).await.leases), ["v1", "v2"]);
    assert_eq!(lab.state("v3").await, JobState::Available);
    assert_eq!(names(&lab.claim(&knowing(&[(KIND, 3)])).await.leases), ["v3"]);
}

pub async fn a_worker_of_no_kinds_gets_nothing(lab: Lab) {
    lab.put(job("a")).await;
    assert!(lab.claim(&knowing(&[])).await.leases.is_empty());
}

pub async fn known_kinds_share_one_line(lab: Lab) {
    for (index, kind) in ["x", "y", "x", "z", "y"].into_iter().enumerate() {
        lab.put(of_kind(kind, 1, &format!("{index}{kind}"))).await;
    }
    let leases = lab.claim(&knowing(&[("y", 9), ("x", 1), ("unused", 1)])).await.leases;
    assert_eq!(names(&leases), ["0x", "1y", "2x", "4y"]);
}

pub async fn many_unknown_jobs_in_front_do_not_hide_the_known(lab: Lab) {
    let strange = jobs("strange", 3_000).into_iter();
    let strange = strange.map(|job| NewJob { kind: "strange".into(), priority: Priority::Critical, ..job });
    lab.put_all(strange.collect()).await;
    lab.put(job("known")).await;
    assert_eq!(lab.drain().await, ["known"]);
}

pub async fn a_version_of_zero_is_known_to_all(lab: Lab) {
    lab.put(of_kind(KIND, 0, "v0")).await;
    assert_eq!(lab.drain().await, ["v0"]);
}
