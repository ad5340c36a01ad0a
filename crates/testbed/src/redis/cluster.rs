//! A private Redis Cluster.

use super::{RedisOptions, RedisServer};
use crate::error::TestbedError;
use crate::port;
use crate::wait;
use std::time::Duration;

const SLOTS: usize = 16_384;
const FORM_LIMIT: Duration = Duration::from_mins(1);

/// Masters that share the 16,384 slots evenly, without replicas. Dropping it kills them all.
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts `masters` nodes (1–16) with the default options and returns when each of them calls the Cluster healthy.
    ///
    /// # Errors
    /// When `redis-server` is not installed, or the Cluster does not form.
    pub fn start(masters: usize) -> Result<Self, TestbedError> {
        Self::start_with(masters, &RedisServer::options())
    }

    /// As [`start`](Self::start), with options for every node.
    ///
    /// # Errors
    /// When `redis-server` is not installed, or the Cluster does not form.
    pub fn start_with(masters: usize, options: &RedisOptions) -> Result<Self, TestbedError> {
        assert!((1..=16).contains(&masters), "1 to 16 masters, not {masters}");
        let mut nodes = Vec::new();
        for (index, bus) in port::free(masters)?.into_iter().enumerate() {
            let options = options.clone().set("cluster-enabled", "yes").set("cluster-node-timeout", "2000");
            // The default, port + 10,000, need not exist.
            let node = options.set("cluster-port", &bus.to_string()).start()?;
            let (from, to) = (index * SLOTS / masters, (index + 1) * SLOTS / masters - 1);
            node.command(&["CLUSTER", "ADDSLOTSRANGE", &from.to_string(), &to.to_string()])?;
            node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()])?;
            if let Some(first) = nodes.first().map(RedisServer::port) {
                let meet = ["CLUSTER", "MEET", "127.0.0.1", &first.to_string(), &bus_of(&nodes[0])?];
                node.command(&meet)?;
            }
            nodes.push(node);
        }
        let cluster = Self { nodes };
        cluster.wait_until_healthy()?;
        Ok(cluster)
    }

    /// Waits until every node that runs calls the Cluster healthy and knows all others, such as after a restart.
    ///
    /// # Errors
    /// When that takes more than a minute.
    pub fn wait_until_healthy(&self) -> Result<(), TestbedError> {
        let known = format!("cluster_known_nodes:{}\r\n", self.nodes.len());
        let healthy = |node: &RedisServer| {
            let info = node.command(&["CLUSTER", "INFO"]).unwrap_or_default();
            info.contains("cluster_state:ok\r\n") && info.contains(&known)
        };
        let mut running = || self.nodes.iter().filter(|node| node.pid().is_some()).all(healthy).then_some(());
        let slow = || TestbedError::TooSlow {
            server: "the Redis Cluster",
            seconds: FORM_LIMIT.as_secs(),
            log: self.nodes[0].command(&["CLUSTER", "NODES"]).unwrap_or_else(|error| error.to_string()),
        };
        wait::until(FORM_LIMIT, &mut running).ok_or_else(slow)
    }

    /// The URL of each node; a client needs one of them.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::url).collect()
    }

    /// The nodes.
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// The nodes, to be killed and started again. A node that was killed forgets nothing of the Cluster.
    pub fn nodes_mut(&mut self) -> &mut [RedisServer] {
        &mut self.nodes
    }
}

/// The port on which a node talks to the others.
fn bus_of(node: &RedisServer) -> Result<String, TestbedError> {
    let port = node.command(&["CONFIG", "GET", "cluster-port"])?;
    Ok(port.lines().last().unwrap_or_default().to_owned())
}
