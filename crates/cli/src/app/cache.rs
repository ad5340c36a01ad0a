//! The cache: its levels, its lifetimes, and the watch that gives memory back.

use crate::failure::Failure;
use backstock_cache::{
    Cache, CacheOptions, EvictionPolicy, Lifetimes, MemoryPolicy, MemoryPressure, MemorySource,
    MonotonicClock, RedisLevel, RedisLevelOptions, SecondLevel, WarmBudget, read_memory,
};
use backstock_config::{self as config, Config};
use backstock_jobs::warm_cache::WarmSettings;
use backstock_service::{ErrorDelay, Next, Service, Shutdown, Wake};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

const MIB: u64 = 1 << 20;
/// How often memory is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The cache of this process, over the one that processes share if there is one.
pub async fn open(config: &Config) -> Result<Cache, Failure> {
    let level2: Option<Arc<dyn SecondLevel>> = match config.cache.url.as_str() {
        "" => None,
        url => {
            let level2 = RedisLevel::open(url, level2_options(config)).await.map_err(Failure::usage)?;
            Some(Arc::new(level2))
        }
    };
    Ok(Cache::with(options(config), MonotonicClock::default(), level2))
}

/// Checks URL and names without connecting.
pub fn check(config: &Config) -> Result<(), Failure> {
    if config.cache.url.is_empty() {
        return Ok(());
    }
    RedisLevel::check(&config.cache.url, &level2_options(config)).map_err(Failure::usage)
}

fn options(config: &Config) -> CacheOptions {
    let cache = &config.cache;
    let seconds = Duration::from_secs;
    CacheOptions {
        max_bytes: cache.max_mib * MIB,
        eviction: match cache.eviction {
            config::Eviction::Lfu => EvictionPolicy::Lfu,
            config::Eviction::Lru => EvictionPolicy::Lru,
            config::Eviction::Fifo => EvictionPolicy::Fifo,
            config::Eviction::Ttl => EvictionPolicy::Ttl,
        },
        lifetimes: Lifetimes {
            product: seconds(cache.product_ttl_seconds),
            query_vector: seconds(cache.query_ttl_seconds),
            absent: seconds(cache.absent_ttl_seconds),
            stale: seconds(cache.stale_seconds),
            ..Lifetimes::default()
        },
        ..CacheOptions::default()
    }
}

fn level2_options(config: &Config) -> RedisLevelOptions {
    RedisLevelOptions {
        prefix: config.cache.prefix.clone(),
        timeout: Duration::from_millis(config.cache.timeout_ms),
        ..RedisLevelOptions::default()
    }
}

/// What warming may cost.
pub fn warm_settings(config: &Config) -> WarmSettings {
    let cache = &config.cache;
    let mib = if cache.warm_mib == 0 { cache.max_mib } else { cache.warm_mib };
    WarmSettings {
        products: u32::try_from(cache.warm_products).unwrap_or(u32::MAX),
        budget: WarmBudget {
            max_bytes: mib.min(cache.max_mib) * MIB,
            max_duration: Some(Duration::from_secs(cache.warm_seconds)),
        },
    }
}

/// Gives memory of the cache back when it is short, until `stop`; nothing where that is switched off.
pub fn guard(config: &Config, cache: &Arc<Cache>, stop: &Shutdown) -> Option<JoinHandle<()>> {
    let policy = match config.cache.memory {
        config::MemoryPolicy::Adaptive => MemoryPolicy::Adaptive,
        config::MemoryPolicy::Aggressive => MemoryPolicy::Aggressive,
        config::MemoryPolicy::Conservative => MemoryPolicy::Conservative,
        config::MemoryPolicy::Off => return None,
    };
    let limit = config.cache.memory_limit_mib * MIB;
    let guard = MemoryGuard {
        cache: Arc::clone(cache),
        pressure: MemoryPressure::new(policy, config.cache.max_mib * MIB),
        source: MemorySource { own_limit: (limit > 0).then_some(limit), ..MemorySource::default() },
    };
    Some(tokio::spawn(backstock_service::run(guard, stop.clone(), Wake::never(), ErrorDelay::default())))
}

struct MemoryGuard {
    cache: Arc<Cache>,
    pressure: MemoryPressure,
    source: MemorySource,
}

impl Service for MemoryGuard {
    const NAME: &'static str = "memory_guard";
    type Error = Infallible;

    async fn tick(&mut self) -> Result<Next, Infallible> {
        // A few small files of /proc and /sys, which wait for no disk.
        if let Some(reading) = read_memory(&self.source) {
            let held = self.cache.held_bytes();
            let relief = self.pressure.look(self.cache.now(), reading, held);
            let freed_bytes = self.cache.relieve(relief);
            if freed_bytes > 0 {
                let (used_bytes, limit_bytes) = (reading.used, reading.limit);
                tracing::info!(
                    freed_bytes,
                    held,
                    used_bytes,
                    limit_bytes,
                    "memory is short: the cache gave some back"
                );
            }
        }
        Ok(Next::After(LOOK_EVERY))
    }
}
