//! Taking jobs back from workers that died, said goodbye, or let their leases end.

use super::{
    Engine, SqlStore,
    change::{Held, held},
    codes::flag,
    fault::Result,
    leave::{Leaving, leave},
    query::query,
    tx::Tx,
    worker::{CHECKED_OUT, DEAD},
};
use crate::{JobId, JobState, Rescued, Timestamp, WorkerId, life::Running};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

impl<E: Engine> SqlStore<E> {
    pub(super) async fn rescue_lost(&self, max_crashes: u32, limit: usize) -> Result<Rescued> {
        let limit = limit.min(super::MAINTENANCE);
        let mut tx = self.begin().await?;
        let dead_workers = self.find_dead(&mut tx).await?;
        let mut rescued = Rescued { dead_workers, ..Rescued::default() };
        let mut leaving = Vec::new();
        let workers = query(HOLDERS).bind(tx.now.0).fetch_all(tx.conn()).await?;
        for row in workers {
            let (worker, state) = (row.int(0)?, row.int(1)?);
            let room = limit - leaving.len();
            if room == 0 {
                break;
            }
            let until = if state == 0 { tx.now.0 } else { i64::MAX };
            let lost = state != CHECKED_OUT;
            take_back(&mut tx, (worker, until, room), |id, job| {
                let running =
                    Running { due_at: Timestamp(job.due_at), cancel_requested: job.is(flag::CANCEL) };
                let after = running.rescued(lost, job.crashes, max_crashes);
                match after.state {
                    JobState::Quarantined => rescued.quarantined.push(id),
                    JobState::Available => rescued.available.push(id),
                    _ => {}
                }
                leaving.push(Leaving::new(job, after));
            })
            .await?;
        }
        leave(&mut tx, leaving).await?;
        query(FORGET).execute(tx.conn()).await?;
        self.commit(tx).await?;
        Ok(rescued)
    }

    /// Marks workers whose process is gone or that ran out of patience, and names them once.
    async fn find_dead(&self, tx: &mut Tx) -> Result<Vec<WorkerId>> {
        let rows = query(LIVING).fetch_all(tx.conn()).await?;
        let mut gone: HashMap<String, bool> = HashMap::from([(self.engine.presence().to_owned(), false)]);
        let mut dead = Vec::new();
        for row in rows {
            let silent = row.int(2)?.saturating_add(row.int(3)?) <= tx.now.0;
            let name = row.text(4)?.into_owned();
            let is_gone = match gone.get(&name) {
                Some(known) => *known,
                None => *gone.entry(name).or_insert_with_key(|name| self.engine.is_gone(name)),
            };
            if silent || is_gone {
                query(BURY).bind(row.int(0)?).bind(DEAD).execute(tx.conn()).await?;
                dead.push(WorkerId(row.text(1)?.into_owned()));
            }
        }
        Ok(dead)
    }
}

/// Hands over the running jobs of a worker whose leases end up to a moment, in the order of their end.
async fn take_back(
    tx: &mut Tx,
    (worker, until, limit): (i64, i64, usize),
    mut take: impl FnMut(JobId, Held),
) -> Result<()> {
    let rows = query(&*LOST).bind(worker).bind(until).bind(limit as i64).fetch_all(tx.conn()).await?;
    for row in rows {
        take(JobId(row.uuid(Held::COLUMNS)?), Held::read(&row)?);
    }
    Ok(())
}

pub(super) const LIVING: &str =
    "SELECT n, id, seen_at, patience, presence FROM worker WHERE state = 0 ORDER BY id";
pub(super) const BURY: &str = "UPDATE worker SET state = ?2 WHERE n = ?1";
/// Workers from whom something is to be taken back, the gone ones first, then by the end of their first lease.
pub(super) const HOLDERS: &str = "
    SELECT n, state FROM (
        SELECT n, state,
            (SELECT min(lease_ends) FROM job INDEXED BY job_running WHERE worker = w.n AND state = 2) AS ends
        FROM worker AS w) AS holder
    WHERE ends <= CASE WHEN state = 0 THEN ?1 ELSE 9223372036854775807 END ORDER BY state = 0, ends";
pub(super) static LOST: LazyLock<Arc<str>> = LazyLock::new(|| {
    format!(
        "SELECT {}, j.id FROM job AS j INDEXED BY job_running
         WHERE worker = ?1 AND state = 2 AND lease_ends <= ?2 ORDER BY lease_ends, seq LIMIT ?3",
        held!()
    )
    .into()
});
pub(super) const FORGET: &str = "
    DELETE FROM worker WHERE state <> 0 AND NOT EXISTS (
        SELECT 1 FROM job INDEXED BY job_running WHERE job.worker = worker.n AND job.state = 2)";
