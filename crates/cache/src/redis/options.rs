//! How the second level is opened.

use std::time::Duration;

/// How [`super::RedisLevel::open`] opens its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisLevelOptions {
    /// Start of every name: caches with different prefixes share a server. Letters, digits, `-`, `_`, `.` and `:`.
    /// Default `backstock:cache`.
    pub prefix: String,
    /// How long a connection may take. Default 2 s.
    pub connect_timeout: Duration,
    /// How long an answer may take; then the server counts as away until it answers again. Default 250 ms.
    pub timeout: Duration,
    /// Larger values are not stored. Default 8 MiB.
    pub max_value_bytes: usize,
    /// Most keys of the server that one invalidation by pattern looks at, and most that one by tag removes; beyond
    /// that, whole kinds are forgotten. Default 1,000,000.
    pub max_sweep: usize,
}

impl Default for RedisLevelOptions {
    fn default() -> Self {
        Self {
            prefix: "backstock:cache".to_owned(),
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_millis(250),
            max_value_bytes: 8 << 20,
            max_sweep: 1_000_000,
        }
    }
}
