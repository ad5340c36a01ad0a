//! How a store is opened.

use crate::Clock;
use std::{sync::Arc, time::Duration};

/// How [`super::RedisStore::open`] opens its server.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// Start of every key, and the hash tag that keeps a deployment on one node of a cluster. Two deployments on one
    /// server have two prefixes. Letters, digits, `-`, `_`, `.` and `:`. Default `backstock`.
    pub prefix: String,
    /// Where the time comes from; `None` is the clock of the server, which all workers share. Default `None`.
    pub clock: Option<Arc<dyn Clock>>,
    /// How long a connection may take. Default 2 s.
    pub connect_timeout: Duration,
    /// How long an answer may take, then the call is [`crate::StoreError::Unavailable`]. Default 5 s.
    pub timeout: Duration,
    /// How many looks in a row must miss a worker's connection before it counts as dead. A false alarm costs a second
    /// run under a new fence, never a loss. Default 2.
    pub death_looks: u32,
    /// Bytes of server memory that a finished job costs beside its payload, counted against the retention. Default 256.
    pub job_overhead: u64,
    /// Share of `maxmemory` above which producers are refused ([`crate::StoreError::Full`]) while workers go on: room
    /// is left to finish what is there. Default 0.9.
    pub full_at: f64,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            prefix: "backstock".to_owned(),
            clock: None,
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
            death_looks: 2,
            job_overhead: 256,
            full_at: 0.9,
        }
    }
}
