//! The running pool and its end.

use super::{PoolReport, WorkerPool, handle::Urgency};
use crate::{
    PoolOptions, apalis,
    keeper::Keeper,
    lane::{Driver, Lane},
};
use backstock_queue::{Store, WorkerInfo};
use backstock_service::{ErrorDelay, Shutdown};
use futures::future::join_all;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::{JoinError, JoinHandle, JoinSet},
    time::{Instant, timeout},
};

/// Everything that runs. Dropped, it stops all of it.
pub(super) struct Running {
    store: Arc<dyn Store>,
    options: Arc<PoolOptions>,
    worker: WorkerInfo,
    lanes: Vec<Arc<Lane>>,
    keeper: Option<Keeper>,
    drivers: JoinSet<()>,
    drivers_end: Shutdown,
    run_loop: Option<JoinHandle<()>>,
    run_loop_ends: Shutdown,
}

impl Running {
    /// How long dropped calls and the last settlements may take.
    const LAST_WORDS: Duration = Duration::from_secs(2);

    pub fn start(pool: WorkerPool) -> Self {
        let WorkerPool { store, options, worker, lanes, .. } = pool;
        let keeper = Keeper::start(Arc::clone(&store), Arc::clone(&options), worker.clone(), lanes.clone());
        Self {
            store,
            options,
            worker,
            lanes,
            keeper: Some(keeper),
            drivers: JoinSet::new(),
            drivers_end: Shutdown::new(),
            run_loop: None,
            run_loop_ends: Shutdown::new(),
        }
    }

    /// Works; never ends.
    pub async fn work(&mut self) {
        if let Some(keeper) = &mut self.keeper {
            keeper.introduced().await;
        }
        tracing::info!(worker = %self.worker.id, lanes = self.lanes.len(), "working");
        for lane in &self.lanes {
            let (driver, wake) = Driver::new(Arc::clone(lane), Arc::clone(&self.store));
            let delay = ErrorDelay::new(Duration::from_millis(50), Duration::from_secs(2));
            self.drivers.spawn(backstock_service::run(driver, self.drivers_end.clone(), wake, delay));
        }
        loop {
            let (lanes, ends) = (self.lanes.clone(), self.run_loop_ends.clone());
            let run_loop = tokio::spawn(async move { apalis::run(&lanes, ends.requested()).await });
            let ended = self.run_loop.insert(run_loop).await;
            report_early_end(ended);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub async fn shut_down(mut self, mut stop: watch::Receiver<Urgency>) -> PoolReport {
        let began = Instant::now();
        tracing::info!(worker = %self.worker.id, "shutting down");
        self.run_loop_ends.request();
        self.lanes.iter().for_each(|lane| lane.close());
        let working = !self.drivers.is_empty();
        if working && !self.calls_ended(&mut stop).await {
            self.lanes.iter().for_each(|lane| lane.drop_calls());
            let _may_be_late = timeout(Self::LAST_WORDS, drained(&self.lanes)).await;
        }
        self.drivers_end.request();
        self.drivers.shutdown().await;
        let abandoned = self.lanes.iter().map(|lane| lane.leases().len() as u64).sum();
        if let Some(keeper) = self.keeper.take() {
            let _may_be_late = timeout(Self::LAST_WORDS, keeper.stop()).await;
        }
        let goodbye = timeout(Self::LAST_WORDS, self.say_goodbye()).await.is_ok();
        if !goodbye {
            tracing::warn!("could not tell the store that this worker is gone; it will notice");
        }
        let jobs = self.lanes.iter().map(|lane| lane.stats().tally);
        let report = PoolReport {
            jobs: jobs.fold(crate::Tally::default(), |sum, lane| sum.plus(&lane)),
            shutdown_took: began.elapsed(),
            abandoned,
            clean: abandoned == 0 && goodbye,
        };
        let took_ms = u64::try_from(report.shutdown_took.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(abandoned, took_ms, completed = report.jobs.completed, "stopped");
        report
    }

    /// Tells the store that this worker is gone, again and again: the line may be just coming back.
    async fn say_goodbye(&self) {
        while let Err(error) = self.store.check_out(&self.worker.id).await {
            tracing::debug!(%error, "could not say goodbye");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for the running calls within the grace time, the second half asking them to stop.
    async fn calls_ended(&self, stop: &mut watch::Receiver<Urgency>) -> bool {
        let half = self.options.grace / 2;
        let gracefully = async {
            if timeout(half, drained(&self.lanes)).await.is_ok() {
                return true;
            }
            self.lanes.iter().for_each(|lane| lane.stop_calls());
            timeout(self.options.grace.saturating_sub(half), drained(&self.lanes)).await.is_ok()
        };
        tokio::select! {
            biased;
            () = Urgency::asked(stop, Urgency::Immediate) => false,
            ended = gracefully => ended,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.run_loop_ends.request();
        self.lanes.iter().for_each(|lane| {
            lane.close();
            lane.drop_calls();
        });
        if let Some(run_loop) = &self.run_loop {
            run_loop.abort();
        }
    }
}

async fn drained(lanes: &[Arc<Lane>]) {
    join_all(lanes.iter().map(|lane| lane.drained())).await;
}

fn report_early_end(ended: Result<(), JoinError>) {
    match ended {
        Ok(()) => tracing::error!("the run loop ended unasked; starting it again"),
        Err(error) => tracing::error!(%error, "the run loop crashed; starting it again"),
    }
}
