//! Taking in jobs that lived elsewhere until now.

use super::{
    Engine, SqlStore,
    codes::state_code,
    fault::Result,
    insert::{self, portions, statements},
    lanes::Lane,
    query::{Query, query},
    tx::Tx,
};
use crate::{Enqueued, Fence, JobRecord, JobState, WorkerId, adopt};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock},
    time::Duration,
};

/// A job that has its number, its place and, while it runs, its worker and the end of its lease.
struct Row {
    seq: i64,
    job: JobRecord,
    lane: Arc<Lane>,
    lease: Option<(i64, i64)>,
}

impl<E: Engine> SqlStore<E> {
    pub(super) async fn take_in(&self, jobs: Vec<JobRecord>, lease_for: Duration) -> Result<Vec<Enqueued>> {
        adopt::check(&jobs)?;
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        let workers = known_workers(&mut tx, &jobs).await?;
        let fence = jobs.iter().map(|job| job.fence).max().unwrap_or(Fence(0));
        let first = tx.take_seqs(jobs.len()).await?;
        let lease_ends = tx.now.plus(lease_for).0;
        let mut rows = Vec::with_capacity(jobs.len());
        for (seq, job) in (first..).zip(jobs) {
            let worker = job.worker.as_ref().and_then(|worker| workers.get(worker).copied());
            let job = if job.worker.is_some() && worker.is_none() { adopt::orphaned(job) } else { job };
            let lane = tx.lane(&job.queue, &job.kind, job.version).await?;
            rows.push(Row { seq, job, lane, lease: worker.map(|worker| (worker, lease_ends)) });
        }
        let left_out = insert(&mut tx, &rows).await?;
        let answer = |row: &Row| {
            let id = row.job.id;
            if left_out.contains(&row.seq) { Enqueued::Existing(id) } else { Enqueued::New(id) }
        };
        let answers = rows.iter().map(answer).collect();
        rows.retain(|row| !left_out.contains(&row.seq));
        insert_payloads(&mut tx, rows).await?;
        query(RAISE_FENCE).bind(fence.0 as i64).execute(tx.conn()).await?;
        self.commit(tx).await?;
        Ok(answers)
    }
}

async fn known_workers(tx: &mut Tx, jobs: &[JobRecord]) -> Result<HashMap<WorkerId, i64>> {
    let mut known = HashMap::new();
    for worker in jobs.iter().filter_map(|job| job.worker.as_ref()) {
        if known.contains_key(worker) {
            continue;
        }
        if let Some(row) = query(KNOWN_WORKER).bind(&worker.0).fetch_optional(tx.conn()).await? {
            known.insert(worker.clone(), row.int(0)?);
        }
    }
    Ok(known)
}

/// Writes the rows whose ids are not there; returns the numbers of the others.
async fn insert(tx: &mut Tx, rows: &[Row]) -> Result<HashSet<i64>> {
    let mut stored = 0;
    for (at, portion) in portions(rows) {
        let query = portion.iter().fold(query(&INSERT_ADOPTED[at]), bind);
        stored += query.execute(tx.conn()).await?.rows_affected();
    }
    if stored == rows.len() as u64 {
        return Ok(HashSet::new());
    }
    insert::left_out(tx, rows.iter().map(|row| row.seq)).await
}

fn bind(query: Query, row: &Row) -> Query {
    let job = &row.job;
    let bytes = job.payload.len() + job.last_error.as_ref().map_or(0, String::len);
    query
        .bind(row.seq)
        .bind(job.id.0.into_bytes().to_vec())
        .bind(row.lane.number)
        .bind(row.lane.queue_number)
        .bind(job.priority as i64)
        .bind(state_code(job.state))
        .bind(job.fence.0 as i64)
        .bind(i64::from(job.errors))
        .bind(i64::from(job.crashes))
        .bind(bytes as i64)
        .bind(job.enqueued_at.0)
        .bind(job.due_at.0)
        .bind(row.lease.map(|(_, ends)| ends))
        .bind(job.started_at.map(|at| at.0))
        .bind(row.lease.map(|(worker, _)| worker))
        .bind(job.last_error.clone())
}

async fn insert_payloads(tx: &mut Tx, mut rows: Vec<Row>) -> Result<()> {
    for row in &rows {
        tx.ledger.added(row.lane.number, row.job.state, None);
        tx.rings |= row.job.state == JobState::Available;
    }
    let payloads: Vec<_> =
        rows.iter_mut().map(|row| (row.seq, std::mem::take(&mut row.job.payload))).collect();
    insert::payloads(tx, payloads).await
}

pub(super) const KNOWN_WORKER: &str = "SELECT n FROM worker WHERE id = ?1";
pub(super) static INSERT_ADOPTED: LazyLock<[Arc<str>; 5]> = LazyLock::new(|| {
    statements(
        "INSERT INTO job (seq, id, lane, queue, priority, state, fence, errors, crashes, bytes, enqueued_at, due_at, \
         lease_ends, started_at, worker, last_error) VALUES ",
        16,
        " ON CONFLICT (id) DO NOTHING",
    )
});
pub(super) const RAISE_FENCE: &str = "UPDATE token SET fence = CASE WHEN fence < ?1 THEN ?1 ELSE fence END";
