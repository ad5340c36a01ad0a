//! 200 high jobs arrive while ten places work off 20,000 low ones of a millisecond each.

use crate::pickup::lock;
use crate::pool::{self, Noop, Single};
use backstock_queue::{Context, Handler, JobError, One, Priority, Registry};
use backstock_testbed::RedisServer;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;

const LOW: usize = 20_000;
const HIGH: usize = 200;
const PLACES: usize = 10;
/// Low jobs that have run when the high ones arrive.
const BEFORE: usize = 2_000;
const ROUNDS: usize = 5;

#[derive(Clone, Copy, Debug, Default)]
pub struct Priorities {
    /// From the return of the enqueue call until the last high job was done, in milliseconds.
    pub last_high_ms: f64,
    /// Low jobs that started meanwhile.
    pub low_meanwhile: usize,
}

#[derive(Default)]
struct Watch {
    low_started: AtomicUsize,
    high_done: AtomicUsize,
    /// When the last high job was done, and how many low ones had started.
    end: Mutex<Option<(Instant, usize)>>,
    warm: Notify,
    done: Notify,
}

struct Millisecond(Arc<Watch>);
impl Handler for Millisecond {
    type Work = One<Single>;
    async fn handle(&self, job: &mut One<Single>, _: &Context) -> Result<(), JobError> {
        let watch = &self.0;
        let Noop { number, .. } = job.0;
        if number < LOW && watch.low_started.fetch_add(1, Ordering::SeqCst) == BEFORE {
            watch.warm.notify_one();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        if number >= LOW && watch.high_done.fetch_add(1, Ordering::SeqCst) + 1 == HIGH {
            *lock(&watch.end) = Some((Instant::now(), watch.low_started.load(Ordering::SeqCst)));
            watch.done.notify_one();
        }
        Ok(())
    }
}

/// Of [`ROUNDS`] rounds, the median of each figure.
pub async fn measure() -> anyhow::Result<Priorities> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(round().await?);
    }
    rounds.sort_by(|a, b| a.last_high_ms.total_cmp(&b.last_high_ms));
    let last_high_ms = rounds[ROUNDS / 2].last_high_ms;
    rounds.sort_by_key(|round| round.low_meanwhile);
    Ok(Priorities { last_high_ms, low_meanwhile: rounds[ROUNDS / 2].low_meanwhile })
}

async fn round() -> anyhow::Result<Priorities> {
    let server = RedisServer::start()?;
    let store = super::open(&server).await?;
    pool::fill_with::<Single>(&*store, 0..LOW, |job| job.prioritized(Priority::Low)).await?;
    let watch = Arc::new(Watch::default());
    let registry = Registry::default().register(Millisecond(Arc::clone(&watch)));
    let producer = super::open(&server).await?;
    let mut begun = (Instant::now(), 0);
    let mut stored = Ok(());
    let arrive = async {
        watch.warm.notified().await;
        stored =
            pool::fill_with::<Single>(&*producer, LOW..LOW + HIGH, |job| job.prioritized(Priority::High))
                .await;
        begun = (Instant::now(), watch.low_started.load(Ordering::SeqCst));
        watch.done.notified().await;
    };
    pool::work(store, registry, PLACES, arrive).await?;
    stored?;
    let (end, low) = lock(&watch.end).ok_or_else(|| anyhow::anyhow!("the high jobs did not run"))?;
    let last_high_ms = end.saturating_duration_since(begun.0).as_secs_f64() * 1e3;
    Ok(Priorities { last_high_ms, low_meanwhile: low.saturating_sub(begun.1) })
}
