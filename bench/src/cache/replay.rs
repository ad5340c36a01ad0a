//! Warmed from past weeks, then asked for everything that was sold in the next.

use super::documents::render;
use super::skew::Sales;
use backstock_cache::{Cache, CacheOptions, EvictionPolicy, Key, Kind, Plan, Popularity, WarmBudget};
use std::convert::Infallible;
use std::time::Duration;

/// Weeks that are replayed, the last ones.
const REPLAYED: usize = 5;
const HALF_LIFE_WEEKS: u64 = 4;
/// Share of products whose documents, the most popular ones, fill the budget as they are rendered.
const SHARE: f64 = 0.10;
/// As by default.
pub const COMPRESS_ABOVE: usize = 1024;
/// One product in so many shows the cache what products have in common.
const SHOW_EVERY: usize = 100;
const WEEK: Duration = Duration::from_hours(7 * 24);

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    pub products: usize,
    /// What the documents of the top tenth weigh as rendered.
    pub budget_bytes: u64,
    pub requests: u64,
    pub runs: Vec<Run>,
}

/// One way to keep entries.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub name: &'static str,
    /// Entries warmed, mean of the weeks.
    pub warmed: f64,
    pub expected_hit_rate: f64,
    pub measured_hit_rate: f64,
}

/// Name, policy, threshold of compression, whether it is warmed.
const RUNS: [(&str, EvictionPolicy, usize, bool); 6] = [
    ("lfu", EvictionPolicy::Lfu, COMPRESS_ABOVE, true),
    ("lru", EvictionPolicy::Lru, COMPRESS_ABOVE, true),
    ("fifo", EvictionPolicy::Fifo, COMPRESS_ABOVE, true),
    ("ttl", EvictionPolicy::Ttl, COMPRESS_ABOVE, true),
    ("lfu, nothing compressed", EvictionPolicy::Lfu, usize::MAX, true),
    ("lfu, not warmed", EvictionPolicy::Lfu, COMPRESS_ABOVE, false),
];

pub async fn measure(sales: &Sales) -> anyhow::Result<Replay> {
    let mut replay = Replay { products: sales.products.len(), ..Replay::default() };
    let (as_rendered, packed) = (weights(sales, usize::MAX).await, weights(sales, COMPRESS_ABOVE).await);
    let rendered = (0..sales.products.len() as u32).map(|product| render(sales, product).len() as u64);
    let rendered: Vec<u64> = rendered.collect();
    replay.budget_bytes = budget(sales, &rendered);
    for (name, eviction, compress_above, warms) in RUNS {
        let (mut hits, mut requests) = (0, 0);
        let mut run = Run { name, warmed: 0.0, expected_hit_rate: 0.0, measured_hit_rate: 0.0 };
        for week in sales.weeks.len() - REPLAYED..sales.weeks.len() {
            let max_bytes = replay.budget_bytes;
            let options = CacheOptions { max_bytes, eviction, compress_above, ..CacheOptions::default() };
            let cache = Cache::new(options);
            if warms {
                let popularity = popularity(sales, week);
                let weights = if compress_above == COMPRESS_ABOVE { &packed } else { &as_rendered };
                let plan = plan(sales, &popularity, max_bytes, weights);
                run.expected_hit_rate += plan.expected_hit_rate / REPLAYED as f64;
                run.warmed += warm(sales, &cache, &plan, max_bytes).await as f64 / REPLAYED as f64;
            }
            let before = cache.statistics();
            for product in sales.requests(week) {
                let load = async || Ok::<_, Infallible>(Some(render(sales, product).into()));
                cache.get_or_load(&key(sales, product), load).await?;
            }
            let counted = *cache.statistics().since(&before).kind(Kind::Product);
            hits += counted.hits;
            requests += counted.hits + counted.misses;
        }
        run.measured_hit_rate = hits as f64 / requests.max(1) as f64;
        replay.requests = requests;
        replay.runs.push(run);
    }
    Ok(replay)
}

pub fn key(sales: &Sales, product: u32) -> Key {
    Key::new(Kind::Product, 1, sales.products[product as usize].0.as_str())
}

/// Sales before `week`, fading.
pub fn popularity(sales: &Sales, week: usize) -> Popularity {
    let mut popularity = Popularity::new(WEEK * HALF_LIFE_WEEKS as u32);
    for (before, sold) in sales.weeks[..week].iter().enumerate() {
        for (product, lines) in sold {
            let age = WEEK * (week - before) as u32;
            popularity.add(&sales.products[*product as usize].0, u64::from(*lines), age);
        }
    }
    popularity
}

/// The bytes of the documents of the most popular tenth, as rendered.
fn budget(sales: &Sales, rendered: &[u64]) -> u64 {
    let popularity = popularity(sales, sales.weeks.len() - REPLAYED);
    let number = (sales.products.len() as f64 * SHARE) as usize;
    let numbers = numbers(sales);
    let ranked = popularity.ranked();
    ranked.iter().take(number).map(|(id, _)| rendered[numbers[id] as usize]).sum()
}

pub fn numbers(sales: &Sales) -> std::collections::HashMap<&str, u32> {
    (0u32..).zip(&sales.products).map(|(number, (id, _))| (id.as_str(), number)).collect()
}

/// What each product's entry takes, once the cache has learnt what they have in common.
pub async fn weights(sales: &Sales, compress_above: usize) -> Vec<u64> {
    let cache = Cache::new(CacheOptions { compress_above, ..CacheOptions::default() });
    let weigh = |product| cache.weigh(&key(sales, product), render(sales, product).into());
    (0..sales.products.len() as u32).step_by(SHOW_EVERY).map(weigh).for_each(drop);
    cache.settled_statistics().await;
    (0..sales.products.len() as u32).map(weigh).collect()
}

pub fn plan<'a>(sales: &Sales, popularity: &'a Popularity, max_bytes: u64, weights: &[u64]) -> Plan<'a> {
    let numbers = numbers(sales);
    popularity.plan(max_bytes, |id| Some(weights[*numbers.get(id)? as usize]))
}

/// Returns the entries warmed.
pub async fn warm(sales: &Sales, cache: &Cache, plan: &Plan<'_>, max_bytes: u64) -> u64 {
    let numbers = numbers(sales);
    let mut warmer = cache.warmer(WarmBudget { max_bytes, max_duration: None });
    for page in plan.ids.chunks(500) {
        let keys = page.iter().map(|id| key(sales, numbers[id])).collect();
        let missing = warmer.missing(keys).await;
        let entries = missing.into_iter().map(|key| {
            let document = render(sales, numbers[key.id()]);
            (key, document.into())
        });
        warmer.offer(entries.collect()).await;
    }
    cache.settled_statistics().await;
    warmer.finish().warmed
}
