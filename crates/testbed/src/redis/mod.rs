//! Private Redis servers: alone, as a Cluster, and as a pair under a Sentinel.

mod cluster;
mod resp;
mod sentinel;
mod server;
#[cfg(test)]
mod tests;

pub use cluster::RedisCluster;
pub use sentinel::RedisPair;
pub use server::{Fsync, RedisOptions, RedisServer};
