//! Requests summed up by product.

use std::collections::HashMap;
use std::time::Duration;

/// Most products of one file: about 100 bytes of memory each.
pub const MAX_PRODUCTS: usize = 2_000_000;
/// Most requests of one product in one file, so that sums of many files stay far from the end of their type.
const MAX_REQUESTS: u64 = 1_000_000_000_000_000;

/// Requests by product, as seen at one moment: each is worth half after every half-life.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestCounts {
    at_ms: i64,
    half_life: Duration,
    products: HashMap<Box<str>, Asked>,
    requests: u64,
}

/// How often one product was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Asked {
    /// As counted.
    pub(crate) requests: u64,
    /// Faded.
    pub(crate) weight: f64,
}

/// More than [`MAX_PRODUCTS`] products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {MAX_PRODUCTS} products; count them in several files")]
pub struct TooManyProducts;

impl RequestCounts {
    /// None yet. `at_ms` is the moment from which ages are counted, in milliseconds since the Unix epoch; a half-life
    /// below a second is taken for one.
    pub fn new(at_ms: i64, half_life: Duration) -> Self {
        let half_life = half_life.max(Duration::from_secs(1));
        Self { at_ms, half_life, products: HashMap::new(), requests: 0 }
    }

    /// Counts requests of one moment; one that is yet to come counts as now.
    ///
    /// # Errors
    /// [`TooManyProducts`]; what was counted before stays.
    pub fn add(&mut self, sku: &str, requests: u64, time_ms: i64) -> Result<(), TooManyProducts> {
        if requests == 0 {
            return Ok(());
        }
        let half_lives = halves(self.at_ms.saturating_sub(time_ms).max(0), self.half_life);
        let weight = requests as f64 * (-half_lives).exp2();
        let full = self.products.len() >= MAX_PRODUCTS;
        let asked = match self.products.get_mut(sku) {
            Some(asked) => asked,
            None if full => return Err(TooManyProducts),
            None => self.products.entry(sku.into()).or_default(),
        };
        asked.requests = asked.requests.saturating_add(requests).min(MAX_REQUESTS);
        asked.weight += weight;
        self.requests = self.requests.saturating_add(requests);
        Ok(())
    }

    /// Products counted.
    pub fn products(&self) -> usize {
        self.products.len()
    }

    /// Requests counted.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    pub(crate) fn at_ms(&self) -> i64 {
        self.at_ms
    }

    pub(crate) fn half_life(&self) -> Duration {
        self.half_life
    }

    /// All products in the order of their SKUs, so that two writers never wait for each other in a circle.
    pub(crate) fn sorted(&self) -> Vec<(&str, Asked)> {
        let mut all: Vec<_> = self.products.iter().map(|(sku, asked)| (&**sku, *asked)).collect();
        all.sort_unstable_by_key(|(sku, _)| *sku);
        all
    }
}

/// How many half-lives a time is.
pub(crate) fn halves(time_ms: i64, half_life: Duration) -> f64 {
    time_ms as f64 / (half_life.as_secs_f64() * 1000.0)
}
