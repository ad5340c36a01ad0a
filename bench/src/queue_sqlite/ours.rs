//! The store of this workspace, without a worker around it: turns of settle + claim.

use anyhow::ensure;
use backstock_queue::{
    Claim, Durability, JobId, KindRange, NewJob, Outcome, Priority, PriorityOrder, Settled, Settlement,
    SqliteOptions, SqliteStore, Store, WorkerId, WorkerInfo,
};
use std::{path::Path, sync::Arc, time::Duration};

const KIND: &str = "noop";
/// Jobs of one enqueue call.
const CALL: usize = 500;
/// Jobs of one turn.
const TURN: usize = 250;

pub struct Queue {
    pub store: Arc<SqliteStore>,
    pub worker: WorkerId,
}

impl Queue {
    /// Opens the queue in `folder`, at `synchronous=NORMAL`.
    pub async fn open(folder: &Path) -> anyhow::Result<Self> {
        Self::open_as(folder, Durability::Normal).await
    }

    pub async fn open_as(folder: &Path, durability: Durability) -> anyhow::Result<Self> {
        let options = SqliteOptions { durability, ..SqliteOptions::default() };
        let store = Arc::new(SqliteStore::open(folder.join("queue.db"), options).await?);
        let worker = WorkerId::generate("bench");
        let info = WorkerInfo {
            id: worker.clone(),
            host: "here".to_owned(),
            pid: std::process::id(),
            kinds: kinds(),
            patience: Duration::from_mins(10),
        };
        store.check_in(&info).await?;
        Ok(Self { store, worker })
    }

    /// Enqueues `count` jobs in calls of [`CALL`].
    pub async fn fill(&self, count: usize) -> anyhow::Result<()> {
        self.fill_with(count, job).await
    }

    pub async fn fill_with(&self, count: usize, job: fn(usize) -> NewJob) -> anyhow::Result<()> {
        let mut stored = 0;
        while stored < count {
            let jobs: Vec<_> = (stored..count.min(stored + CALL)).map(job).collect();
            stored += self.store.enqueue(jobs).await?.len();
        }
        Ok(())
    }

    /// Completes all jobs in turns of [`TURN`]; there must be `count`.
    pub async fn drain(&self, count: usize) -> anyhow::Result<()> {
        let claim = self.claim(TURN);
        let (mut held, mut done) = (Vec::new(), 0);
        loop {
            let (settled, claimed) = self.store.turn(std::mem::take(&mut held), &claim).await?;
            done += settled.iter().filter(|settled| **settled == Settled::Applied).count();
            if claimed.leases.is_empty() {
                ensure!(done == count, "{done} jobs done, {count} expected");
                return Ok(());
            }
            held.extend(claimed.leases.iter().map(|lease| Settlement::new(lease.key(), Outcome::Complete)));
        }
    }

    /// A request for at most `max` jobs.
    pub fn claim(&self, max: usize) -> Claim {
        Claim {
            worker: self.worker.clone(),
            queue: "default".to_owned(),
            kinds: kinds(),
            max,
            lease_for: Duration::from_secs(30),
            order: PriorityOrder::default(),
            draw: 0,
        }
    }
}

fn kinds() -> Vec<KindRange> {
    vec![KindRange { kind: KIND.to_owned(), max_version: 1 }]
}

/// A job with about 60 bytes of payload.
pub fn job(number: usize) -> NewJob {
    NewJob {
        id: JobId::generate(),
        kind: KIND.to_owned(),
        version: 1,
        queue: "default".to_owned(),
        priority: Priority::Normal,
        payload: format!(r#"{{"number":{number},"text":"as long as a few product ids are"}}"#).into_bytes(),
        run_at: None,
        expires_at: None,
        unique: None,
        group: None,
        fairness_key: None,
    }
}
