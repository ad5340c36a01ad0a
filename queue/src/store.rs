//! The contract of queue storage.

use crate::{
    Claim, Claimed, Enqueued, Examined, Fence, GroupId, GroupStatus, Job, JobFilter, JobId, JobRecord,
    KeyLimits, LeaseKey, Locks, NewGroup, NewJob, Page, QueueStatus, Released, Renewal, Replay, Settled,
    Settlement, StoreError, Timestamp, WorkerId, WorkerInfo, WorkerStatus,
};
use async_trait::async_trait;
use std::{fmt, future::Future, time::Duration};
use tokio::sync::watch;

/// What a store can do beyond the contract; asked at start and shown to operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent yes-or-no questions")]
pub struct Capabilities {
    /// Several processes may use it at once.
    pub shared: bool,
    /// Survives the end of the process.
    pub durable: bool,
    /// A dead process is noticed at once (connection or file lock), not only when its leases end.
    pub notices_death: bool,
    /// Shares a queue fairly between [`NewJob::fairness_key`]s ([`crate::order::fair`]) and keeps [`KeyLimits`].
    pub fair: bool,
    /// Every job can be looked up, listed and cancelled from `enqueue` until it is pruned. Without it, that goes for
    /// jobs that failed or asked for more than to run once; plain ones are only counted while they wait, cannot be
    /// cancelled then, and leave nothing behind when they are done.
    pub lists_every_job: bool,
}

/// Storage of jobs. Object-safe; every call takes and returns many, is safe to repeat after an error, and has
/// happened completely or not at all (per job where results are per job). Cancelling a call leaves it done or undone.
///
/// Promises: nothing is lost once `enqueue` returned; a job is in at most one unexpired lease; a settlement under a
/// lost lease changes nothing; FIFO inside a priority and fairness key; never early.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug + 'static {
    /// Name of the implementation, for messages.
    fn name(&self) -> &'static str;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Changes whenever there may be something new to claim (enqueued, promoted, handed back, resumed, rescued, a
    /// slot of a limited key freed, limits changed), also from other processes. May change without cause; the number has no meaning. Subscribe first, then claim.
    fn wake_ups(&self) -> watch::Receiver<u64>;

    // ---- producers

    /// Stores jobs, in this order. Any number; the store chunks, so an error may leave a prefix stored: repeat the
    /// call with the same ids. [`StoreError::Invalid`] (see [`NewJob::validate`]; a group never opened) is found before
    /// the first is stored.
    async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, StoreError>;

    /// Opens a group with its first members in one transaction. Opening an id twice changes nothing.
    /// [`StoreError::Invalid`] when the parent was never opened or is done.
    async fn open_group(&self, group: NewGroup) -> Result<(), StoreError>;

    /// Declares that no member comes from outside any more. Sealing twice, or a group never opened, changes nothing.
    async fn seal_group(&self, group: GroupId) -> Result<(), StoreError>;

    /// Enqueues the jobs of one cron slot unless `slot` or a later one of `entry` was fired before; one transaction.
    /// Returns whether it fired. No jobs: only moves the cursor.
    async fn fire(&self, entry: &str, slot: Timestamp, jobs: Vec<NewJob>) -> Result<bool, StoreError>;

    /// The last slot fired of each cron entry.
    async fn last_fired(&self) -> Result<Vec<(String, Timestamp)>, StoreError>;

    // ---- workers

    /// Introduces a worker, later says that it lives. Revives one that was found dead or checked out.
    async fn check_in(&self, worker: &WorkerInfo) -> Result<(), StoreError>;

    /// Says goodbye; leases it still holds are rescued at the next look, not counted as a crash.
    async fn check_out(&self, worker: &WorkerId) -> Result<(), StoreError>;

    /// Leases jobs that are due, at most `claim.max`, in the order of [`crate::order`], within the limits of
    /// [`Store::set_limits`]. Promotes due work of its queue on the way, earliest first (at most 500 jobs). Never gives
    /// an expired job; may cancel those it meets. Looks at a bounded number of jobs for each key that has some, however
    /// many wait behind a limit.
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError>;

    /// Applies outcomes; results in the same order.
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, StoreError>;

    /// [`Store::settle`], then [`Store::claim`], in one round trip where the store can.
    async fn turn(
        &self,
        settlements: Vec<Settlement>,
        claim: &Claim,
    ) -> Result<(Vec<Settled>, Claimed), StoreError> {
        let settled = if settlements.is_empty() { Vec::new() } else { self.settle(settlements).await? };
        Ok((settled, self.claim(claim).await?))
    }

    /// Holds leases for another `lease_for` from now; results in the same order. A lease that has ended but was not
    /// taken back yet is held on, too.
    async fn renew(&self, leases: &[LeaseKey], lease_for: Duration) -> Result<Vec<Renewal>, StoreError>;

    // ---- maintenance: each call does a bounded piece (at most `limit`, at most 500)

    /// Makes due jobs available and cancels expired ones, of every queue, `limit` in all.
    async fn promote(&self, limit: usize) -> Result<Promoted, StoreError>;

    /// Takes jobs back from dead workers and ended leases, by [`crate::life::Running::rescued`]: available again in the
    /// old place with one crash more (none when the worker checked out), quarantined at `max_crashes`. The jobs
    /// of one call are taken back in order of arrival.
    async fn rescue(&self, max_crashes: u32, limit: usize) -> Result<Rescued, StoreError>;

    /// Deletes finished jobs beyond the retention, oldest first; also groups done longer than `max_age` ago that have
    /// no jobs left.
    async fn prune(&self, retention: &Retention, limit: usize) -> Result<Pruned, StoreError>;

    /// Takes or keeps the leadership of `role` for `ttl` from now; at most one holder at a time. The token stays while
    /// it is kept and grows with every new term (also of the same holder after `ttl` ran out).
    async fn lead(&self, role: &str, who: &WorkerId, ttl: Duration) -> Result<Leadership, StoreError>;

    /// Gives up the leadership of `role`, if held.
    async fn resign(&self, role: &str, who: &WorkerId) -> Result<(), StoreError>;

    /// Takes in jobs that lived elsewhere until now, as they are: place, attempts, crashes, fence. At most
    /// [`crate::MAX_ADOPTED`]; available, or running under a lease of `lease_for` from now (whose settlement and renewal
    /// are this store's business from then on). A running one whose worker is not known here is available again, with one
    /// crash more. Fences given out later are greater than all adopted ones. An id that is there stays as it is
    /// ([`Enqueued::Existing`]), so a call may be repeated. [`StoreError::Invalid`] for a group, a key, an end, another
    /// state or a fence of a running job that is none of [`crate::outside_fence`], and from stores that adopt nothing (what
    /// this default says).
    async fn adopt(&self, jobs: Vec<JobRecord>, lease_for: Duration) -> Result<Vec<Enqueued>, StoreError> {
        let _ = (jobs, lease_for);
        Err(StoreError::Invalid(format!("{} adopts no jobs", self.name())))
    }

    // ---- operators

    /// One job.
    async fn job(&self, id: JobId) -> Result<Option<JobRecord>, StoreError>;

    /// Jobs that match, last stored first.
    async fn jobs(&self, filter: &JobFilter, page: Page) -> Result<Vec<JobRecord>, StoreError>;

    /// Every queue that has or had jobs or was paused or limited, by name.
    async fn queues(&self) -> Result<Vec<QueueStatus>, StoreError>;

    /// One group.
    async fn group(&self, id: GroupId) -> Result<Option<GroupStatus>, StoreError>;

    /// Groups, last opened first.
    async fn groups(&self, page: Page) -> Result<Vec<GroupStatus>, StoreError>;

    /// Workers that have checked in, not out, and were not found dead, by id.
    async fn workers(&self) -> Result<Vec<WorkerStatus>, StoreError>;

    /// Cancels waiting jobs at once and asks the workers of running ones to stop; at most 500 a call. Returns how many,
    /// not counting those asked before: repeat until less than 500.
    async fn cancel(&self, filter: &JobFilter) -> Result<u64, StoreError>;

    /// Runs dead, quarantined or cancelled jobs again, longest finished first: attempts and crashes from zero, last
    /// error, start and expiry forgotten. A job whose unique key another job holds is left alone. Returns how many.
    /// [`StoreError::Invalid`] when the edit makes an invalid job.
    async fn replay(&self, replay: &Replay) -> Result<u64, StoreError>;

    /// Claims find nothing in `queue` until it is resumed; running jobs go on.
    async fn pause(&self, queue: &str) -> Result<(), StoreError>;

    /// Ends a pause. A queue nobody paused or used stays unknown.
    async fn resume(&self, queue: &str) -> Result<(), StoreError>;

    /// Limits each fairness key of `queue` from now on; what runs goes on. [`KeyLimits::NONE`] lifts all limits (and a
    /// queue nobody paused, limited or used stays unknown). The same limits again change nothing; with another rate,
    /// every key has its full burst again. [`StoreError::Invalid`] when they cannot be kept: see
    /// [`KeyLimits::validate`], or because the store is not [`Capabilities::fair`] (what this default says).
    async fn set_limits(&self, queue: &str, limits: KeyLimits) -> Result<(), StoreError> {
        let _ = limits;
        Err(StoreError::Invalid(format!("queue {queue}: {} keeps no limits of fairness keys", self.name())))
    }

    /// Checks what is stored against itself, every index against the jobs and the other way round, in steps of at most
    /// 500 entries, so that work goes on meanwhile. With `repair`, heals what can be healed without a doubt; running it
    /// twice is harmless, cancelling it leaves the rest for the next time. This default is for stores that check
    /// nothing of theirs: [`Examined::parts`] is empty.
    async fn examine(&self, repair: bool) -> Result<Examined, StoreError> {
        let _ = repair;
        Ok(Examined::default())
    }

    /// Who holds which unique key and which role: those whose kind, key or role contains `text`, at most 500 keys, by
    /// kind and key. [`StoreError::Invalid`] from stores that cannot list them (what this default says).
    async fn locks(&self, text: &str) -> Result<Locks, StoreError> {
        let _ = text;
        Err(StoreError::Invalid(format!("{} cannot list its unique keys", self.name())))
    }

    /// Takes a unique key from its holder, which stays as it is. A key whose holder waits or runs is left alone unless
    /// `force`: the next request would be stored beside the holder. Twice is as good as once. [`StoreError::Invalid`] as
    /// for [`Store::locks`].
    async fn release_key(&self, kind: &str, key: &str, force: bool) -> Result<Released, StoreError> {
        let _ = (kind, key, force);
        Err(StoreError::Invalid(format!("{} cannot release unique keys by hand", self.name())))
    }
}

/// What [`Store::promote`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Promoted {
    /// Jobs made available.
    pub available: usize,
    /// Jobs cancelled because they expired.
    pub expired: usize,
    /// When the next job is due; `None` when none waits. In the past when the call hit its limit.
    pub next_due: Option<Timestamp>,
}

/// What [`Store::rescue`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rescued {
    /// Jobs made available again.
    pub available: Vec<JobId>,
    /// Jobs quarantined.
    pub quarantined: Vec<JobId>,
    /// Workers found dead.
    pub dead_workers: Vec<WorkerId>,
}

/// How long and how much of what is finished is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Completed and cancelled jobs: at most this old. Default 1 day.
    pub max_age: Duration,
    /// Completed and cancelled jobs: at most this many bytes of payload and error. Default 64 MiB.
    pub max_bytes: u64,
    /// Dead and quarantined jobs: at most this old. Default 30 days.
    pub dead_max_age: Duration,
    /// Dead and quarantined jobs: at most this many bytes. Default 64 MiB.
    pub dead_max_bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            max_age: Duration::from_hours(24),
            max_bytes: 64 << 20,
            dead_max_age: Duration::from_hours(24 * 30),
            dead_max_bytes: 64 << 20,
        }
    }
}

/// What [`Store::prune`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Jobs deleted.
    pub jobs: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Whether there is more to do at once.
    pub more: bool,
}

/// Who leads a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// The caller, under this token, until the time to live is over.
    Leader(Fence),
    /// Somebody else, until this moment unless they keep it.
    Follower {
        /// Who.
        leader: WorkerId,
        /// Until when.
        until: Timestamp,
    },
}

/// Typed conveniences over [`Store`]; nothing here is implemented by a store.
pub trait StoreExt: Store {
    /// Enqueues one payload with its kind's defaults.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when the payload does not serialize; else as [`Store::enqueue`].
    fn push<J: Job>(&self, payload: &J) -> impl Future<Output = Result<Enqueued, StoreError>> + Send {
        let job =
            NewJob::of(payload).map_err(|error| StoreError::Invalid(format!("{} payload: {error}", J::KIND)));
        async move {
            let enqueued = self.enqueue(vec![job?]).await?;
            enqueued.first().copied().ok_or_else(|| StoreError::Invalid("the store answered nothing".into()))
        }
    }
}

impl<S: Store + ?Sized> StoreExt for S {}
