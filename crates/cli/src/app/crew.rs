//! Who works in this process: a worker pool, a scheduler, or both.

use super::{App, cron};
use crate::failure::Failure;
use backstock_config::{Config, Schedule};
use backstock_jobs as jobs;
use backstock_queue::{Registry, Retention, Store, SystemClock, WorkerId};
use backstock_scheduler::{Entry, Scheduler};
use backstock_service::Shutdown;
use backstock_worker::{LaneOptions, PoolOptions, PoolReport, WorkerPool};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// The running roles of this process.
pub struct Crew {
    pool: Option<JoinHandle<PoolReport>>,
    scheduler: Option<JoinHandle<()>>,
    stop: Shutdown,
}

impl Crew {
    /// Worker and maintenance, no cron: for a command that has an end.
    pub fn start(app: &App, shutdown: &Shutdown) -> Result<Self, Failure> {
        let mut crew = Self::worker(app, shutdown)?;
        crew.scheduler =
            Some(spawn_scheduler(&app.config, Arc::clone(&app.tools.store), Vec::new(), &crew.stop)?);
        Ok(crew)
    }

    /// Worker, maintenance and cron.
    pub fn with_cron(app: &App, shutdown: &Shutdown) -> Result<Self, Failure> {
        let schedule = Schedule::load(&app.config.scheduler.schedule_file).map_err(Failure::usage)?;
        let entries = cron::entries(&schedule)?;
        let mut crew = Self::worker(app, shutdown)?;
        crew.scheduler =
            Some(spawn_scheduler(&app.config, Arc::clone(&app.tools.store), entries, &crew.stop)?);
        Ok(crew)
    }

    /// Worker only.
    pub fn worker(app: &App, shutdown: &Shutdown) -> Result<Self, Failure> {
        let registry = jobs::registry(&app.tools);
        let options = pool_options(&app.config, &registry, app.tools.cpu.threads());
        let pool =
            WorkerPool::new(Arc::clone(&app.tools.store), registry, options).map_err(Failure::usage)?;
        let stop = Shutdown::new();
        let (own, outer) = (stop.clone(), shutdown.clone());
        let asked = async move {
            tokio::select! { () = own.requested() => {} () = outer.requested() => {} }
        };
        Ok(Self { pool: Some(tokio::spawn(pool.run_until(asked))), scheduler: None, stop })
    }

    /// Asks everyone to stop and waits until they have.
    pub async fn stop(self) -> Farewell {
        self.stop.request();
        let pool = match self.pool {
            Some(pool) => pool.await.ok(),
            None => None,
        };
        if let Some(scheduler) = self.scheduler {
            let _ended = scheduler.await;
        }
        Farewell(pool)
    }
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

fn spawn_scheduler(
    config: &Config,
    store: Arc<dyn Store>,
    entries: Vec<Entry>,
    stop: &Shutdown,
) -> Result<JoinHandle<()>, Failure> {
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
    let scheduler = Scheduler::new(store, Arc::new(SystemClock), entries, options).map_err(Failure::usage)?;
    Ok(tokio::spawn(scheduler.run(stop.clone())))
}

impl Crew {
    /// Scheduler only.
    pub fn scheduler(config: &Config, store: Arc<dyn Store>, shutdown: &Shutdown) -> Result<Self, Failure> {
        let schedule = Schedule::load(&config.scheduler.schedule_file).map_err(Failure::usage)?;
        let scheduler = spawn_scheduler(config, store, cron::entries(&schedule)?, shutdown)?;
        Ok(Self { pool: None, scheduler: Some(scheduler), stop: shutdown.clone() })
    }
}
