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
    /// Low jobs that started meanwhile, while a high one waited.
    pub low_meanwhile: usize,
    /// Low jobs that started when no high one waited any more, beside the last of them.
    pub low_beside_last: usize,
}

#[derive(Default)]
struct Watch {
    low_started: AtomicUsize,
    high_started: AtomicUsize,
    /// How many low jobs had started when the last high one did.
    low_before_last: AtomicUsize,
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
        if number >= LOW && watch.high_started.fetch_add(1, Ordering::SeqCst) + 1 == HIGH {
            watch.low_before_last.store(watch.low_started.load(Ordering::SeqCst), Ordering::SeqCst);
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
    Ok(Priorities {
        last_high_ms: median(rounds.iter().map(|round| round.last_high_ms)),
        low_meanwhile: median(rounds.iter().map(|round| round.low_meanwhile)),
        low_beside_last: median(rounds.iter().map(|round| round.low_beside_last)),
    })
}

fn median<T: PartialOrd + Copy>(figures: impl Iterator<Item = T>) -> T {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    figures[figures.len() / 2]
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
    let before_last = watch.low_before_last.load(Ordering::SeqCst);
    Ok(Priorities {
        last_high_ms,
        low_meanwhile: before_last.saturating_sub(begun.1),
        low_beside_last: low.saturating_sub(before_last.max(begun.1)),
    })
}
