//! Who works in this process: a worker pool, a scheduler, or both.

use super::{App, cron, metrics};
use crate::failure::Failure;
use backstock_cache::Cache;
use backstock_config::{Config, Schedule};
use backstock_jobs as jobs;
use backstock_queue::{Registry, Retention, Store, SystemClock, WorkerId};
use backstock_scheduler::{Entry, Scheduler, SchedulerHandle};
use backstock_service::Shutdown;
use backstock_worker::{LaneOptions, PoolHandle, PoolOptions, PoolReport, WorkerPool};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// The running roles of this process.
pub struct Crew {
    pool: Option<(PoolHandle, JoinHandle<PoolReport>)>,
    scheduler: Option<(SchedulerHandle, JoinHandle<()>)>,
    metrics: Option<metrics::Export>,
    memory: Option<JoinHandle<()>>,
    stop: Shutdown,
}

impl Crew {
    /// Worker and maintenance, no cron: for a command that has an end.
    pub fn start(app: &App, shutdown: &Shutdown) -> Result<Self, Failure> {
        let crew = Self::nobody(shutdown).with_worker(app)?;
        crew.with_scheduler(&app.config, &app.tools.store, Some(&app.tools.cache), Vec::new())
    }

    /// Worker, maintenance and cron.
    pub fn with_cron(app: &App, shutdown: &Shutdown) -> Result<Self, Failure> {
        let entries = cron_entries(&app.config)?;
        let crew = Self::nobody(shutdown).with_worker(app)?;
        crew.with_scheduler(&app.config, &app.tools.store, Some(&app.tools.cache), entries)
    }

    /// Worker only.
    pub fn worker(app: &App, shutdown: &Shutdown) -> Result<Self, Failure> {
        let crew = Self::nobody(shutdown).with_worker(app)?;
        Ok(crew.measured(&app.config, &app.tools.store, Some(&app.tools.cache)))
    }

    /// Scheduler only.
    pub fn scheduler(config: &Config, store: &Arc<dyn Store>, shutdown: &Shutdown) -> Result<Self, Failure> {
        Self::nobody(shutdown).with_scheduler(config, store, None, cron_entries(config)?)
    }

    fn nobody(shutdown: &Shutdown) -> Self {
        let (stop, outer) = (Shutdown::new(), shutdown.clone());
        let own = stop.clone();
        tokio::spawn(async move {
            tokio::select! { () = own.requested() => {} () = outer.requested() => own.request() }
        });
        Self { pool: None, scheduler: None, metrics: None, memory: None, stop }
    }

    fn with_worker(mut self, app: &App) -> Result<Self, Failure> {
        let registry = jobs::registry(&app.tools);
        let options = pool_options(&app.config, &registry, app.tools.cpu.threads());
        let pool =
            WorkerPool::new(Arc::clone(&app.tools.store), registry, options).map_err(Failure::usage)?;
        let stop = self.stop.clone();
        let handle = pool.handle();
        self.pool = Some((handle, tokio::spawn(pool.run_until(async move { stop.requested().await }))));
        self.memory = super::cache::guard(&app.config, &app.tools.cache, &self.stop);
        Ok(self)
    }

    fn with_scheduler(
        mut self,
        config: &Config,
        store: &Arc<dyn Store>,
        cache: Option<&Arc<Cache>>,
        entries: Vec<Entry>,
    ) -> Result<Self, Failure> {
        let scheduler = scheduler(config, Arc::clone(store), entries)?;
        self.scheduler = Some((scheduler.handle(), tokio::spawn(scheduler.run(self.stop.clone()))));
        Ok(self.measured(config, store, cache))
    }

    /// Begins to write metrics, if the configuration says so.
    fn measured(mut self, config: &Config, store: &Arc<dyn Store>, cache: Option<&Arc<Cache>>) -> Self {
        let sources = metrics::Sources {
            store: Arc::clone(store),
            pool: self.pool.as_ref().map(|(handle, _)| handle.clone()),
            scheduler: self.scheduler.as_ref().map(|(handle, _)| handle.clone()),
            cache: cache.map(Arc::clone),
        };
        self.metrics = metrics::Export::start(config, sources);
        self
    }

    /// Does `work`, unless the queue turns out to be set up otherwise than the configuration says: nobody here can work then.
    pub async fn unless_refused<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let Some((pool, _)) = &self.pool else { return work.await };
        tokio::select! {
            refusal = pool.refused() => Err(Failure::data(refusal)),
            done = work => done,
        }
    }

    /// Asks everyone to stop and waits until they have.
    pub async fn stop(self) -> Farewell {
        self.stop.request();
        let pool = match self.pool {
            Some((_, pool)) => pool.await.ok(),
            None => None,
        };
        if let Some((_, scheduler)) = self.scheduler {
            let _ended = scheduler.await;
        }
        if let Some(memory) = self.memory {
            let _ended = memory.await;
        }
        if let Some(metrics) = self.metrics {
            metrics.stop().await;
        }
        Farewell(pool)
    }
}

fn cron_entries(config: &Config) -> Result<Vec<Entry>, Failure> {
    let schedule = Schedule::load(&config.scheduler.schedule_file).map_err(Failure::usage)?;
    cron::entries(&schedule)
}

/// What a crew says at its end.
pub struct Farewell(Option<PoolReport>);

impl fmt::Display for Farewell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(report) = &self.0 else { return f.write_str("stopped") };
        let jobs = &report.jobs;
        write!(
            f,
            "stopped in {}: {} jobs completed, {} to be retried, {} discarded, {} handed back",
            crate::show::duration(report.shutdown_took),
            crate::show::count(jobs.completed),
            crate::show::count(jobs.retried),
            crate::show::count(jobs.discarded),
            crate::show::count(jobs.handed_back),
        )?;
        if report.clean {
            Ok(())
        } else {
            write!(f, ", {} abandoned: they run again elsewhere", report.abandoned)
        }
    }
}

fn pool_options(config: &Config, registry: &Registry, cores: usize) -> PoolOptions {
    let host = host_name();
    let lane =
        |(queue, calls): (&String, &usize)| LaneOptions::new(queue, if *calls == 0 { cores } else { *calls });
    let queues: Vec<&str> = registry.kinds().map(|kind| kind.queue).collect();
    let lease_for = Duration::from_secs(config.worker.lease_seconds);
    PoolOptions {
        name: if config.worker.name.is_empty() { host.clone() } else { config.worker.name.clone() },
        host,
        lanes: config
            .worker
            .concurrency
            .iter()
            .filter(|(queue, _)| queues.contains(&queue.as_str()))
            .map(lane)
            .collect(),
        lease_for,
        renew_every: lease_for / 3,
        grace: Duration::from_secs(config.worker.shutdown_grace_seconds),
        ..PoolOptions::default()
    }
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::env::var("HOSTNAME"));
    name.map_or_else(|_| "localhost".to_owned(), |name| name.trim().to_owned())
}

fn scheduler(config: &Config, store: Arc<dyn Store>, entries: Vec<Entry>) -> Result<Scheduler, Failure> {
    let keep = config.queue.retention;
    let options = backstock_scheduler::Options {
        who: WorkerId::generate(&format!("{}-scheduler", host_name())),
        // Short on one machine, so that the jobs of a killed process run again within seconds even if it led.
        leadership: Duration::from_secs(2),
        renewal: Duration::from_millis(500),
        retention: Retention {
            max_age: Duration::from_hours(keep.max_age_hours),
            max_bytes: keep.max_mib << 20,
            dead_max_age: Duration::from_hours(keep.dead_max_age_hours),
            dead_max_bytes: keep.dead_max_mib << 20,
        },
        ..backstock_scheduler::Options::default()
    };
    Scheduler::new(store, Arc::new(SystemClock), entries, options).map_err(Failure::usage)
}
