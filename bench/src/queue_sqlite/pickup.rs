//! From the call that enqueues a job through one handle until an idle waiter on another handle holds it.

use super::ours::{Queue, job};
use crate::percentiles::Percentiles;
use anyhow::Context;
use backstock_queue::{Outcome, Settlement, Store};
use std::time::Instant;
use tokio::sync::mpsc;

const SAMPLES: usize = 2_000;

pub async fn measure() -> anyhow::Result<Percentiles> {
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
    Ok(Percentiles::of(delays))
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
