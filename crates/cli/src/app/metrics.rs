//! From what pool, scheduler and store count to the metrics file of this process.

use super::cache_metrics;
use backstock_cache::Cache;
use backstock_config::Config;
use backstock_queue::{Clock, QueueStatus, Store, StoreError, SystemClock, Timestamp, WorkerId};
use backstock_scheduler::{SchedulerHandle, SchedulerStats};
use backstock_service::{ErrorDelay, Next, Service, Shutdown, Wake};
use backstock_telemetry::{Metrics, MetricsFolder, MetricsFolderError, catalogue as of};
use backstock_worker::{LaneStats, PoolHandle, PoolStats, Tally};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use tokio::task::{JoinError, JoinHandle};

/// Where the metrics of a data folder are.
pub fn folder(config: &Config) -> MetricsFolder {
    MetricsFolder::new(config.data_dir.join("metrics"))
}

/// Who counts in this process.
pub struct Sources {
    pub store: Arc<dyn Store>,
    pub pool: Option<PoolHandle>,
    pub scheduler: Option<SchedulerHandle>,
    pub cache: Option<Arc<Cache>>,
}

/// The running export.
pub struct Export {
    stop: Shutdown,
    running: JoinHandle<()>,
}

impl Export {
    /// Starts to write, unless the configuration forbids it.
    pub fn start(config: &Config, sources: Sources) -> Option<Self> {
        if !config.telemetry.metrics_file {
            return None;
        }
        let worker = sources.pool.as_ref().map(|pool| pool.worker().clone());
        let name = worker.unwrap_or_else(|| WorkerId::generate("scheduler")).to_string();
        let exporter = Exporter {
            metrics: Arc::new(Metrics::labelled(&[("worker", &name)])),
            folder: folder(config),
            every: Duration::from_secs(config.telemetry.metrics_seconds),
            sources,
            name,
        };
        let stop = Shutdown::new();
        let delay = ErrorDelay::default();
        let running = tokio::spawn(backstock_service::run(exporter, stop.clone(), Wake::never(), delay));
        Some(Self { stop, running })
    }

    /// Writes what pool and scheduler, which have stopped, came to; then ends.
    pub async fn stop(self) {
        self.stop.request();
        let _ended = self.running.await;
    }
}

struct Exporter {
    sources: Sources,
    metrics: Arc<Metrics>,
    folder: MetricsFolder,
    name: String,
    every: Duration,
}

/// Why metrics were not written this time.
#[derive(Debug)]
enum ExportError {
    Store(StoreError),
    Folder(MetricsFolderError),
    Thread(JoinError),
}

impl std::fmt::Display for ExportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Folder(error) => error.fmt(f),
            Self::Thread(error) => error.fmt(f),
        }
    }
}

impl Exporter {
    async fn write(&self) -> Result<(), ExportError> {
        let Sources { store, pool, scheduler, cache } = &self.sources;
        let queues = store.queues().await.map_err(ExportError::Store)?;
        let workers = store.workers().await.map_err(ExportError::Store)?;
        let now = SystemClock.now();
        feed_queues(&self.metrics, &queues, now);
        self.metrics.gauge(&of::WORKERS, &[]).set(workers.len() as f64);
        if let Some(pool) = pool {
            feed_pool(&self.metrics, &pool.stats());
        }
        if let Some(scheduler) = scheduler {
            feed_scheduler(&self.metrics, &scheduler.stats());
        }
        if let Some(cache) = cache {
            cache_metrics::feed(&self.metrics, &cache.statistics(), cache.latest_warm_up());
        }
        let (folder, name, text) = (self.folder.clone(), self.name.clone(), self.metrics.render());
        let on_disk = move || {
            folder.tidy(UNIX_EPOCH + Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or(0)));
            folder.write(&name, &text)
        };
        let written = tokio::task::spawn_blocking(on_disk).await.map_err(ExportError::Thread)?;
        written.map_err(ExportError::Folder)
    }
}

impl Service for Exporter {
    const NAME: &'static str = "metrics_file";
    type Error = ExportError;

    async fn tick(&mut self) -> Result<Next, ExportError> {
        self.write().await?;
        Ok(Next::After(self.every))
    }

    async fn stop(&mut self) {
        if let Err(error) = self.write().await {
            tracing::warn!(%error, "the last metrics of this process were not written");
        }
    }
}

/// The queues as the store sees them; every process shows the same.
fn feed_queues(metrics: &Metrics, queues: &[QueueStatus], now: Timestamp) {
    for gauge in [&of::JOBS, &of::LATENESS, &of::PAUSED] {
        metrics.clear(gauge);
    }
    for queue in queues {
        let name = queue.name.as_str();
        for (state, jobs) in &queue.counts {
            metrics.gauge(&of::JOBS, &[name, &state.to_string()]).set(*jobs as f64);
        }
        let late = queue.oldest_due_at.map_or(Duration::ZERO, |due| now.since(due));
        metrics.gauge(&of::LATENESS, &[name]).set(late.as_secs_f64());
        metrics.gauge(&of::PAUSED, &[name]).set(f64::from(u8::from(queue.paused)));
    }
}

fn feed_pool(metrics: &Metrics, stats: &PoolStats) {
    for lane in &stats.lanes {
        feed_lane(metrics, lane);
        for kind in &lane.kinds {
            let labels = [lane.queue.as_str(), kind.kind];
            metrics.gauge(&of::BATCH_LIMIT, &labels).set(kind.batch_limit as f64);
            metrics.counter(&of::CALLS, &labels).raise_to(kind.calls);
            metrics.counter(&of::CALL_JOBS, &labels).raise_to(kind.jobs);
            metrics.counter(&of::FAILURES, &labels).raise_to(kind.failures);
            let busy_ms = u64::try_from(kind.busy.as_millis()).unwrap_or(u64::MAX);
            metrics.counter(&of::CALL_TIME, &labels).raise_to(busy_ms);
            for (reason, batches) in &kind.stopped {
                let labels = [lane.queue.as_str(), kind.kind, reason.as_str()];
                metrics.counter(&of::BATCH_STOPS, &labels).raise_to(*batches);
            }
        }
    }
}

fn feed_lane(metrics: &Metrics, lane: &LaneStats) {
    let queue = lane.queue.as_str();
    metrics.gauge(&of::RUNNING, &[queue]).set(lane.running as f64);
    metrics.gauge(&of::WAITING, &[queue]).set(lane.waiting as f64);
    metrics.gauge(&of::UNSENT, &[queue]).set(lane.unsent as f64);
    metrics
        .histogram(&of::PICKUP, &[queue])
        .take_over(lane.start_latency.counts(), lane.start_latency.sum_ms());
    let Tally { claimed, completed, retried, snoozed, discarded, cancelled, handed_back, lost } = lane.tally;
    metrics.counter(&of::CLAIMED, &[queue]).raise_to(claimed);
    for (outcome, jobs) in [
        ("completed", completed),
        ("retried", retried),
        ("snoozed", snoozed),
        ("discarded", discarded),
        ("cancelled", cancelled),
        ("handed_back", handed_back),
        ("lost", lost),
    ] {
        metrics.counter(&of::SETTLED, &[queue, outcome]).raise_to(jobs);
    }
}

fn feed_scheduler(metrics: &Metrics, stats: &SchedulerStats) {
    let SchedulerStats { leads, promoted, rescued, quarantined, dead_workers, pruned } = *stats;
    metrics.gauge(&of::LEADS, &[]).set(f64::from(u8::from(leads)));
    metrics.counter(&of::PROMOTED, &[]).raise_to(promoted);
    metrics.counter(&of::RESCUED, &[]).raise_to(rescued);
    metrics.counter(&of::QUARANTINED, &[]).raise_to(quarantined);
    metrics.counter(&of::DEAD_WORKERS, &[]).raise_to(dead_workers);
    metrics.counter(&of::PRUNED, &[]).raise_to(pruned);
}

#[cfg(test)]
mod tests {
    use super::*;
    use backstock_queue::{JobState, StateCounts};
    use backstock_telemetry::Sample;
    use backstock_worker::{Histogram, KindStats, StopReason};

    fn full() -> (PoolStats, SchedulerStats, QueueStatus) {
        let mut start_latency = Histogram::default();
        start_latency.record(Duration::from_millis(3), 4);
        let kind = KindStats {
            kind: "embed",
            batch_limit: 32,
            calls: 2,
            jobs: 9,
            failures: 1,
            busy: Duration::from_millis(1_500),
            stopped: StopReason::ALL.into_iter().zip(1..).collect(),
        };
        let tally = Tally {
            claimed: 28,
            completed: 7,
            retried: 6,
            snoozed: 5,
            discarded: 4,
            cancelled: 3,
            handed_back: 2,
            lost: 1,
        };
        let queue = String::from("q");
        let lane = LaneStats {
            queue,
            concurrency: 1,
            running: 1,
            waiting: 2,
            unsent: 3,
            tally,
            start_latency,
            kinds: vec![kind],
        };
        let scheduler = SchedulerStats {
            leads: true,
            promoted: 1,
            rescued: 2,
            quarantined: 3,
            dead_workers: 4,
            pruned: 5,
        };
        let counts = StateCounts::from([(JobState::Available, 8)]);
        let oldest_due_at = Some(Timestamp(1_000));
        let status = QueueStatus {
            name: "q".into(),
            paused: true,
            counts,
            oldest_due_at,
            limits: backstock_queue::KeyLimits::NONE,
        };
        (PoolStats { lanes: vec![lane] }, scheduler, status)
    }

    #[test]
    fn every_metric_of_the_catalogue_is_fed() {
        let metrics = Metrics::default();
        let (pool, scheduler, queue) = full();
        feed_queues(&metrics, &[queue], Timestamp(1_250));
        feed_pool(&metrics, &pool);
        feed_scheduler(&metrics, &scheduler);
        metrics.gauge(&of::WORKERS, &[]).set(1.0);
        cache_metrics::feed_sample(&metrics);
        let text = metrics.render();
        for family in of::ALL {
            assert!(text.contains(&format!("# TYPE {} ", family.name)), "{}", family.name);
        }
        let samples = Sample::parse(&text).unwrap();
        let settled = samples.iter().filter(|sample| sample.name == of::SETTLED.0.name);
        assert_eq!(settled.map(|sample| sample.value as u64).sum::<u64>(), 28);
        for line in [
            "backstock_queue_lateness_seconds{queue=\"q\"} 0.25",
            "backstock_jobs{queue=\"q\",state=\"available\"} 8",
            "backstock_call_seconds_total{queue=\"q\",kind=\"embed\"} 1.5",
            "backstock_batch_stops_total{queue=\"q\",kind=\"embed\",reason=\"ceiling\"} 3",
            "backstock_job_pickup_seconds_sum{queue=\"q\"} 0.012",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }

    #[test]
    fn a_queue_that_is_gone_is_not_shown_any_more() {
        let metrics = Metrics::default();
        let (_, _, queue) = full();
        feed_queues(&metrics, &[queue], Timestamp(1_250));
        feed_queues(&metrics, &[], Timestamp(1_250));
        assert_eq!(metrics.render(), "");
    }
}
