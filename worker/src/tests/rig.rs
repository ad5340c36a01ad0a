//! A stage for the tests: jobs that do as they are told, and a pool that runs them.

use super::flaky::Flaky;
use crate::{KeeperHome, PoolHandle, PoolOptions, PoolReport, WorkerPool};
use backstock_queue::{
    Batch, BatchLimits, Clock, Context, Draws, Handler, Item, Job, JobError, JobId, JobRecord, JobState,
    MemoryStore, NewJob, One, Registry, RetryPolicy, Store, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

/// What a job's handler does.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Act {
    Pass,
    Fail,
    Panic,
    Discard,
    /// Takes this many seconds.
    Seconds(u64),
    /// Ends when the gate lets it through.
    Gate,
    /// Never ends.
    Hang,
    /// Ends when asked to stop.
    Polite,
}

/// One job a call.
#[derive(Serialize, Deserialize)]
pub struct Solo(pub Act, pub u32);
/// Another kind of the same queue.
#[derive(Serialize, Deserialize)]
pub struct Other(pub Act, pub u32);
/// Many jobs a call, up to 8.
#[derive(Serialize, Deserialize)]
pub struct Team(pub Act, pub u32);

const QUICK_RETRY: RetryPolicy = RetryPolicy { max_attempts: 3, ..RetryPolicy::DEFAULT };

impl Job for Solo {
    const KIND: &'static str = "solo";
    const TIMEOUT: Duration = Duration::from_mins(3);
    const RETRY: RetryPolicy = QUICK_RETRY;
}
impl Job for Other {
    const KIND: &'static str = "other";
}
impl Job for Team {
    const KIND: &'static str = "team";
    const BATCH: BatchLimits = BatchLimits::up_to(8, Duration::from_mins(1));
    const RETRY: RetryPolicy = QUICK_RETRY;
}

/// What happened on the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Started(u32),
    Ended(u32),
    /// Its future was dropped, or it panicked.
    Dropped(u32),
}

/// Shared by all handlers.
#[derive(Clone)]
pub struct Stage {
    events: mpsc::UnboundedSender<Event>,
    pub gate: Arc<Semaphore>,
}

impl Stage {
    async fn perform(&self, act: Act, name: u32, context: &Context) -> Result<(), JobError> {
        let _ = self.events.send(Event::Started(name));
        let mut tell = TellDrop(self.events.clone(), Some(name));
        let result = match act {
            Act::Pass => Ok(()),
            Act::Fail => Err(JobError::retry("told to fail")),
            Act::Discard => Err(JobError::discard("told to give up")),
            Act::Panic => panic!("told to panic"),
            Act::Seconds(seconds) => {
                sleep(Duration::from_secs(seconds)).await;
                Ok(())
            }
            Act::Gate => {
                self.gate.acquire().await.unwrap().forget();
                Ok(())
            }
            Act::Hang => std::future::pending().await,
            Act::Polite => {
                context.stopping().await;
                Err(JobError::snooze(Duration::ZERO))
            }
        };
        tell.1 = None;
        let _ = self.events.send(Event::Ended(name));
        result
    }
}

struct TellDrop(mpsc::UnboundedSender<Event>, Option<u32>);

impl Drop for TellDrop {
    fn drop(&mut self) {
        if let Some(name) = self.1 {
            let _ = self.0.send(Event::Dropped(name));
        }
    }
}

pub struct SoloHandler(pub Stage);
pub struct OtherHandler(pub Stage);
pub struct TeamHandler(pub Stage);

impl Handler for SoloHandler {
    type Work = One<Solo>;
    async fn handle(&self, job: &mut One<Solo>, context: &Context) -> Result<(), JobError> {
        self.0.perform(job.0, job.1, context).await
    }
}

impl Handler for OtherHandler {
    type Work = One<Other>;
    async fn handle(&self, job: &mut One<Other>, context: &Context) -> Result<(), JobError> {
        self.0.perform(job.0, job.1, context).await
    }
}

impl Handler for TeamHandler {
    type Work = Batch<Team>;
    async fn handle(&self, batch: &mut Batch<Team>, context: &Context) -> Result<(), JobError> {
        for item in batch.iter_mut() {
            match self.0.perform(item.0, item.1, context).await {
                Ok(()) => Item::complete(item),
                Err(error) => Item::fail(item, error),
            }
        }
        Ok(())
    }
}

/// Follows the paused clock of tokio; panics when told to, once, at this many looks from now.
#[derive(Debug)]
pub struct PausedClock {
    began: Instant,
    pub panics_in: AtomicUsize,
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        let count_down = |looks: usize| looks.checked_sub(1);
        let looks = self.panics_in.fetch_update(Ordering::SeqCst, Ordering::SeqCst, count_down);
        assert_ne!(looks, Ok(1), "the clock was told to panic");
        Timestamp(1_000_000).plus(self.began.elapsed())
    }
}

/// Store, handlers, and what happened.
pub struct Rig {
    pub store: Arc<Flaky>,
    pub stage: Stage,
    pub options: PoolOptions,
    pub clock: Arc<PausedClock>,
    events: mpsc::UnboundedReceiver<Event>,
}

/// A pool that runs.
pub struct Run {
    pub handle: PoolHandle,
    pub task: JoinHandle<PoolReport>,
}

impl Run {
    pub async fn stop(self) -> PoolReport {
        self.handle.stop();
        self.ends().await
    }

    /// Waits until it ends by itself.
    pub async fn ends(self) -> PoolReport {
        self.task.await.unwrap()
    }
}

impl Rig {
    /// Two places in the one lane.
    pub fn new() -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let began = Instant::now();
        let clock = || Arc::new(PausedClock { began, panics_in: AtomicUsize::default() });
        let (store_clock, clock) = (clock(), clock());
        let options = PoolOptions {
            keeper: KeeperHome::SameRuntime,
            concurrency: 2,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            draws: Arc::new(Draws::seeded(7)),
            ..PoolOptions::default()
        };
        let store = Arc::new(Flaky::new(Arc::new(MemoryStore::new(store_clock))));
        let stage = Stage { events: sender, gate: Arc::new(Semaphore::new(0)) };
        Self { store, stage, options, clock, events }
    }

    pub async fn enqueue<J: Job>(&self, job: &J) -> JobId {
        self.enqueue_new(NewJob::of(job).unwrap()).await
    }

    pub async fn enqueue_new(&self, job: NewJob) -> JobId {
        self.store.enqueue(vec![job]).await.unwrap()[0].id()
    }

    /// Starts a pool with every handler.
    pub fn run(&self) -> Run {
        let registry = Registry::default()
            .register(SoloHandler(self.stage.clone()))
            .register(OtherHandler(self.stage.clone()))
            .register(TeamHandler(self.stage.clone()));
        self.run_with(registry)
    }

    pub fn run_with(&self, registry: Registry) -> Run {
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let pool = WorkerPool::new(store, registry, self.options.clone()).unwrap();
        let handle = pool.handle();
        Run { handle, task: tokio::spawn(pool.run_until(std::future::pending())) }
    }

    /// What happened next.
    pub async fn event(&mut self) -> Event {
        timeout(Duration::from_hours(1), self.events.recv()).await.expect("nothing happens").unwrap()
    }

    /// What happened and was not asked for yet.
    pub fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    pub async fn record(&self, id: JobId) -> JobRecord {
        self.store.inner.job(id).await.unwrap().expect("the job is lost")
    }

    /// Waits until the job is in this state, an hour at most.
    pub async fn reaches(&self, id: JobId, state: JobState) -> JobRecord {
        let reached = async {
            loop {
                let record = self.record(id).await;
                if record.state == state {
                    return record;
                }
                assert!(!record.state.is_final(), "not {state}: {record:?}");
                sleep(Duration::from_millis(1)).await;
            }
        };
        let reached = timeout(Duration::from_hours(1), reached).await.ok();
        match reached {
            Some(record) => record,
            None => panic!("never {state}: {:?}", self.record(id).await),
        }
    }
}
