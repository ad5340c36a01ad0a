//! What a piece of work costs: wall time, CPU of this process, CPU of the server.

use crate::process::cpu_seconds;
use anyhow::Context;
use backstock_testbed::{CpuTime, RabbitServer, RedisServer};
use std::{sync::Arc, time::Instant};

/// Jobs and what they cost, in seconds.
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

    /// CPU seconds of worker and server together.
    pub fn cpu(&self) -> f64 {
        self.worker + self.server
    }

    /// Jobs per CPU second of worker and server together.
    pub fn per_cpu_second(&self) -> f64 {
        self.jobs as f64 / self.cpu()
    }

    /// CPU of worker and server together, of one job.
    pub fn cpu_micros(&self) -> f64 {
        self.micros(self.cpu())
    }

    pub fn worker_micros(&self) -> f64 {
        self.micros(self.worker)
    }

    pub fn server_micros(&self) -> f64 {
        self.micros(self.server)
    }

    fn micros(&self, seconds: f64) -> f64 {
        seconds * 1e6 / self.jobs as f64
    }

    /// Does `work` and adds what it cost for `jobs` more.
    pub async fn add<T>(
        &mut self,
        jobs: usize,
        server: &impl Server,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let (worker_before, server_before, begun) = (cpu_seconds()?, server.seconds()?, Instant::now());
        let done = work.await?;
        self.wall += begun.elapsed().as_secs_f64();
        self.worker += cpu_seconds()? - worker_before;
        self.server += server.seconds()? - server_before;
        self.jobs += jobs;
        Ok(done)
    }
}

/// Whose CPU time counts beside our own.
pub trait Server {
    /// CPU seconds so far.
    fn seconds(&self) -> anyhow::Result<f64>;
}

/// No server: everything happens in this process.
pub struct Nobody;

impl Server for Nobody {
    fn seconds(&self) -> anyhow::Result<f64> {
        Ok(0.0)
    }
}

impl Server for RedisServer {
    fn seconds(&self) -> anyhow::Result<f64> {
        of(self.cpu_time())
    }
}

impl Server for RabbitServer {
    fn seconds(&self) -> anyhow::Result<f64> {
        of(self.cpu_time())
    }
}

impl<S: Server> Server for Arc<S> {
    fn seconds(&self) -> anyhow::Result<f64> {
        S::seconds(self)
    }
}

fn of(time: Option<CpuTime>) -> anyhow::Result<f64> {
    Ok(time.context("the server has ended")?.total().as_secs_f64())
}
