//! From the call that enqueues a job through one handle until an idle waiter on another handle holds it.

use super::ours::{Queue, job};
use anyhow::Context;
use backstock_queue::{Outcome, Settlement, Store};
use std::time::Instant;
use tokio::sync::mpsc;

const SAMPLES: usize = 2_000;

/// Milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pickup {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

pub async fn measure() -> anyhow::Result<Pickup> {
    let folder = tempfile::tempdir()?;
    let producer = Queue::open(folder.path()).await?;
    let waiter = Queue::open(folder.path()).await?;
    let (seen, mut held) = mpsc::channel(1);
    let waiting = tokio::spawn(wait(waiter, seen));
    let mut delays = Vec::with_capacity(SAMPLES);
    for number in 0..SAMPLES {
        let start = Instant::now();
        producer.store.enqueue(vec![job(number)]).await?;
        let moment: Instant = held.recv().await.context("the waiter ended")?;
        delays.push(moment.duration_since(start).as_secs_f64() * 1e3);
        // The waiter has settled and waits again.
        held.recv().await.context("the waiter ended")?;
    }
    drop(held);
    waiting.abort();
    delays.sort_by(f64::total_cmp);
    let at = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize];
    Ok(Pickup { p50: at(0.5), p99: at(0.99), max: at(1.0) })
}

/// Takes one job at a time and says when it held it, and when it is idle again.
async fn wait(queue: Queue, seen: mpsc::Sender<Instant>) -> anyhow::Result<()> {
    let mut wake_ups = queue.store.wake_ups();
    let claim = queue.claim(1);
    loop {
        wake_ups.borrow_and_update();
        let Some(lease) = queue.store.claim(&claim).await?.leases.pop() else {
            wake_ups.changed().await?;
            continue;
        };
        seen.send(Instant::now()).await?;
        queue.store.settle(vec![Settlement::new(lease.key(), Outcome::Complete)]).await?;
        seen.send(Instant::now()).await?;
    }
}
