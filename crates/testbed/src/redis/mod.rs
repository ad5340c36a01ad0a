//! Private Redis servers, alone and as a Cluster.

mod cluster;
mod resp;
mod server;
#[cfg(test)]
mod tests;

pub use cluster::RedisCluster;
pub use server::{Fsync, RedisOptions, RedisServer};
