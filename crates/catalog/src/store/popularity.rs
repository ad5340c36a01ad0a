//! Which products are asked for most: requests counted once each, fading with time.

use std::time::Duration;

use serde::Serialize;

use super::catalog::{Catalog, Store};
use super::error::{CatalogError, Result};
use crate::requests::{RequestCounts, halves};

/// Where requests come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedSource {
    /// The same id is not counted twice: the fingerprint of a file.
    pub id: String,
    /// For people.
    pub name: String,
    /// It takes the place of all that was counted before.
    pub replaces: bool,
}

/// Requests in a table or view of the catalog's PostgreSQL database. Each is counted once, by its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRequests {
    /// `name` or `schema.name`.
    pub table: String,
    /// Column with the SKU.
    pub sku_column: String,
    /// Column with the number of requests; none: each row is one.
    pub count_column: Option<String>,
    /// Column with the time: `timestamptz`, `timestamp` (in the database's zone) or `date`. An index on it pays.
    pub time_column: String,
    /// Rows younger than this wait for the next time, so that transactions that began earlier have ended.
    pub settle: Duration,
    /// How long until a request is worth half.
    pub half_life: Duration,
}

/// What counting came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CountOutcome {
    /// It was counted before, so nothing changed.
    pub repeated: bool,
    /// Products that were asked for.
    pub products: u64,
    /// Of these, those that the catalog does not know (yet).
    pub unknown: u64,
    /// Requests.
    pub requests: u64,
}

/// Something that was counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// For people.
    pub name: String,
    /// When a file was counted, up to when a table was: milliseconds since the Unix epoch.
    pub counted_ms: i64,
    /// Products it named; of a table, by the latest count.
    pub products: u64,
    /// Requests; of a table, all so far.
    pub requests: u64,
}

/// A product and how much it is asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Popular {
    /// Which product.
    pub sku: String,
    /// Requests counted.
    pub requests: u64,
    /// The same faded, in a unit of its own: only to be compared with other weights read at the same time.
    pub weight: f64,
}

/// A row as both stores have it.
impl From<(String, i64, i64, i64)> for Counted {
    fn from((name, counted_ms, products, requests): (String, i64, i64, i64)) -> Self {
        Self { name, counted_ms, products: products.unsigned_abs(), requests: requests.unsigned_abs() }
    }
}

/// A row as both stores have it.
impl From<(String, i64, f64)> for Popular {
    fn from((sku, requests, weight): (String, i64, f64)) -> Self {
        Self { sku, requests: requests.unsigned_abs(), weight }
    }
}

impl Catalog {
    /// Counts requests, of products known or not, in one transaction. What has an id that was counted before changes
    /// nothing.
    ///
    /// # Errors
    /// Storage errors; then nothing is counted.
    pub async fn count_requests(
        &self,
        source: &CountedSource,
        counts: &RequestCounts,
    ) -> Result<CountOutcome> {
        match &self.store {
            Store::Sqlite(store) => store.count_requests(source, counts).await,
            // Bounded piece by piece.
            Store::Postgres(store) => Box::pin(store.count_requests(source, counts)).await,
        }
    }

    /// Counts the requests of a table that came since the last time, up to `now_ms` less the time to settle, in one
    /// transaction on the server.
    ///
    /// # Errors
    /// [`CatalogError::Requests`] when there is no such table or column, or the catalog is a SQLite file; storage errors.
    pub async fn count_table(&self, table: &TableRequests, now_ms: i64) -> Result<CountOutcome> {
        match &self.store {
            Store::Sqlite(_) => Err(CatalogError::Requests {
                table: table.table.clone(),
                reason: "the catalog is a SQLite file".into(),
            }),
            Store::Postgres(store) => Box::pin(store.count_table(table, now_ms)).await,
        }
    }

    /// What was counted, latest first.
    pub async fn counted(&self, limit: u32) -> Result<Vec<Counted>> {
        match &self.store {
            Store::Sqlite(store) => store.counted_sources(limit).await,
            Store::Postgres(store) => store.bounded(Box::pin(store.counted_sources(limit))).await,
        }
    }

    /// The `limit` most popular active products; where there are too few, the most recently changed with a weight of 0.
    pub async fn popular(&self, limit: u32) -> Result<Vec<Popular>> {
        match &self.store {
            Store::Sqlite(store) => store.popular(limit).await,
            Store::Postgres(store) => store.bounded(Box::pin(store.popular(limit))).await,
        }
    }

    /// The sum of the weights of all active products.
    pub async fn popularity(&self) -> Result<f64> {
        match &self.store {
            Store::Sqlite(store) => store.popularity().await,
            Store::Postgres(store) => store.bounded(Box::pin(store.popularity())).await,
        }
    }
}

/// What stored weights are measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale {
    pub(super) half_life_ms: i64,
    pub(super) landmark_ms: i64,
}

/// What one count does to stored weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    /// From now on.
    pub(super) scale: Scale,
    /// Stored weights are to be multiplied by this first; none: they stay.
    pub(super) old: Option<f64>,
    /// Weights as of the count are to be multiplied by this.
    pub(super) new: f64,
}

/// Half-lives from the landmark after which it is moved: numbers stay far from the ends of their type.
const FAR: f64 = 256.0;
/// Factors and weights below this are as good as zero; the product of two of them is still a number.
pub(super) const TINY: f64 = 1e-150;

impl Scale {
    /// Nothing counted yet.
    pub(super) fn is_unset(self) -> bool {
        self.half_life_ms <= 0
    }

    /// How requests seen at `at_ms`, fading with `half_life`, are added. What was stored under another half-life fades
    /// with the new one from here on.
    pub(super) fn step(self, at_ms: i64, half_life: Duration) -> Step {
        let half_life_ms = i64::try_from(half_life.as_millis()).unwrap_or(i64::MAX).max(1);
        if self.is_unset() {
            let scale = Self { half_life_ms, landmark_ms: at_ms };
            return Step { scale, old: None, new: 1.0 };
        }
        let since = at_ms.saturating_sub(self.landmark_ms);
        let own_half_life = Duration::from_millis(self.half_life_ms.unsigned_abs());
        if self.half_life_ms == half_life_ms && halves(since, half_life) <= FAR {
            return Step { scale: self, old: None, new: halves(since, half_life).exp2().max(TINY) };
        }
        // The landmark moves, never back.
        let moved = since.max(0);
        let scale = Self { half_life_ms, landmark_ms: self.landmark_ms.saturating_add(moved) };
        let old = (-halves(moved, own_half_life)).exp2().max(TINY);
        let new = halves(at_ms.saturating_sub(scale.landmark_ms), half_life).exp2().max(TINY);
        Step { scale, old: Some(old), new }
    }
}

#[cfg(test)]
mod scale_tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400_000;

    #[test]
    fn a_request_is_worth_half_after_a_half_life_wherever_the_landmark_is() {
        let (mut scale, mut stored) = (Scale { half_life_ms: 0, landmark_ms: 0 }, 0.0);
        let day = Duration::from_hours(24);
        for (at, count) in [(0, 8.0), (DAY, 4.0), (2 * DAY, 2.0), (1000 * DAY, 1.0)] {
            let step = scale.step(at, day);
            stored = stored * step.old.unwrap_or(1.0) + count * step.new;
            scale = step.scale;
            // In requests as if made now.
            let now = stored / scale.step(at, day).new;
            let expected = [8.0, 8.0, 6.0].get((at / DAY) as usize).copied().unwrap_or(1.0);
            assert!((now - expected).abs() < 1e-9, "{now} at day {}", at / DAY);
        }
        assert_eq!(scale.landmark_ms, 1000 * DAY, "it was moved before numbers became too large");
    }

    #[test]
    fn another_half_life_counts_from_the_change_on() {
        let (day, week) = (Duration::from_hours(24), Duration::from_hours(168));
        let first = Scale { half_life_ms: 0, landmark_ms: 0 }.step(0, day);
        let second = first.scale.step(DAY, week);
        assert!((second.old.unwrap() - 0.5).abs() < 1e-12);
        let later = second.scale.step(8 * DAY, week);
        assert!((0.5 / later.new - 0.25).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn every_step_is_a_number(
            landmark in -4_000_000_000_000i64..4_000_000_000_000, at in -4_000_000_000_000i64..4_000_000_000_000,
            before in 0i64..100_000_000_000, after in 1u64..100_000_000_000,
        ) {
            let scale = Scale { half_life_ms: before, landmark_ms: landmark };
            let step = scale.step(at, Duration::from_millis(after));
            prop_assert!(step.new.is_normal() && step.new >= TINY && step.new < 1e78);
            prop_assert!(step.old.is_none_or(|old| (TINY..=1.0).contains(&old)));
            prop_assert!(!step.scale.is_unset());
        }
    }
}
