//! What the behaviours share: short words for long calls.

use super::Bed;
use crate::{
    Claim, Claimed, Clock, Enqueued, GroupId, GroupStatus, JobFilter, JobId, JobRecord, JobState, KindRange,
    Lease, ManualClock, NewGroup, NewJob, Outcome, Page, Priority, PriorityOrder, Settled, Settlement, Store,
    Timestamp, WorkerId, WorkerInfo,
};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// When every clock starts.
pub const START: Timestamp = Timestamp(1_700_000_000_000);
/// How long leases are, unless a behaviour says otherwise.
pub const LEASE: Duration = Duration::from_secs(30);
/// A millisecond less than a lease.
pub const ALMOST_LEASE: Duration = Duration::from_millis(29_999);
/// How long workers may be silent, unless a behaviour says otherwise.
pub const PATIENCE: Duration = Duration::from_hours(10_000);
/// The kind of job used throughout.
pub const KIND: &str = "work";
/// The queue used throughout.
pub const QUEUE: &str = "default";

/// A job called `name`: the id and the payload follow from the name.
pub fn job(name: &str) -> NewJob {
    NewJob {
        id: id(name),
        kind: KIND.to_owned(),
        version: 1,
        queue: QUEUE.to_owned(),
        priority: Priority::Normal,
        payload: format!("{name:?}").into_bytes(),
        run_at: None,
        expires_at: None,
        unique: None,
        group: None,
        fairness_key: None,
    }
}

/// `count` jobs called `prefix-0`, `prefix-1`, …
pub fn jobs(prefix: &str, count: usize) -> Vec<NewJob> {
    (0..count).map(|index| job(&format!("{prefix}-{index}"))).collect()
}

/// The id of the job called `name`.
///
/// A name with a number, "a-7", gets an id as producers make them: of version 7, ascending with the number; the moment in it
/// follows from the name, so that those of other names come before and behind in no order. Others get one of version 5.
pub fn id(name: &str) -> JobId {
    let named = JobId::named(Uuid::nil(), name.trim_end_matches(|c: char| c.is_ascii_digit()));
    match name.rsplit_once('-').and_then(|(_, number)| number.parse::<u64>().ok()) {
        Some(number) => {
            let moment = u64::from_be_bytes(*named.0.as_bytes().first_chunk().unwrap()) >> 20;
            let mut random = [0; 10];
            random[2..].copy_from_slice(&number.to_be_bytes());
            JobId(uuid::Builder::from_unix_timestamp_millis(moment, &random).into_uuid())
        }
        None => JobId::named(Uuid::nil(), name),
    }
}

/// The id of the group called `name`.
pub fn group_id(name: &str) -> GroupId {
    GroupId::named(Uuid::nil(), name)
}

/// A sealed group called `name` of `jobs`.
pub fn group(name: &str, jobs: Vec<NewJob>) -> NewGroup {
    NewGroup { id: group_id(name), name: name.to_owned(), parent: None, follow_up: None, jobs, sealed: true }
}

/// A retry after `millis`.
pub fn retry(millis: u64) -> Outcome {
    Outcome::Retry { delay: ms(millis), error: "it failed".to_owned() }
}

/// A snooze of `millis`.
pub fn snooze(millis: u64) -> Outcome {
    Outcome::Snooze { delay: ms(millis) }
}

/// An error that does not pass.
pub fn discard() -> Outcome {
    Outcome::Discard { error: "it will never work".to_owned() }
}

/// Milliseconds.
pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Names of leased jobs, in order.
pub fn names(leases: &[Lease]) -> Vec<String> {
    leases.iter().map(|lease| String::from_utf8_lossy(&lease.payload).trim_matches('"').to_owned()).collect()
}

/// The filter for one job.
pub fn only(name: &str) -> JobFilter {
    JobFilter { ids: vec![id(name)], ..JobFilter::default() }
}

/// The identity of the worker called `name`.
pub fn worker(name: &str) -> WorkerId {
    WorkerId(name.to_owned())
}

/// An introduction of the worker called `name`.
pub fn info(name: &str, patience: Duration) -> WorkerInfo {
    let kinds = vec![KindRange { kind: KIND.to_owned(), max_version: 1 }];
    WorkerInfo { id: worker(name), host: "lab".to_owned(), pid: 7, kinds, patience }
}

/// One store under test, with a worker "w" that has checked in.
pub struct Lab {
    bed: Box<dyn Bed>,
    /// The store.
    pub store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
}

impl Lab {
    /// Sets up.
    pub async fn new(bed: impl Bed) -> Self {
        let lab = Self { store: bed.store(), clock: bed.clock(), bed: Box::new(bed) };
        lab.check_in("w").await;
        lab
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Introduces a worker.
    pub async fn check_in(&self, name: &str) {
        self.store.check_in(&info(name, PATIENCE)).await.unwrap();
    }

    /// Ends a worker's process without a goodbye.
    pub async fn kill(&self, name: &str) {
        self.bed.kill(&worker(name)).await;
    }

    /// Closes and opens the store.
    pub async fn reopen(&mut self) {
        self.store = self.bed.reopen().await;
    }

    /// Another handle on the same data.
    pub async fn another(&self) -> Arc<dyn Store> {
        self.bed.another().await
    }

    /// Stores one job.
    pub async fn put(&self, job: NewJob) -> Enqueued {
        self.store.enqueue(vec![job]).await.unwrap()[0]
    }

    /// Stores many jobs.
    pub async fn put_all(&self, jobs: Vec<NewJob>) -> Vec<Enqueued> {
        self.store.enqueue(jobs).await.unwrap()
    }

    /// Opens a group.
    pub async fn open(&self, group: NewGroup) {
        self.store.open_group(group).await.unwrap();
    }

    /// A request of worker "w" for at most `max` jobs, in strict order without aging.
    pub fn request(max: usize) -> Claim {
        Claim {
            worker: worker("w"),
            queue: QUEUE.to_owned(),
            kinds: vec![KindRange { kind: KIND.to_owned(), max_version: 1 }],
            max,
            lease_for: LEASE,
            order: PriorityOrder::Strict { aging: Duration::ZERO },
            draw: 0,
        }
    }

    /// Claims.
    pub async fn claim(&self, claim: &Claim) -> Claimed {
        self.store.claim(claim).await.unwrap()
    }

    /// Leases at most `max` jobs to worker "w".
    pub async fn take(&self, max: usize) -> Vec<Lease> {
        self.claim(&Self::request(max)).await.leases
    }

    /// Leases the next job to worker "w"; there must be one.
    pub async fn take_one(&self) -> Lease {
        self.take(1).await.pop().expect("there is a job to claim")
    }

    /// Leases the next job to another worker; there must be one.
    pub async fn take_one_as(&self, name: &str) -> Lease {
        let claim = Claim { worker: worker(name), ..Self::request(1) };
        self.claim(&claim).await.leases.pop().expect("there is a job to claim")
    }

    /// Names of everything that can be claimed now, in order; leases it.
    pub async fn drain(&self) -> Vec<String> {
        names(&self.take(Claim::MAX).await)
    }

    /// Settles.
    pub async fn settle(&self, lease: &Lease, outcome: Outcome) -> Settled {
        self.settle_with(Settlement::new(lease.key(), outcome)).await
    }

    /// Settles with everything.
    pub async fn settle_with(&self, settlement: Settlement) -> Settled {
        self.store.settle(vec![settlement]).await.unwrap()[0]
    }

    /// Settles a lease that must hold.
    pub async fn end(&self, lease: &Lease, outcome: Outcome) {
        assert_eq!(self.settle(lease, outcome).await, Settled::Applied);
    }

    /// Completes a lease that must hold.
    pub async fn complete(&self, lease: &Lease) {
        self.end(lease, Outcome::Complete).await;
    }

    /// Stores, leases and ends one job.
    pub async fn run(&self, job: NewJob, outcome: Outcome) {
        let id = job.id;
        self.put(job).await;
        let lease = self.take_one().await;
        assert_eq!(lease.job, id, "another job was in the way");
        self.end(&lease, outcome).await;
    }

    /// Promotes everything that is due.
    pub async fn promote(&self) {
        while self.store.promote(500).await.unwrap().next_due.is_some_and(|due| due <= self.now()) {}
    }

    /// The job called `name`, if it is stored.
    pub async fn find(&self, name: &str) -> Option<JobRecord> {
        self.store.job(id(name)).await.unwrap()
    }

    /// The job called `name`.
    pub async fn record(&self, name: &str) -> JobRecord {
        self.find(name).await.expect("the job is stored")
    }

    /// The state of the job called `name`.
    pub async fn state(&self, name: &str) -> JobState {
        self.record(name).await.state
    }

    /// Names of all jobs, last stored first.
    pub async fn all(&self) -> Vec<JobRecord> {
        self.store.jobs(&JobFilter::default(), Page { offset: 0, limit: 500 }).await.unwrap()
    }

    /// The group called `name`.
    pub async fn group(&self, name: &str) -> GroupStatus {
        self.store.group(group_id(name)).await.unwrap().expect("the group is stored")
    }
}
