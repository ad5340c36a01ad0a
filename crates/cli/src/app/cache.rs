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
    let level2 = shared(config).await?.map(|level2| Arc::new(level2) as Arc<dyn SecondLevel>);
    Ok(Cache::with(options(config), MonotonicClock::default(), level2))
}

/// The level that processes share, where there is one; a server that does not answer is looked for on and on.
pub async fn shared(config: &Config) -> Result<Option<RedisLevel>, Failure> {
    match config.cache.url.as_str() {
        "" => Ok(None),
        url => RedisLevel::open(url, level2_options(config)).await.map(Some).map_err(Failure::usage),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use backstock_cache::{Key, Kind};
    use backstock_config::Sources;

    fn config(settings: &[(&str, &str)]) -> Config {
        let environment =
            settings.iter().map(|(key, value)| (format!("BACKSTOCK__CACHE__{key}"), (*value).to_owned()));
        Config::load(&Sources { environment: environment.collect(), ..Sources::default() }).unwrap()
    }

    #[test]
    fn who_leaves_is_a_setting() {
        for (name, policy) in [
            ("lfu", EvictionPolicy::Lfu),
            ("lru", EvictionPolicy::Lru),
            ("fifo", EvictionPolicy::Fifo),
            ("ttl", EvictionPolicy::Ttl),
        ] {
            assert_eq!(options(&config(&[("EVICTION", name)])).eviction, policy);
        }
    }

    /// Fills a cache in a process that is far above its limit; what one look leaves of it, as a share.
    async fn left_after_a_look(policy: MemoryPolicy) -> f64 {
        let cache = Arc::new(Cache::new(CacheOptions {
            max_bytes: 4 * MIB,
            compress_above: usize::MAX,
            ..CacheOptions::default()
        }));
        for number in 0..1000 {
            cache.put(&Key::new(Kind::Product, 1, number.to_string()), vec![7; 900]).await;
        }
        let before = cache.held_bytes();
        let source = MemorySource { own_limit: Some(1), ..MemorySource::default() };
        let pressure = MemoryPressure::new(policy, 4 * MIB);
        MemoryGuard { cache: Arc::clone(&cache), pressure, source }.tick().await.unwrap();
        cache.held_bytes() as f64 / before as f64
    }

    #[tokio::test]
    async fn when_this_process_is_above_its_limit_the_cache_gives_back_what_the_policy_says() {
        for (policy, left) in [
            (MemoryPolicy::Aggressive, 0.5),
            (MemoryPolicy::Conservative, 0.75),
            (MemoryPolicy::Adaptive, 0.25),
        ] {
            let share = left_after_a_look(policy).await;
            assert!((left - 0.01..=left).contains(&share), "{policy:?}: {share}");
        }
    }

    #[tokio::test]
    async fn the_memory_policy_is_a_setting_and_can_be_off() {
        let cache = Arc::new(Cache::new(CacheOptions::default()));
        for (name, watches) in
            [("aggressive", true), ("conservative", true), ("adaptive", true), ("off", false)]
        {
            let stop = Shutdown::new();
            let guard = guard(&config(&[("MEMORY", name)]), &cache, &stop);
            assert_eq!(guard.is_some(), watches, "{name}");
            stop.request();
        }
    }
}
