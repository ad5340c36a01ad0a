//! A producer, a worker pool and a server, and the books over what became of every job.

use backstock_queue::{
    Context, Draws, GroupId, Handler, Job, JobError, JobId, JobState, NewGroup, NewJob, One, RedisOptions,
    RedisStore, Registry, RetryPolicy, Store, StoreError,
};
use backstock_worker::{PoolHandle, PoolOptions, PoolReport, WorkerPool};
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;

/// Jobs of one test.
pub const JOBS: usize = 4_000;
const PIECE: usize = 100;

#[derive(Serialize, Deserialize)]
struct Numbered {
    number: usize,
}

impl Job for Numbered {
    const KIND: &'static str = "numbered";
    const RETRY: RetryPolicy = RetryPolicy { max_attempts: 50, ..RetryPolicy::DEFAULT };
}

struct Counts(Arc<Vec<AtomicU32>>);

impl Handler for Counts {
    type Work = One<Numbered>;
    async fn handle(&self, job: &mut One<Numbered>, _: &Context) -> Result<(), JobError> {
        self.0[job.number].fetch_add(1, Ordering::SeqCst);
        job.tally("effects", 1);
        Ok(())
    }
}

/// Opens the queue with timeouts short enough for a test that breaks things.
pub async fn open(port: u16) -> Result<RedisStore, StoreError> {
    let options = RedisOptions {
        connect_timeout: Duration::from_millis(500),
        timeout: Duration::from_millis(500),
        ..RedisOptions::default()
    };
    RedisStore::open(&format!("redis://127.0.0.1:{port}"), options).await
}

/// Calls until it succeeds: a producer that does not give up. Every call may be repeated.
pub async fn insist<T, F>(mut call: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, StoreError>>,
{
    loop {
        match call().await {
            Ok(done) => return done,
            Err(error) => assert!(error.is_transient(), "must pass by itself: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Enqueues the jobs of a group piece by piece, however often the line breaks.
pub async fn produce(store: &dyn Store) -> (GroupId, Vec<JobId>) {
    let id = GroupId::generate();
    let group =
        NewGroup { id, name: "books".into(), parent: None, follow_up: None, jobs: Vec::new(), sealed: false };
    insist(|| store.open_group(group.clone())).await;
    let new = |number| NewJob::of(&Numbered { number }).unwrap().in_group(id);
    let jobs: Vec<_> = (0..JOBS).map(new).collect();
    let ids = jobs.iter().map(|job| job.id).collect();
    for piece in jobs.chunks(PIECE) {
        insist(|| store.enqueue(piece.to_vec())).await;
    }
    insist(|| store.seal_group(id)).await;
    (id, ids)
}

/// A worker pool that counts.
pub struct Workers {
    pub runs: Arc<Vec<AtomicU32>>,
    pub handle: PoolHandle,
    task: JoinHandle<PoolReport>,
}

impl Workers {
    pub fn start(store: Arc<dyn Store>) -> Self {
        let runs: Arc<Vec<AtomicU32>> = Arc::new((0..JOBS).map(|_| AtomicU32::new(0)).collect());
        let registry = Registry::default().register(Counts(Arc::clone(&runs)));
        let options = PoolOptions {
            lease_for: Duration::from_secs(3),
            renew_every: Duration::from_secs(1),
            ..PoolOptions::default()
        };
        let pool = WorkerPool::new(store, registry, options).unwrap();
        Self { runs, handle: pool.handle(), task: tokio::spawn(pool.run_until(std::future::pending())) }
    }

    pub async fn stop(self) -> PoolReport {
        self.handle.stop();
        self.task.await.unwrap()
    }
}

/// Takes back what was lost, as a scheduler does, until the group is done; then checks the books: no job lost, every
/// effect once.
pub async fn balance(store: &dyn Store, group: GroupId, ids: &[JobId], runs: &[AtomicU32]) {
    let finished = async {
        loop {
            insist(|| store.rescue(1_000, 500)).await;
            if insist(|| store.group(group)).await.is_some_and(|group| group.done_at.is_some()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let done = tokio::time::timeout(Duration::from_mins(2), finished).await.is_ok();
    assert!(done, "not done: {:?}", store.group(group).await);
    let group = insist(|| store.group(group)).await.expect("the group is kept");
    assert_eq!((group.total, group.completed), (JOBS as u64, JOBS as u64), "{group:?}");
    assert_eq!(group.counters.get("effects"), Some(&(JOBS as i64)), "every effect once");
    assert!(runs.iter().all(|runs| runs.load(Ordering::SeqCst) > 0), "no job is lost");
    for id in ids.iter().step_by(97) {
        let job = insist(|| store.job(*id)).await;
        assert_eq!(job.map(|job| job.state), Some(JobState::Completed));
    }
}

/// Randomness that a failing test names.
#[expect(clippy::print_stdout, reason = "a test that fails by chance says by which")]
pub fn draws() -> Draws {
    let seed = std::env::var("BACKSTOCK_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(17);
    println!("BACKSTOCK_SEED={seed}");
    Draws::seeded(seed)
}

/// Up to `millis` of work go by. What is awaited is time itself: the fault is meant to come at a random moment.
pub async fn some_time(draws: &Draws, millis: u64) {
    tokio::time::sleep(Duration::from_millis(draws.next() % millis)).await;
}
