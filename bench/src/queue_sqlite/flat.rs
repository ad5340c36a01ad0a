//! The cost of a job while finished ones pile up.

use super::ours::Queue;
use crate::meter::{Nobody, Usage};

/// Jobs of one measurement.
const SAMPLE: usize = 50_000;
const YOUNG: usize = 10_000;
/// Jobs enqueued before they are drained on the way to the old file.
const FILL: usize = 50_000;

/// The same work in a file with few and with many finished jobs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flat {
    pub young: Usage,
    pub old: Usage,
    pub history: usize,
}

pub async fn measure(history: usize) -> anyhow::Result<Flat> {
    let folder = tempfile::tempdir()?;
    let queue = Queue::open(folder.path()).await?;
    let mut flat = Flat { history, ..Flat::default() };
    fill(&queue, YOUNG).await?;
    sample(&queue, &mut flat.young).await?;
    let mut finished = YOUNG + SAMPLE;
    while finished < history {
        let count = FILL.min(history - finished);
        fill(&queue, count).await?;
        finished += count;
    }
    sample(&queue, &mut flat.old).await?;
    Ok(flat)
}

async fn fill(queue: &Queue, count: usize) -> anyhow::Result<()> {
    queue.fill(count).await?;
    queue.drain(count).await
}

async fn sample(queue: &Queue, usage: &mut Usage) -> anyhow::Result<()> {
    usage.add(SAMPLE, &Nobody, fill(queue, SAMPLE)).await
}
