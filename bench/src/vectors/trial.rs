//! What one store has to do.

use super::contestant::Contestant;
use super::made_up::{K, MadeUp};
use crate::meter::{Nobody, Usage};
use crate::percentiles::Percentiles;
use backstock_vectors::{Filter, VectorStore};
use std::time::Instant;

/// Points of one write, as the job that embeds products writes them.
const BATCH: usize = 256;
const MODEL: &str = "bench@1";
const OTHER: &str = "bench@2";

pub struct Trial {
    pub name: &'static str,
    pub first: Usage,
    pub second: Usage,
    /// Points written by the second upsert of the same.
    pub written_again: u64,
    /// Points there after both.
    pub points: u64,
    /// Milliseconds.
    pub search: Percentiles,
    /// Milliseconds, among a fortieth of all.
    pub filtered: Percentiles,
    pub recall: f64,
    /// Points embedded by a backfill that was killed half-way and began again, of all.
    pub embedded: usize,
}

pub async fn run(contestant: &Contestant, made: &MadeUp) -> anyhow::Result<Trial> {
    let store = contestant.store().await?;
    let (mut first, mut second) = (Usage::default(), Usage::default());
    first.add(made.points.len(), &Nobody, upsert(&*store, made)).await?;
    let written_again = second.add(made.points.len(), &Nobody, upsert(&*store, made)).await?;
    let points = store.count(MODEL).await?;
    store.publish(MODEL).await?;
    // Once before it counts: what is read for the first time is read from the disk.
    searches(&*store, made, &Filter::default()).await?;
    let (search, recall) = searches(&*store, made, &Filter::default()).await?;
    let shelf = Filter { category: vec!["Shelf 7".to_owned()], ..Filter::default() };
    let (filtered, _) = searches(&*store, made, &shelf).await?;
    let embedded = killed_backfill(contestant, made).await?;
    for model in [MODEL, OTHER] {
        store.delete_model(model).await?;
    }
    let name = contestant.kind.name();
    Ok(Trial { name, first, second, written_again, points, search, filtered, recall, embedded })
}

/// Returns the points that were written.
async fn upsert(store: &dyn VectorStore, made: &MadeUp) -> anyhow::Result<u64> {
    let mut written = 0;
    for batch in made.points.chunks(BATCH) {
        written += store.upsert(MODEL, batch.to_vec()).await?.written;
    }
    Ok(written)
}

/// One after the other: times, and the share of what an exact search finds.
async fn searches(
    store: &dyn VectorStore,
    made: &MadeUp,
    filter: &Filter,
) -> anyhow::Result<(Percentiles, f64)> {
    let (mut millis, mut found) = (Vec::new(), 0);
    for (query, nearest) in made.queries.iter().zip(&made.nearest) {
        let begun = Instant::now();
        let hits = store.search(MODEL, query, K, filter).await?;
        millis.push(begun.elapsed().as_secs_f64() * 1e3);
        found += hits.iter().filter(|hit| nearest.contains(&hit.key)).count();
    }
    Ok((Percentiles::of(millis), found as f64 / (K * made.queries.len()) as f64))
}

/// Half of a backfill under another model, then all of it by another client that knows nothing of the first. Returns how
/// many points were made.
async fn killed_backfill(contestant: &Contestant, made: &MadeUp) -> anyhow::Result<usize> {
    let batches = made.points.len().div_ceil(BATCH);
    let mut embedded = 0;
    for stops_after in [batches / 2, batches] {
        let store = contestant.store().await?;
        for batch in made.points.chunks(BATCH).take(stops_after) {
            let keys: Vec<String> = batch.iter().map(|point| point.key.clone()).collect();
            let stored = store.stored_hashes(OTHER, &keys).await?;
            let is_missing =
                |point: &&backstock_vectors::Point| stored.get(&point.key) != Some(&point.content_hash);
            let missing: Vec<_> = batch.iter().filter(is_missing).cloned().collect();
            embedded += missing.len();
            store.upsert(OTHER, missing).await?;
        }
    }
    Ok(embedded)
}
