//! The cost of fairness keys: the same drain without keys, with fifty, and with fifty that have limits.

use super::ours;
use crate::meter::{Nobody, Usage};
use backstock_queue::{KeyLimits, NewJob, Store};
use std::num::NonZeroU32;

/// Jobs of one drain.
const SAMPLE: usize = 50_000;
const KEYS: usize = 50;
/// Each kind of drain takes its turn in each round, so that the neighbours on the machine disturb all alike.
const ROUNDS: usize = 4;

#[derive(Clone, Copy, Debug, Default)]
pub struct Fair {
    pub plain_enqueue: Usage,
    pub plain: Usage,
    pub keyed_enqueue: Usage,
    pub keyed: Usage,
    pub limited: Usage,
}

pub async fn measure() -> anyhow::Result<Fair> {
    let mut fair = Fair::default();
    for _ in 0..ROUNDS {
        let (mut none, mut ignored) = (KeyLimits::NONE, Usage::default());
        round(ours::job, none, (&mut fair.plain_enqueue, &mut fair.plain)).await?;
        round(keyed, none, (&mut fair.keyed_enqueue, &mut fair.keyed)).await?;
        // Never reached: what is measured is the counting.
        none.running = NonZeroU32::new(1_000);
        none.rate = Some("1000000/s".parse()?);
        round(keyed, none, (&mut ignored, &mut fair.limited)).await?;
    }
    Ok(fair)
}

/// One of the fifty after the other, as suppliers' deliveries interleave.
fn keyed(number: usize) -> NewJob {
    ours::job(number).with_fairness_key(format!("supplier-{:02}", number % KEYS))
}

async fn round(
    job: fn(usize) -> NewJob,
    limits: KeyLimits,
    (enqueue, drain): (&mut Usage, &mut Usage),
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let queue = ours::Queue::open(folder.path()).await?;
    queue.store.set_limits("default", limits).await?;
    enqueue.add(SAMPLE, &Nobody, queue.fill_with(SAMPLE, job)).await?;
    drain.add(SAMPLE, &Nobody, queue.drain(SAMPLE)).await
}
