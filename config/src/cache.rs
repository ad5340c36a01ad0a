//! What is read often.

use crate::ConfigError;
use crate::tree::within;
use serde::{Deserialize, Serialize};

/// What is read often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cache {
    /// Empty, or a `redis://…`.
    pub url: String,
    /// Start of every name on the server, so that deployments can share it.
    pub prefix: String,
    /// 1 to 10,000.
    pub timeout_ms: u64,
    /// In process; 1 to 1,048,576.
    pub max_mib: u64,
    /// Who leaves for want of space.
    pub eviction: Eviction,
    /// What is given back when memory is short.
    pub memory: MemoryPolicy,
    /// 0 is that of the control group or the machine; at most 1,048,576.
    pub memory_limit_mib: u64,
    /// 1 to 604,800.
    pub product_ttl_seconds: u64,
    /// 0 to 604,800.
    pub query_ttl_seconds: u64,
    /// 0 to 3600.
    pub absent_ttl_seconds: u64,
    /// 0 to 86,400.
    pub stale_seconds: u64,
    /// 0 to 10,000,000.
    pub warm_products: usize,
    /// 0 is `max_mib`; at most 1,048,576.
    pub warm_mib: u64,
    /// 1 to 500.
    pub warm_seconds: u64,
}

/// Who leaves the cache in process for want of space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Eviction {
    /// The least often read.
    Lfu,
    /// The one not read for longest.
    Lru,
    /// The one that came first.
    Fifo,
    /// The one that ends first.
    Ttl,
}

/// What the cache in process gives back when memory is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryPolicy {
    /// What is missing.
    Adaptive,
    /// Half of it.
    Aggressive,
    /// A quarter of it.
    Conservative,
    /// Nothing.
    Off,
}

impl Cache {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        within("cache.timeout_ms", self.timeout_ms, 1, 10_000)?;
        within("cache.max_mib", self.max_mib, 1, 1 << 20)?;
        within("cache.memory_limit_mib", self.memory_limit_mib, 0, 1 << 20)?;
        within("cache.product_ttl_seconds", self.product_ttl_seconds, 1, 604_800)?;
        within("cache.query_ttl_seconds", self.query_ttl_seconds, 0, 604_800)?;
        within("cache.absent_ttl_seconds", self.absent_ttl_seconds, 0, 3600)?;
        within("cache.stale_seconds", self.stale_seconds, 0, 86_400)?;
        within("cache.warm_products", self.warm_products as u64, 0, 10_000_000)?;
        within("cache.warm_mib", self.warm_mib, 0, 1 << 20)?;
        within("cache.warm_seconds", self.warm_seconds, 1, 500)
    }
}
