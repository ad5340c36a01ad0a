//! What time brings: waiting jobs become available, jobs that nobody started expire.

use super::{
    Engine, SqlStore,
    change::{Held, held},
    codes::AVAILABLE,
    fault::Result,
    leave,
    query::query,
    rows::json,
    tx::Tx,
};
use crate::{JobState, Promoted, Timestamp, life};
use std::sync::{Arc, LazyLock};

impl<E: Engine> SqlStore<E> {
    pub(super) async fn promote_due(&self, limit: usize) -> Result<Promoted> {
        let limit = limit.min(super::MAINTENANCE);
        let mut tx = self.begin().await?;
        let now = tx.now.0;
        let rows = query(&*STALE).bind(now).bind(limit as i64).fetch_all(tx.conn()).await?;
        let mut promoted = Promoted { expired: rows.len(), ..Promoted::default() };
        let stale: Vec<_> = rows.iter().map(Held::read).collect::<Result<_>>()?;
        leave::cancel(&mut tx, stale, life::EXPIRED).await?;
        let queues = query(DUE_QUEUES).bind(now).fetch_all(tx.conn()).await?;
        for row in queues {
            let room = limit - promoted.expired - promoted.available;
            promoted.available += promote_queue(&mut tx, row.int(0)?, room).await?;
        }
        promoted.next_due = query(NEXT_DUE).fetch_one(tx.conn()).await?.maybe_time(0)?;
        self.commit(tx).await?;
        Ok(promoted)
    }
}

/// Makes due jobs of one queue available, earliest first; returns how many.
pub(super) async fn promote_queue(tx: &mut Tx, queue: i64, limit: usize) -> Result<usize> {
    let now = tx.now.0;
    let asked = query(&*DUE).bind(queue).bind(now).bind(limit as i64);
    let rows = asked.fetch_all(tx.conn()).await?;
    let mut seqs = Vec::with_capacity(rows.len());
    for row in &rows {
        let job = Held::read(row)?;
        tx.ledger.moved((job.lane, None, 0), job.state, JobState::Available);
        seqs.push(job.seq);
    }
    if !seqs.is_empty() {
        query(PROMOTE).bind(json(&seqs)?).bind(AVAILABLE).execute(tx.conn()).await?;
        tx.rings = true;
    }
    Ok(seqs.len())
}

/// When the next waiting job of one queue is due.
pub(super) async fn next_of_queue(tx: &mut Tx, queue: i64) -> Result<Option<Timestamp>> {
    query(NEXT_OF_QUEUE).bind(queue).fetch_one(tx.conn()).await?.maybe_time(0)
}

/// Reads jobs by number.
pub(super) async fn read(tx: &mut Tx, seqs: &[i64]) -> Result<Vec<Held>> {
    let asked = query(&*BY_SEQ).bind(json(seqs)?);
    asked.fetch_all(tx.conn()).await?.iter().map(Held::read).collect()
}

pub(super) static BY_SEQ: LazyLock<Arc<str>> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM job AS j WHERE j.seq IN (SELECT CAST(value AS BIGINT) FROM json_each(?1))",
        held!()
    )
    .into()
});
pub(super) static STALE: LazyLock<Arc<str>> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM job AS j INDEXED BY job_stale
         WHERE stale_at IS NOT NULL AND state IN (0, 1) AND stale_at <= ?1 ORDER BY stale_at LIMIT ?2",
        held!()
    )
    .into()
});
pub(super) static DUE: LazyLock<Arc<str>> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM job AS j INDEXED BY job_waiting
         WHERE queue = ?1 AND state IN (0, 3) AND due_at <= ?2 ORDER BY due_at, seq LIMIT ?3",
        held!()
    )
    .into()
});
pub(super) const PROMOTE: &str =
    "UPDATE job SET state = ?2 WHERE seq IN (SELECT CAST(value AS BIGINT) FROM json_each(?1))";
pub(super) const NEXT_OF_QUEUE: &str =
    "SELECT min(due_at) FROM job INDEXED BY job_waiting WHERE queue = ?1 AND state IN (0, 3)";
pub(super) const DUE_QUEUES: &str = "
    SELECT n, next FROM (
        SELECT n, (SELECT min(due_at) FROM job INDEXED BY job_waiting WHERE queue = q.n AND state IN (0, 3)) AS next
        FROM queue AS q) AS due
    WHERE next <= ?1 ORDER BY next";
pub(super) const NEXT_DUE: &str = "
    SELECT min((SELECT min(due_at) FROM job INDEXED BY job_waiting WHERE queue = q.n AND state IN (0, 3)))
    FROM queue AS q";
