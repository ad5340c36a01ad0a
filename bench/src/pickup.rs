//! From the call that enqueues a job until its handler starts, at 500 jobs a second, one a call.

use crate::{
    percentiles::Percentiles,
    pool::{self, Ledger, Noop},
};
use backstock_queue::{Registry, Store};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::time::MissedTickBehavior;

const SAMPLES: usize = 5_000;
const EVERY: Duration = Duration::from_millis(2);

/// Through `producer` to a pool on `worker`.
pub async fn between(producer: Arc<dyn Store>, worker: Arc<dyn Store>) -> anyhow::Result<Percentiles> {
    let sent: Arc<Vec<Mutex<Option<Instant>>>> = Arc::new((0..SAMPLES).map(|_| Mutex::default()).collect());
    let delays = Arc::new(Mutex::new(Vec::with_capacity(SAMPLES)));
    let ledger = Ledger::new(SAMPLES);
    let handler = {
        let (sent, delays, ledger) = (Arc::clone(&sent), Arc::clone(&delays), Arc::clone(&ledger));
        move |job: &Noop| {
            let sent = lock(&sent[job.number]).take();
            lock(&delays).extend(sent.map(|sent| sent.elapsed().as_secs_f64() * 1e3));
            ledger.mark(job);
        }
    };
    let registry = Registry::default().register(pool::Each(handler));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let work = pool::work(worker, registry, 16, async {
        let _ = stopped.await;
    });
    let (ended, arrived) = tokio::join!(work, async {
        let arrived = send(&*producer, &sent).await;
        if arrived.is_ok() {
            ledger.complete().await;
        }
        drop(stop);
        arrived
    });
    ended.and(arrived)?;
    Ok(Percentiles::of(std::mem::take(&mut *lock(&delays))))
}

async fn send(producer: &dyn Store, sent: &[Mutex<Option<Instant>>]) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for (number, sent) in sent.iter().enumerate() {
        ticks.tick().await;
        *lock(sent) = Some(Instant::now());
        pool::fill_with::<pool::Single>(producer, number..number + 1, |job| job).await?;
    }
    Ok(())
}

pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
