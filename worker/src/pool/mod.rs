//! The pool: one worker process.

mod handle;
mod refusal;
mod running;

pub use handle::{Health, PoolHandle};
pub(crate) use refusal::Refusal;

use crate::{InvalidOptions, PoolOptions, Tally, lane::Lane, options::check_batch};
use backstock_queue::{Registry, Store, WorkerId, WorkerInfo, handler::KindInfo};
use handle::Urgency;
use running::Running;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::watch;

/// Claims jobs of every registered kind, runs their handlers, settles them.
///
/// ```no_run
/// # async fn example(store: std::sync::Arc<dyn backstock_queue::Store>, registry: backstock_queue::Registry)
/// # -> Result<(), backstock_worker::InvalidOptions> {
/// use backstock_worker::{PoolOptions, WorkerPool};
///
/// let pool = WorkerPool::new(store, registry, PoolOptions::default())?;
/// let report = pool.run_until(std::future::pending()).await;
/// assert!(report.clean);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct WorkerPool {
    store: Arc<dyn Store>,
    options: Arc<PoolOptions>,
    worker: WorkerInfo,
    lanes: Vec<Arc<Lane>>,
    stop: watch::Sender<Urgency>,
    refusal: Arc<Refusal>,
}

/// What a pool did, told at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolReport {
    /// Jobs by what became of them.
    pub jobs: Tally,
    /// From the wish to stop to the end.
    pub shutdown_took: Duration,
    /// Jobs whose calls could be neither finished nor dropped in time (they block their thread), or whose settlement the
    /// store did not take. Their leases end by themselves, and they run again elsewhere.
    pub abandoned: u64,
    /// Whether nothing was abandoned and the store knows that the worker is gone.
    pub clean: bool,
}

impl WorkerPool {
    /// A pool that does not run yet.
    ///
    /// # Errors
    /// A setting that cannot work, or an empty registry. Does not pass.
    pub fn new(
        store: Arc<dyn Store>,
        registry: Registry,
        options: PoolOptions,
    ) -> Result<Self, InvalidOptions> {
        options.validate()?;
        let mut queues: BTreeMap<&str, Vec<KindInfo>> = BTreeMap::new();
        for info in registry.kinds() {
            check_batch(info.kind, options.batch.get(info.kind).unwrap_or(&info.batch))?;
            queues.entry(info.queue).or_default().push(*info);
        }
        if queues.is_empty() {
            return Err(InvalidOptions::NoKinds);
        }
        for lane in options.lanes.iter().filter(|lane| !queues.contains_key(lane.queue.as_str())) {
            tracing::warn!(
                queue = lane.queue,
                "no registered job kind uses this queue; its settings are not used"
            );
        }
        let (registry, options) = (Arc::new(registry), Arc::new(options));
        let worker = WorkerInfo {
            id: WorkerId::generate(&options.name),
            host: options.host.clone(),
            pid: std::process::id(),
            kinds: registry.kinds().map(KindInfo::range).collect(),
            patience: options.check_in_every * 3,
        };
        let refusal = Arc::<Refusal>::default();
        let lane = |(queue, kinds): (&str, Vec<KindInfo>)| {
            let (registry, options) = (Arc::clone(&registry), Arc::clone(&options));
            Arc::new(Lane::new(queue, &kinds, registry, options, worker.id.clone(), Arc::clone(&refusal)))
        };
        let lanes = queues.into_iter().map(lane).collect();
        Ok(Self { store, worker, lanes, options, stop: watch::Sender::new(Urgency::None), refusal })
    }

    /// For whoever stops or watches the pool while it runs.
    pub fn handle(&self) -> PoolHandle {
        PoolHandle::new(
            self.worker.id.clone(),
            self.lanes.clone(),
            self.stop.clone(),
            Arc::clone(&self.refusal),
        )
    }

    /// Works until `shutdown` ends or [`PoolHandle::stop`] is called, then shuts down: claims nothing more, hands back
    /// at once what was not started, waits for the running calls (after half the grace time asking them to stop), hands
    /// back the jobs of those that outlast it, and says goodbye. Errors of the store only delay it; the one that
    /// [ends all work](backstock_queue::StoreError::ends_work) shuts it down, too, and [`PoolHandle::refused`] has it.
    ///
    /// Dropping the future stops everything at once: running calls are dropped, and the store learns of it when the
    /// leases end.
    pub async fn run_until(self, shutdown: impl Future<Output = ()> + Send) -> PoolReport {
        let mut stop = self.stop.subscribe();
        let refusal = Arc::clone(&self.refusal);
        let mut running = Running::start(self);
        tokio::select! {
            () = shutdown => {}
            _ = refusal.told() => {}
            () = Urgency::asked(&mut stop, Urgency::Graceful) => {}
            () = running.work() => {}
        }
        running.shut_down(stop).await
    }
}
