//! Many rows in few statements.

use super::{
    codes::{flag, scope_code, state_code},
    fault::Result,
    lanes::Lane,
    query::{Query, query},
    rows::json,
    tx::Tx,
};
use crate::{JobId, NewJob, Unique, UniqueScope, life};
use std::{
    collections::HashSet,
    sync::{Arc, LazyLock},
};

/// A job that has its number and its places.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) seq: i64,
    pub(super) job: NewJob,
    pub(super) lane: Arc<Lane>,
    pub(super) group: Option<i64>,
}

/// Rows of one statement, largest first; any number is a sum of few of these.
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];
const JOB_COLUMNS: usize = 16;

pub(super) static INSERT_JOBS: LazyLock<[Arc<str>; 5]> = LazyLock::new(|| {
    statements(
        "INSERT INTO job (seq, id, lane, queue, priority, state, flags, bytes, enqueued_at, due_at, expires_at, \
         stale_at, grp, fairness_key, unique_key, unique_scope) VALUES ",
        JOB_COLUMNS,
        " ON CONFLICT (id) DO NOTHING",
    )
});
pub(super) static INSERT_PAYLOADS: LazyLock<[Arc<str>; 5]> =
    LazyLock::new(|| statements("INSERT INTO payload (seq, body) VALUES ", 2, ""));

/// `head` with as many rows of placeholders as each of [`SIZES`] says, and `tail`.
pub(super) fn statements(head: &str, columns: usize, tail: &str) -> [Arc<str>; 5] {
    let row = format!("({})", vec!["?"; columns].join(", "));
    SIZES.map(|rows| format!("{head}{}{tail}", vec![row.as_str(); rows].join(", ")).into())
}

/// Cuts `rows` into the sizes for which there are statements.
pub(super) fn portions<T>(mut rows: &[T]) -> impl Iterator<Item = (usize, &[T])> {
    std::iter::from_fn(move || {
        let at = SIZES.iter().position(|size| *size <= rows.len())?;
        let (portion, rest) = rows.split_at(SIZES[at]);
        rows = rest;
        Some((at, portion))
    })
}

/// Stores the rows whose ids are not there yet; returns the numbers of those that were left out.
pub(super) async fn insert(tx: &mut Tx, rows: &mut [Row]) -> Result<HashSet<i64>> {
    let mut stored = 0;
    for (at, portion) in portions(rows) {
        let mut query = query(&INSERT_JOBS[at]);
        for row in portion {
            query = bind_job(query, row, tx.now);
        }
        stored += query.execute(tx.conn()).await?.rows_affected();
    }
    let left_out = if stored == rows.len() as u64 {
        HashSet::new()
    } else {
        left_out(tx, rows.iter().map(|row| row.seq)).await?
    };
    let mut kept: Vec<_> = rows.iter_mut().filter(|row| !left_out.contains(&row.seq)).collect();
    payloads(tx, kept.iter_mut().map(|row| (row.seq, std::mem::take(&mut row.job.payload))).collect())
        .await?;
    let mut holds = Vec::new();
    for row in &kept {
        let state = life::waiting(row.job.due_at(tx.now), tx.now);
        tx.ledger.added(row.lane.number, state, row.group);
        if let Some(unique) = &row.job.unique {
            let until = held_until(unique, tx.now.0);
            holds.push((row.lane.kind.clone(), unique.key.clone(), row.seq, scope_code(unique.scope), until));
        }
    }
    tx.rings |= !kept.is_empty();
    if !holds.is_empty() {
        query(HOLD).bind(json(&holds)?).execute(tx.conn()).await?;
    }
    Ok(left_out)
}

/// Stores payloads by the numbers of their jobs.
pub(super) async fn payloads(tx: &mut Tx, mut rows: Vec<(i64, Vec<u8>)>) -> Result<()> {
    while let Some(at) = SIZES.iter().position(|size| *size <= rows.len()) {
        let rest = rows.split_off(SIZES[at]);
        let bind = |query: Query, (seq, body): (i64, Vec<u8>)| query.bind(seq).bind(body);
        let query = rows.into_iter().fold(query(&INSERT_PAYLOADS[at]), bind);
        query.execute(tx.conn()).await?;
        rows = rest;
    }
    Ok(())
}

/// Until when a key is held that was taken at `now`; `None` is until its job says so.
pub(super) fn held_until(unique: &Unique, now: i64) -> Option<i64> {
    matches!(unique.scope, UniqueScope::For(_)).then(|| now.saturating_add(scope_code(unique.scope)))
}

fn bind_job(query: Query, row: &Row, now: crate::Timestamp) -> Query {
    let job = &row.job;
    let due_at = job.due_at(now);
    let unique = job.unique.as_ref();
    let expires_at = job.expires_at.map(|at| at.0);
    query
        .bind(row.seq)
        .bind(id_bytes(job.id))
        .bind(row.lane.number)
        .bind(row.lane.queue_number)
        .bind(job.priority as i64)
        .bind(state_code(life::waiting(due_at, now)))
        .bind(flags(job))
        .bind(job.payload.len() as i64)
        .bind(now.0)
        .bind(due_at.0)
        .bind(expires_at)
        .bind(expires_at)
        .bind(row.group)
        .bind(job.fairness_key.clone().filter(|key| !key.is_empty()))
        .bind(unique.map(|unique| unique.key.clone()))
        .bind(unique.map(|unique| scope_code(unique.scope)))
}

fn flags(job: &NewJob) -> i64 {
    let empty_key = job.fairness_key.as_ref().is_some_and(String::is_empty);
    let mut flags = if empty_key { flag::EMPTY_KEY } else { 0 };
    if let Some(unique) = &job.unique {
        flags |= flag::HOLDS;
        flags |= if unique.scope == UniqueScope::UntilStarted { flag::UNTIL_STARTED } else { 0 };
    }
    flags
}

fn id_bytes(id: JobId) -> Vec<u8> {
    id.0.into_bytes().to_vec()
}

/// Which of these numbers no job has.
pub(super) async fn left_out(tx: &mut Tx, seqs: impl Iterator<Item = i64>) -> Result<HashSet<i64>> {
    let seqs: Vec<_> = seqs.collect();
    let missing = query(MISSING).bind(json(&seqs)?).fetch_all(tx.conn()).await?;
    missing.iter().map(|row| row.int(0)).collect()
}

pub(super) const MISSING: &str =
    "SELECT c.seq FROM (SELECT CAST(value AS BIGINT) AS seq FROM json_each(?1)) AS c
     WHERE NOT EXISTS (SELECT 1 FROM job WHERE job.seq = c.seq)";
/// A row that is replaced was held for a time that is over.
pub(super) const HOLD: &str = "
    INSERT INTO hold (kind, key, seq, scope, until)
    SELECT value ->> 0, value ->> 1, CAST(value ->> 2 AS BIGINT), CAST(value ->> 3 AS BIGINT), CAST(value ->> 4 AS BIGINT)
    FROM json_each(?1) WHERE true
    ON CONFLICT (kind, key) DO UPDATE SET seq = excluded.seq, scope = excluded.scope, until = excluded.until";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_rows_is_cut_into_few_portions() {
        let rows = [0; 1000];
        for count in 0..rows.len() {
            let lens: Vec<_> =
                portions(&rows[..count]).map(|(at, portion)| (SIZES[at], portion.len())).collect();
            assert!(lens.iter().all(|(size, len)| size == len));
            assert_eq!(lens.iter().map(|(_, len)| len).sum::<usize>(), count);
            assert!(lens.len() <= count / 256 + 12, "{count}: {lens:?}");
        }
    }
}
