//! Delayed jobs: how late they start while very many others wait, and whether very many due at once stall.

use crate::{
    percentiles::Percentiles,
    pickup::lock,
    pool::{self, Ledger, Noop},
};
use backstock_queue::{Clock, Registry, SystemClock, Timestamp};
use backstock_testbed::RedisServer;
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// Jobs whose lateness is measured, and over how long they are due.
const SAMPLES: usize = 5_000;
const SPREAD: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, Default)]
pub struct Delayed {
    /// Start after due, in milliseconds.
    pub lateness: Percentiles,
    /// Jobs that started before they were due.
    pub early: usize,
    /// Jobs due at the same moment that ran a second.
    pub burst_per_second: f64,
    /// Longest time between two of them, in milliseconds.
    pub burst_longest_gap: f64,
    pub burst_lost: usize,
    pub burst_twice: usize,
}

pub async fn measure(many: usize) -> anyhow::Result<Delayed> {
    let mut delayed = Delayed::default();
    lateness(many, &mut delayed).await?;
    burst(many, &mut delayed).await?;
    Ok(delayed)
}

async fn lateness(many: usize, delayed: &mut Delayed) -> anyhow::Result<()> {
    let server = RedisServer::start()?;
    let store = super::open(&server).await?;
    let far = SystemClock.now().plus(Duration::from_hours(24));
    pool::fill_with::<pool::Single>(&*store, SAMPLES..SAMPLES + many, |job| job.at(far)).await?;
    let first = SystemClock.now().plus(Duration::from_secs(3));
    let due = move |number: usize| first.plus(SPREAD * number as u32 / SAMPLES as u32);
    for number in 0..SAMPLES {
        pool::fill_with::<pool::Single>(&*store, number..number + 1, |job| job.at(due(number))).await?;
    }
    let started = Arc::new(Mutex::new(Vec::with_capacity(SAMPLES)));
    let ledger = Ledger::new(SAMPLES);
    let handler = {
        let (started, ledger) = (Arc::clone(&started), Arc::clone(&ledger));
        move |job: &Noop| {
            lock(&started).push((job.number, SystemClock.now()));
            ledger.mark(job);
        }
    };
    let registry = Registry::default().register(pool::Each(handler));
    pool::work(store, registry, 16, ledger.complete()).await?;
    let started = std::mem::take(&mut *lock(&started));
    let late = |(number, at): &(usize, Timestamp)| (at.as_millis() - due(*number).as_millis()) as f64;
    let late: Vec<f64> = started.iter().map(late).collect();
    delayed.early = late.iter().filter(|millis| **millis < 0.0).count();
    delayed.lateness = Percentiles::of(late);
    Ok(())
}

async fn burst(many: usize, delayed: &mut Delayed) -> anyhow::Result<()> {
    let server = RedisServer::start()?;
    let store = super::open(&server).await?;
    // Due when all are stored; that they were due earlier than the pool starts makes no difference.
    let due = SystemClock.now().plus(Duration::from_secs(30 + many as u64 / 50_000));
    pool::fill_with::<pool::Single>(&*store, 0..many, |job| job.at(due)).await?;
    tokio::time::sleep(due.since(SystemClock.now())).await;
    let ledger = Ledger::new(many);
    let gap = Arc::new(Mutex::new((Instant::now(), Duration::ZERO)));
    let handler = {
        let (gap, ledger) = (Arc::clone(&gap), Arc::clone(&ledger));
        move |job: &Noop| {
            let now = Instant::now();
            let mut gap = lock(&gap);
            gap.1 = gap.1.max(now.duration_since(gap.0));
            gap.0 = now;
            ledger.mark(job);
        }
    };
    let registry = Registry::default().register(pool::Each(handler));
    let began = Instant::now();
    pool::work(store, registry, 16, ledger.complete()).await?;
    delayed.burst_per_second = many as f64 / began.elapsed().as_secs_f64();
    delayed.burst_longest_gap = lock(&gap).1.as_secs_f64() * 1e3;
    (delayed.burst_lost, delayed.burst_twice) = (ledger.lost(), ledger.twice());
    Ok(())
}
