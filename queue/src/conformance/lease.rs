//! Holding a job.

use super::lab::{ALMOST_LEASE, LEASE, Lab, id, job, jobs, ms, only, snooze, worker};
use crate::{Claim, Fence, JobState, LeaseKey, Outcome, Renewal, Settled, StoreError};
use std::collections::HashSet;
use std::time::Duration;

pub async fn a_lease_shows_what_the_job_is(lab: Lab) {
    lab.put(job("a")).await;
    lab.advance(ms(7));
    let lease = lab.take_one().await;
    let record = lab.record("a").await;
    assert_eq!((lease.job, lease.kind, lease.version), (record.id, record.kind, record.version));
    assert_eq!((lease.queue, lease.priority, lease.payload), (record.queue, record.priority, record.payload));
    assert_eq!((lease.attempt, lease.crashes, lease.group), (1, 0, None));
    assert_eq!((lease.enqueued_at, lease.due_at), (record.enqueued_at, record.due_at));
    assert_eq!(lease.deadline, lab.now().plus(LEASE));
    assert_eq!((record.state, record.fence), (JobState::Running, lease.fence));
    assert_eq!((record.worker, record.started_at), (Some(worker("w")), Some(lab.now())));
}

pub async fn a_claimed_job_is_not_claimed_twice(lab: Lab) {
    lab.put_all(jobs("a", 10)).await;
    let mut seen = HashSet::new();
    for _ in 0..10 {
        for lease in lab.take(3).await {
            assert!(seen.insert(lease.job));
        }
    }
    assert_eq!(seen.len(), 10);
}

pub async fn concurrent_claims_share_the_jobs_without_overlap(lab: Lab) {
    lab.put_all(jobs("a", 200)).await;
    let claim = Lab::request(13);
    let claims = (0..20).map(|_| lab.store.claim(&claim));
    let mut seen = HashSet::new();
    for claimed in futures::future::join_all(claims).await {
        for lease in claimed.unwrap().leases {
            assert!(seen.insert(lease.job), "claimed twice");
        }
    }
    assert_eq!(seen.len(), 200);
}

pub async fn a_claim_gives_at_most_what_was_asked_for(lab: Lab) {
    lab.put_all(jobs("a", 10)).await;
    assert!(lab.take(0).await.is_empty());
    assert_eq!(lab.take(4).await.len(), 4);
    assert_eq!(lab.take(400).await.len(), 6);
}

pub async fn a_claim_above_the_maximum_is_capped(lab: Lab) {
    lab.put_all(jobs("a", Claim::MAX + 50)).await;
    assert_eq!(lab.take(usize::MAX).await.len(), Claim::MAX);
    assert_eq!(lab.take(usize::MAX).await.len(), 50);
}

pub async fn a_worker_that_has_not_checked_in_is_refused(lab: Lab) {
    lab.put(job("a")).await;
    let claim = Claim { worker: worker("stranger"), ..Lab::request(1) };
    assert!(matches!(lab.store.claim(&claim).await, Err(StoreError::Invalid(_))));
    assert_eq!(lab.state("a").await, JobState::Available);
}

pub async fn the_fence_grows_with_every_lease(lab: Lab) {
    lab.put(job("a")).await;
    let mut last = Fence(0);
    for _ in 0..5 {
        let lease = lab.take_one().await;
        assert!(lease.fence > last, "{:?} after {last:?}", lease.fence);
        last = lease.fence;
        lab.end(&lease, snooze(0)).await;
    }
}

pub async fn a_renewal_moves_the_end_of_the_lease(lab: Lab) {
    lab.put(job("a")).await;
    let lease = lab.take_one().await;
    lab.advance(ALMOST_LEASE);
    assert_eq!(lab.store.renew(&[lease.key()], LEASE).await.unwrap(), [Renewal::Renewed]);
    lab.advance(ALMOST_LEASE);
    assert!(lab.store.rescue(3, 500).await.unwrap().available.is_empty());
    lab.advance(ms(1));
    assert_eq!(lab.store.rescue(3, 500).await.unwrap().available, [id("a")]);
}

pub async fn renewals_answer_each_lease_in_order(lab: Lab) {
    lab.put_all(jobs("a", 3)).await;
    let leases = lab.take(3).await;
    lab.complete(&leases[0]).await;
    lab.store.cancel(&only("a-1")).await.unwrap();
    let keys: Vec<LeaseKey> = leases.iter().map(crate::Lease::key).collect();
    let answers = lab.store.renew(&keys, LEASE).await.unwrap();
    assert_eq!(answers, [Renewal::Lost, Renewal::CancelRequested, Renewal::Renewed]);
}

pub async fn a_lease_nobody_ever_had_cannot_be_renewed(lab: Lab) {
    lab.put(job("a")).await;
    let lease = lab.take_one().await;
    let forged = [
        LeaseKey { job: id("nobody"), fence: lease.fence },
        LeaseKey { job: lease.job, fence: Fence(lease.fence.0 + 1) },
        LeaseKey { job: lease.job, fence: Fence(lease.fence.0 - 1) },
        LeaseKey { job: lease.job, fence: Fence(u64::MAX) },
    ];
    assert_eq!(lab.store.renew(&forged, LEASE).await.unwrap(), [Renewal::Lost; 4]);
    assert!(lab.store.renew(&[], LEASE).await.unwrap().is_empty());
}

pub async fn a_lost_lease_cannot_be_renewed_or_settled(lab: Lab) {
    lab.put(job("a")).await;
    let lost = lab.take_one().await;
    lab.advance(LEASE);
    lab.store.rescue(3, 500).await.unwrap();
    assert_eq!(lab.store.renew(&[lost.key()], LEASE).await.unwrap(), [Renewal::Lost]);
    assert_eq!(lab.settle(&lost, Outcome::Complete).await, Settled::LeaseLost);
    let held = lab.take_one().await;
    assert_eq!(lab.settle(&lost, Outcome::Complete).await, Settled::LeaseLost);
    assert_eq!(lab.state("a").await, JobState::Running);
    lab.complete(&held).await;
}

pub async fn an_ended_lease_that_nobody_took_back_still_counts(lab: Lab) {
    lab.put_all(jobs("a", 2)).await;
    let leases = lab.take(2).await;
    lab.advance(LEASE + Duration::from_secs(1));
    assert_eq!(lab.store.renew(&[leases[0].key()], LEASE).await.unwrap(), [Renewal::Renewed]);
    lab.complete(&leases[1]).await;
}
