//! What a piece of work costs: wall time, CPU of this process, CPU of the server.

use crate::process::cpu_seconds;
use anyhow::Context;
use backstock_testbed::RedisServer;
use std::time::Instant;

/// Jobs and what they cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub jobs: usize,
    pub wall: f64,
    pub worker: f64,
    pub server: f64,
}

impl Usage {
    pub fn per_second(&self) -> f64 {
        self.jobs as f64 / self.wall
    }

    /// Jobs per CPU second of worker and server together.
    pub fn per_cpu_second(&self) -> f64 {
        self.jobs as f64 / (self.worker + self.server)
    }

    pub fn worker_micros(&self) -> f64 {
        self.worker * 1e6 / self.jobs as f64
    }

    pub fn server_micros(&self) -> f64 {
        self.server * 1e6 / self.jobs as f64
    }
}

/// Running.
pub struct Meter {
    begun: Instant,
    worker: f64,
    server: f64,
}

impl Meter {
    pub fn start(server: &RedisServer) -> anyhow::Result<Self> {
        Ok(Self { worker: cpu_seconds()?, server: server_seconds(server)?, begun: Instant::now() })
    }

    /// Adds what was used since the start.
    pub fn stop(self, server: &RedisServer, jobs: usize, usage: &mut Usage) -> anyhow::Result<()> {
        usage.wall += self.begun.elapsed().as_secs_f64();
        usage.jobs += jobs;
        usage.worker += cpu_seconds()? - self.worker;
        usage.server += server_seconds(server)? - self.server;
        Ok(())
    }
}

fn server_seconds(server: &RedisServer) -> anyhow::Result<f64> {
    Ok(server.cpu_time().context("the server has ended")?.total().as_secs_f64())
}
