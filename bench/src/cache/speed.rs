//! How long a read takes, and how many there are a second.

use super::documents::render;
use super::replay::{COMPRESS_ABOVE, key, plan, popularity, warm, weights};
use super::skew::Sales;
use crate::random::Random;
use backstock_cache::{
    Cache, CacheOptions, EvictionPolicy, Key, Kind, LoadError, MonotonicClock, RedisLevel, RedisLevelOptions,
    SecondLevel,
};
use backstock_testbed::{Fsync, RedisServer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

const LEVEL1_READS: usize = 200_000;
const LEVEL2_READS: usize = 8_000;
/// Tasks that ask at the same time.
const TASKS: usize = 64;
const OPERATIONS: usize = 400_000;
/// One in so many operations is a write.
const WRITE_EVERY: u64 = 20;

/// In microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Micros {
    pub p50: f64,
    pub p99: f64,
    pub worst: f64,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Speed {
    pub level1: Micros,
    pub level2: Micros,
    /// Reads and writes of both levels together.
    pub operations_per_second: f64,
    pub level1_per_second: f64,
    pub level2_per_second: f64,
}

pub async fn measure(sales: Arc<Sales>, budget_bytes: u64) -> anyhow::Result<Speed> {
    let server = RedisServer::options().fsync(Fsync::Off).start()?;
    let warmed = cache(&server, budget_bytes, EvictionPolicy::Lfu).await?;
    let week = sales.weeks.len() - 1;
    let popularity = popularity(&sales, week);
    let weights = weights(&sales, COMPRESS_ABOVE).await;
    let plan = plan(&sales, &popularity, budget_bytes, &weights);
    let number = warm(&sales, &warmed, &plan, budget_bytes).await as usize;
    let keys: Vec<Key> = plan.ids.iter().take(number).map(|id| key_of(id)).collect();
    let mut speed = Speed::default();
    let random = Random::seeded(3);
    let in_level1 = |_| keys[random.below(keys.len() as u64) as usize].clone();
    speed.level1 = reads(&warmed, (0..LEVEL1_READS).map(in_level1)).await;
    // Another process: its level 1 is empty, so the first read of each key goes to Redis.
    let cold = cache(&server, budget_bytes, EvictionPolicy::Lfu).await?;
    speed.level2 = reads(&cold, keys.iter().take(LEVEL2_READS).cloned()).await;
    let hits = cold.statistics().total();
    anyhow::ensure!(
        hits.level2_hits as usize >= LEVEL2_READS.min(keys.len()),
        "level 2 had not all: {hits:?}"
    );
    let requests: Arc<[u32]> = sales.requests(week).into();
    speed.operations_per_second = operations(&warmed, &sales, &requests).await?;
    let level1_only = Cache::new(CacheOptions { max_bytes: budget_bytes, ..CacheOptions::default() });
    warm(&sales, &level1_only, &plan, budget_bytes).await;
    let keys: Arc<[Key]> = keys.into();
    speed.level1_per_second = concurrent_reads(&level1_only, &keys).await?;
    // Too small for anything: every read goes to Redis.
    let no_level1 = cache(&server, 1, EvictionPolicy::Fifo).await?;
    speed.level2_per_second = concurrent_reads(&no_level1, &keys).await?;
    Ok(speed)
}

fn key_of(id: &str) -> Key {
    Key::new(Kind::Product, 1, id)
}

async fn cache(server: &RedisServer, max_bytes: u64, eviction: EvictionPolicy) -> anyhow::Result<Cache> {
    let level2: Arc<dyn SecondLevel> =
        Arc::new(RedisLevel::open(&server.url(), RedisLevelOptions::default()).await?);
    let options = CacheOptions { max_bytes, eviction, ..CacheOptions::default() };
    Ok(Cache::with(options, MonotonicClock::default(), Some(level2)))
}

/// One after the other, each timed.
async fn reads(cache: &Cache, keys: impl Iterator<Item = Key>) -> Micros {
    let mut times = Vec::new();
    for key in keys {
        let start = Instant::now();
        let value = cache.get(&key).await;
        times.push(start.elapsed());
        drop(value);
    }
    times.sort_unstable();
    let at = |share: f64| {
        let index = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
        times.get(index).map_or(0.0, |time: &Duration| time.as_secs_f64() * 1e6)
    };
    Micros { p50: at(0.5), p99: at(0.99), worst: at(1.0) }
}

/// Reads of the last week's requests and some writes, by many tasks over both levels. What is missing is rendered.
async fn operations(cache: &Cache, sales: &Arc<Sales>, requests: &Arc<[u32]>) -> anyhow::Result<f64> {
    let start = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (cache, sales, requests) = (cache.clone(), Arc::clone(sales), Arc::clone(requests));
            tokio::spawn(async move {
                let random = Random::seeded(task as u64);
                for _ in 0..OPERATIONS / TASKS {
                    let product = requests[random.below(requests.len() as u64) as usize];
                    let key = key(&sales, product);
                    if random.below(WRITE_EVERY) == 0 {
                        cache.put(&key, render(&sales, product)).await;
                    } else {
                        let load = async || Ok::<_, Infallible>(Some(render(&sales, product).into()));
                        cache.get_or_load(&key, load).await?;
                    }
                }
                Ok::<_, LoadError<Infallible>>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(OPERATIONS as f64 / start.elapsed().as_secs_f64())
}

async fn concurrent_reads(cache: &Cache, keys: &Arc<[Key]>) -> anyhow::Result<f64> {
    let start = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (cache, keys) = (cache.clone(), Arc::clone(keys));
            tokio::spawn(async move {
                let random = Random::seeded(task as u64);
                let mut found = 0;
                for _ in 0..OPERATIONS / TASKS {
                    let key = &keys[random.below(keys.len() as u64) as usize];
                    found += usize::from(cache.get(key).await.is_some());
                }
                found
            })
        })
        .collect();
    let mut found = 0;
    for task in tasks {
        found += task.await?;
    }
    let seconds = start.elapsed().as_secs_f64();
    anyhow::ensure!(found * 100 >= OPERATIONS * 90, "only {found} of {OPERATIONS} were found");
    Ok(OPERATIONS as f64 / seconds)
}
