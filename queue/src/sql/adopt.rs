//! Taking in jobs that lived elsewhere until now.

use super::{Engine, SqlStore, codes::state_code, fault::Result, query::query, tx::Tx};
use crate::{Enqueued, Fence, JobRecord, JobState, WorkerId, adopt};
use std::{collections::HashMap, time::Duration};

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
        let mut answers = Vec::with_capacity(jobs.len());
        for (seq, job) in (first..).zip(jobs) {
            let worker = job.worker.as_ref().and_then(|worker| workers.get(worker).copied());
            let job = if job.worker.is_some() && worker.is_none() { adopt::orphaned(job) } else { job };
            answers.push(insert(&mut tx, seq, job, worker.map(|worker| (worker, lease_ends))).await?);
        }
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

/// Writes one job, with its worker and the end of its lease while it runs, unless its id is there.
async fn insert(tx: &mut Tx, seq: i64, job: JobRecord, lease: Option<(i64, i64)>) -> Result<Enqueued> {
    let lane = tx.lane(&job.queue, &job.kind, job.version).await?;
    let bytes = job.payload.len() + job.last_error.as_ref().map_or(0, String::len);
    let stored = query(INSERT)
        .bind(seq)
        .bind(job.id.0.into_bytes().to_vec())
        .bind(lane.number)
        .bind(lane.queue_number)
        .bind(job.priority as i64)
        .bind(state_code(job.state))
        .bind(job.fence.0 as i64)
        .bind(i64::from(job.errors))
        .bind(i64::from(job.crashes))
        .bind(bytes as i64)
        .bind(job.enqueued_at.0)
        .bind(job.due_at.0)
        .bind(lease.map(|(_, ends)| ends))
        .bind(job.started_at.map(|at| at.0))
        .bind(lease.map(|(worker, _)| worker))
        .bind(job.last_error)
        .execute(tx.conn())
        .await?;
    if stored.rows_affected() == 0 {
        return Ok(Enqueued::Existing(job.id));
    }
    query(INSERT_PAYLOAD).bind(seq).bind(job.payload).execute(tx.conn()).await?;
    tx.ledger.added(lane.number, job.state, None);
    tx.rings |= job.state == JobState::Available;
    Ok(Enqueued::New(job.id))
}

pub(super) const KNOWN_WORKER: &str = "SELECT n FROM worker WHERE id = ?1";
pub(super) const INSERT: &str = "
    INSERT INTO job (seq, id, lane, queue, priority, state, fence, errors, crashes, bytes, enqueued_at, due_at,
        lease_ends, started_at, worker, last_error)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
    ON CONFLICT (id) DO NOTHING";
pub(super) const INSERT_PAYLOAD: &str = "INSERT INTO payload (seq, body) VALUES (?1, ?2)";
pub(super) const RAISE_FENCE: &str = "UPDATE token SET fence = CASE WHEN fence < ?1 THEN ?1 ELSE fence END";
