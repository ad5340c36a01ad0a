//! Many at once.

use super::lab::{Lab, discard, jobs, retry};
use crate::{Claim, JobState, Outcome, Settled, Settlement};
use std::collections::HashSet;

pub async fn five_thousand_jobs_in_one_call_all_arrive_in_order(lab: Lab) {
    lab.put_all(jobs("a", 5_000)).await;
    let mut seen = Vec::new();
    loop {
        let leases = lab.take(Claim::MAX).await;
        if leases.is_empty() {
            break;
        }
        let settlements =
            leases.iter().map(|lease| Settlement::new(lease.key(), Outcome::Complete)).collect();
        assert!(lab.store.settle(settlements).await.unwrap().into_iter().all(|one| one == Settled::Applied));
        seen.extend(super::lab::names(&leases));
    }
    let expected: Vec<String> = (0..5_000).map(|index| format!("a-{index}")).collect();
    assert_eq!(seen, expected);
    let counts = &lab.store.queues().await.unwrap()[0].counts;
    assert_eq!(counts.iter().collect::<Vec<_>>(), [(&JobState::Completed, &5_000)]);
}

pub async fn nothing_is_lost_whatever_the_outcomes(lab: Lab) {
    lab.put_all(jobs("a", 1_000)).await;
    let mut ended = HashSet::new();
    let mut round = 0_usize;
    while ended.len() < 1_000 {
        let leases = lab.take(137).await;
        assert!(!leases.is_empty(), "{} jobs are lost", 1_000 - ended.len());
        let mut settlements = Vec::new();
        for lease in &leases {
            round += 1;
            let outcome = match round % 7 {
                0 => retry(0),
                1 => Outcome::HandBack,
                2 => super::lab::snooze(0),
                3 => discard(),
                _ => Outcome::Complete,
            };
            if matches!(outcome, Outcome::Complete | Outcome::Discard { .. }) {
                assert!(ended.insert(lease.job), "ended twice");
            }
            settlements.push(Settlement::new(lease.key(), outcome));
        }
        assert!(lab.store.settle(settlements).await.unwrap().into_iter().all(|one| one == Settled::Applied));
    }
    assert!(lab.drain().await.is_empty());
}

pub async fn producers_and_workers_at_the_same_time_lose_and_double_nothing(lab: Lab) {
    let produce = async {
        for call in 0..20 {
            lab.put_all(jobs(&format!("p-{call}"), 25)).await;
            tokio::task::yield_now().await;
        }
    };
    let work = async || {
        let mut done = Vec::new();
        let mut idle = 0;
        while idle < 200 {
            let leases = lab.take(10).await;
            idle = if leases.is_empty() { idle + 1 } else { 0 };
            for lease in leases {
                lab.complete(&lease).await;
                done.push(lease.job);
            }
            tokio::task::yield_now().await;
        }
        done
    };
    let ((), mine, yours) = futures::join!(produce, work(), work());
    let mut done: Vec<_> = mine.into_iter().chain(yours).collect();
    for lease in lab.take(Claim::MAX).await {
        done.push(lease.job);
    }
    assert_eq!(done.len(), 500);
    assert_eq!(done.into_iter().collect::<HashSet<_>>().len(), 500);
}

pub async fn two_thousand_members_end_their_group_once(lab: Lab) {
    let follow_up = Some(super::lab::job("after"));
    lab.open(crate::NewGroup { follow_up, ..super::lab::group("g", jobs("a", 2_000)) }).await;
    for _ in 0..4 {
        let leases = lab.take(Claim::MAX).await;
        assert_eq!(leases.len(), Claim::MAX);
        let settlements = leases.iter().map(|lease| Settlement {
            tally: vec![("rows".into(), 2)],
            ..Settlement::new(lease.key(), Outcome::Complete)
        });
        lab.store.settle(settlements.collect()).await.unwrap();
    }
    let status = lab.group("g").await;
    assert_eq!((status.completed, status.pending, status.done_at), (2_000, 0, Some(lab.now())));
    assert_eq!(status.counters.get("rows"), Some(&4_000));
    assert_eq!(lab.drain().await, ["after"]);
}
