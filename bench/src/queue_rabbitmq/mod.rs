//! `queue-rabbitmq`: plain jobs of the RabbitMQ store under a worker pool beside a bare lapin loop on the same server, with
//! quorum queues and with classic ones, each with its ledger of what was lost or run twice; then pickup, and how late a
//! retry of 5 s is behind 10,000 jobs that are due in an hour.

mod bare;
mod report;
mod retry;

use crate::{
    meter::Usage,
    options::Options,
    pickup,
    pool::{self, Ledger},
    show,
};
use backstock_queue::{QueueType, RabbitOptions, RabbitStore, SqliteOptions, SqliteStore, Store};
use backstock_testbed::RabbitServer;
use report::{Figures, Side};
use std::sync::Arc;
use tempfile::TempDir;

/// Jobs of one round.
const JOBS: usize = 50_000;
const ROUNDS: usize = 3;

/// Runs it and prints the figures. `--rows N` sets the jobs of a round.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let jobs = options.rows.unwrap_or(JOBS);
    show::measured(options, measure(jobs), Figures::json, Figures::text)
}

/// What one system did in all its rounds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Work {
    pub publish: Usage,
    pub drain: Usage,
    pub lost: usize,
    pub twice: usize,
}

/// Where everything happens.
struct Rig {
    server: RabbitServer,
    folder: TempDir,
}

async fn measure(jobs: usize) -> anyhow::Result<Figures> {
    let rig = Rig { server: RabbitServer::start()?, folder: tempfile::tempdir()? };
    let mut figures = Figures { jobs, ..Figures::default() };
    for queue_type in [QueueType::Quorum, QueueType::Classic] {
        let mut side = Side::default();
        for round in 0..ROUNDS {
            rig.bare(queue_type, 50, jobs, &mut side.bare_50).await?;
            rig.bare(queue_type, 100, jobs, &mut side.bare_100).await?;
            rig.ours(queue_type, round, false, jobs, &mut side.singles).await?;
            rig.ours(queue_type, round, true, jobs, &mut side.batches).await?;
        }
        let prefix = format!("pickup-{queue_type:?}");
        side.pickup =
            pickup::between(rig.open(queue_type, &prefix).await?, rig.open(queue_type, &prefix).await?)
                .await?;
        if queue_type == QueueType::Quorum {
            figures.retry = retry::measure(rig.open(queue_type, "retry").await?).await?;
        }
        match queue_type {
            QueueType::Quorum => figures.quorum = side,
            QueueType::Classic => figures.classic = side,
        }
    }
    Ok(figures)
}

impl Rig {
    async fn open(&self, queue_type: QueueType, prefix: &str) -> anyhow::Result<Arc<dyn Store>> {
        let ledger = SqliteStore::open(self.folder.path().join(prefix), SqliteOptions::default()).await?;
        let options = RabbitOptions { prefix: prefix.to_owned(), queue_type, ..RabbitOptions::default() };
        Ok(Arc::new(RabbitStore::open(&self.server.url(), Arc::new(ledger), options).await?))
    }

    async fn bare(&self, kind: QueueType, batch: u16, jobs: usize, work: &mut Work) -> anyhow::Result<()> {
        let ledger = Ledger::new(jobs);
        let url = self.server.url();
        let bare = bare::Bare::open(&url, kind).await?;
        work.publish.add(jobs, &self.server, bare.fill(jobs)).await?;
        work.drain.add(jobs, &self.server, bare.drain(Arc::clone(&ledger), jobs, batch)).await?;
        bare.delete().await?;
        work.lost += ledger.lost();
        work.twice += ledger.twice();
        Ok(())
    }

    async fn ours(
        &self,
        kind: QueueType,
        round: usize,
        batches: bool,
        jobs: usize,
        work: &mut Work,
    ) -> anyhow::Result<()> {
        let ledger = Ledger::new(jobs);
        let prefix = format!("{kind:?}-{round}-{batches}");
        let producer = self.open(kind, &prefix).await?;
        work.publish.add(jobs, &self.server, fill(&*producer, jobs, batches)).await?;
        let worker = self.open(kind, &prefix).await?;
        let draining = async {
            let ledger = Arc::clone(&ledger);
            if batches {
                pool::drain_batches(worker, ledger).await
            } else {
                pool::drain_singles(worker, ledger).await
            }
        };
        work.drain.add(jobs, &self.server, draining).await?;
        work.lost += ledger.lost();
        work.twice += ledger.twice();
        Ok(())
    }
}

/// Two producers, so that a thousand confirms are outstanding, as in the bare loop.
async fn fill(store: &dyn Store, jobs: usize, batches: bool) -> anyhow::Result<()> {
    let half = jobs / 2;
    let part = |numbers| async move {
        if batches {
            pool::fill_with::<pool::Many>(store, numbers, |job| job).await
        } else {
            pool::fill_with::<pool::Single>(store, numbers, |job| job).await
        }
    };
    let (one, other) = tokio::join!(part(0..half), part(half..jobs));
    one.and(other)
}
