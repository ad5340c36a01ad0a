//! Workers: who lives, who said goodbye.

use super::{Engine, SqlStore, fault::Result, query::query};
use crate::{WorkerId, WorkerInfo, WorkerStatus};

/// `worker.state`: lives; found dead and checked out are kept while they hold leases.
pub(super) const DEAD: i64 = 1;
pub(super) const CHECKED_OUT: i64 = 2;

impl<E: Engine> SqlStore<E> {
    pub(super) async fn welcome(&self, worker: &WorkerInfo) -> Result<()> {
        let mut tx = self.begin().await?;
        query(CHECK_IN)
            .bind(&worker.id.0)
            .bind(&worker.host)
            .bind(i64::from(worker.pid))
            .bind(self.engine.presence())
            .bind(tx.now.0)
            .bind(i64::try_from(worker.patience.as_millis()).unwrap_or(i64::MAX))
            .execute(tx.conn())
            .await?;
        self.commit(tx).await
    }

    pub(super) async fn goodbye(&self, worker: &WorkerId) -> Result<()> {
        let mut tx = self.begin().await?;
        query(CHECK_OUT).bind(&worker.0).bind(CHECKED_OUT).bind(DEAD).execute(tx.conn()).await?;
        self.commit(tx).await
    }

    pub(super) async fn living(&self) -> Result<Vec<WorkerStatus>> {
        let rows = query(WORKERS).fetch_all(&mut self.read().await?).await?;
        rows.iter()
            .map(|row| {
                Ok(WorkerStatus {
                    id: WorkerId(row.text(0)?.into_owned()),
                    host: row.text(1)?.into_owned(),
                    pid: u32::try_from(row.int(2)?).unwrap_or(u32::MAX),
                    started_at: row.time(3)?,
                    seen_at: row.time(4)?,
                    running: row.int(5)? as u64,
                })
            })
            .collect()
    }
}

pub(super) const CHECK_IN: &str = "
    INSERT INTO worker (id, host, pid, presence, state, started_at, seen_at, patience)
    VALUES (?1, ?2, ?3, ?4, 0, ?5, ?5, ?6)
    ON CONFLICT (id) DO UPDATE SET host = ?2, pid = ?3, presence = ?4, seen_at = ?5, patience = ?6,
        state = 0,
        started_at = CASE WHEN worker.state = 0 THEN worker.started_at ELSE ?5 END";
pub(super) const CHECK_OUT: &str = "UPDATE worker SET state = ?2 WHERE id = ?1 AND state <> ?3";
pub(super) const WORKERS: &str = "
    SELECT id, host, pid, started_at, seen_at,
        (SELECT count(*) FROM job INDEXED BY job_running WHERE worker = w.n AND state = 2)
    FROM worker AS w WHERE state = 0 ORDER BY id";
