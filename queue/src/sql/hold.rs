//! Unique keys: who holds them, and what a second request does.

use super::{
    change::{self, Held, held},
    codes::{flag, scope_code, state_code},
    conn::Row,
    fault::Result,
    insert, leave,
    query::query,
    rows::{Json, json, pack_jobs},
    tx::Tx,
};
use crate::{
    Enqueued, JobId, JobState, NewJob, Timestamp, Unique,
    life::{self, Conflict},
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock},
};

/// The keys that a call is about. Only made when one of its jobs is unique.
#[derive(Debug)]
pub(super) struct Keys {
    holders: HashMap<(String, String), Holder>,
    /// Ids of unique jobs that were there before, and of all jobs staged by this call.
    ids: HashSet<JobId>,
}

#[derive(Debug)]
enum Holder {
    /// Earlier in this call, not written yet.
    Staged {
        id: JobId,
        expires_at: Option<Timestamp>,
    },
    Stored(Box<Stored>),
}

#[derive(Clone, Debug)]
struct Stored {
    id: JobId,
    job: Held,
    until: Option<i64>,
    stale_at: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nobody has the id or the key: store it.
    Free,
    /// Not stored; this is what became of it.
    Stands(Enqueued),
    /// Depends on a job that is staged: write it, read again.
    Unsettled,
}

impl Keys {
    pub(super) async fn read(tx: &mut Tx, jobs: &[NewJob]) -> Result<Option<Self>> {
        let unique = || jobs.iter().filter(|job| job.unique.is_some());
        let count = unique().count();
        if count == 0 {
            return Ok(None);
        }
        let ids: Vec<_> = unique().map(|job| job.id).collect();
        let ids = existing(tx, &ids).await?;
        let mut keys = Self { holders: HashMap::with_capacity(count), ids };
        let wanted: Vec<_> =
            unique().filter_map(|job| Some((&job.kind, &job.unique.as_ref()?.key))).collect();
        keys.read_holders(tx, json(&wanted)?).await?;
        Ok(Some(keys))
    }

    /// Reads the holder of this job's key again.
    pub(super) async fn reread(&mut self, tx: &mut Tx, job: &NewJob) -> Result<()> {
        let Some(unique) = &job.unique else { return Ok(()) };
        self.holders.remove(&(job.kind.clone(), unique.key.clone()));
        self.read_holders(tx, json(&[(&job.kind, &unique.key)])?).await
    }

    async fn read_holders(&mut self, tx: &mut Tx, wanted: Json) -> Result<()> {
        let rows = query(&*HOLDERS).bind(wanted).fetch_all(tx.conn()).await?;
        for row in rows {
            let (kind, key, stored) = read_holder(&row)?;
            self.holders.insert((kind, key), Holder::Stored(Box::new(stored)));
        }
        Ok(())
    }

    /// This job is going to be stored.
    pub(super) fn staged(&mut self, job: &NewJob) {
        self.ids.insert(job.id);
        if let Some(unique) = &job.unique {
            let holder = Holder::Staged { id: job.id, expires_at: job.expires_at };
            self.holders.insert((job.kind.clone(), unique.key.clone()), holder);
        }
    }

    /// What becomes of the request for `job`, and the part of it that concerns the holder is done.
    pub(super) async fn look(&mut self, tx: &mut Tx, job: &NewJob) -> Result<Verdict> {
        let Some(unique) = &job.unique else { return Ok(Verdict::Free) };
        if self.ids.contains(&job.id) {
            return Ok(Verdict::Stands(Enqueued::Existing(job.id)));
        }
        let holder = match self.holders.get_mut(&(job.kind.clone(), unique.key.clone())) {
            None => return Ok(Verdict::Free),
            Some(Holder::Staged { id, expires_at }) => {
                let expired = expires_at.is_some_and(|at| at <= tx.now);
                let waits = life::conflict(JobState::Available, unique.on_conflict);
                return Ok(if expired || waits == Conflict::Replace {
                    Verdict::Unsettled
                } else {
                    Verdict::Stands(Enqueued::Ignored(*id))
                });
            }
            Some(Holder::Stored(holder)) => holder,
        };
        if holder.until.is_some_and(|until| until <= tx.now.0) {
            return Ok(Verdict::Free);
        }
        if holder.is_expired(tx.now) {
            holder.expire(tx).await?;
            if holder.until.is_none() {
                return Ok(Verdict::Free);
            }
        }
        Ok(Verdict::Stands(match life::conflict(holder.job.state, unique.on_conflict) {
            Conflict::Ignore => Enqueued::Ignored(holder.id),
            Conflict::Replace => {
                holder.replace(tx, job).await?;
                Enqueued::Replaced(holder.id)
            }
            Conflict::RunOnceMore => {
                holder.run_once_more(tx, job).await?;
                Enqueued::RunOnceMore(holder.id)
            }
        }))
    }
}

/// Which of these jobs are stored.
pub(super) async fn existing(tx: &mut Tx, ids: &[JobId]) -> Result<HashSet<JobId>> {
    let asked = query(EXISTING).bind(pack_jobs(ids.iter())).bind(json(&vec![0; ids.len()])?);
    asked.fetch_all(tx.conn()).await?.iter().map(|row| Ok(JobId(row.uuid(0)?))).collect()
}

impl Stored {
    fn is_expired(&self, now: Timestamp) -> bool {
        let waits = matches!(self.job.state, JobState::Available | JobState::Scheduled);
        waits && self.stale_at.is_some_and(|at| at <= now.0)
    }

    async fn expire(&mut self, tx: &mut Tx) -> Result<()> {
        let after = leave::cancelled(&self.job, life::EXPIRED);
        change::apply(tx, &[(self.job.clone(), after)]).await?;
        self.job.state = JobState::Cancelled;
        tx.touched = true;
        Ok(())
    }

    async fn replace(&mut self, tx: &mut Tx, job: &NewJob) -> Result<()> {
        let due_at = life::replaced_due_at(Timestamp(self.job.due_at), job.run_at, tx.now);
        let state = life::waiting(due_at, tx.now);
        let queue = tx.lanes.numbered(self.job.lane)?.queue.clone();
        let lane = tx.lane(&queue, &job.kind, job.version).await?.number;
        let expires_at = job.expires_at.map(|at| at.0);
        let bytes = job.payload.len() as i64;
        query(REPLACE)
            .bind(self.job.seq)
            .bind(lane)
            .bind(job.priority as i64)
            .bind(state_code(state))
            .bind(due_at.0)
            .bind(expires_at)
            .bind(bytes)
            .execute(tx.conn())
            .await?;
        query(REPLACE_PAYLOAD).bind(self.job.seq).bind(job.payload.clone()).execute(tx.conn()).await?;
        tx.ledger.shifted((self.job.lane, self.job.state), (lane, state));
        tx.rings = true;
        tx.thinned |= self.job.state == JobState::Available;
        tx.touched = true;
        (self.job.lane, self.job.state, self.job.due_at) = (lane, state, due_at.0);
        self.stale_at = expires_at;
        Ok(())
    }

    async fn run_once_more(&mut self, tx: &mut Tx, job: &NewJob) -> Result<()> {
        let request = serde_json::to_string(job)?;
        query(ONCE_MORE).bind(self.job.seq).bind(request).execute(tx.conn()).await?;
        query(FLAG_ONCE_MORE).bind(self.job.seq).bind(flag::ONCE_MORE).execute(tx.conn()).await?;
        tx.touched = true;
        Ok(())
    }
}

/// Gives a finished job, known by its number and the moment it was stored, its key again. False when another job
/// holds it.
pub(super) async fn retake(
    tx: &mut Tx,
    kind: &str,
    unique: &Unique,
    (seq, since): (i64, i64),
) -> Result<bool> {
    let wanted = json(&[(kind, &unique.key)])?;
    let asked = query(&*HOLDERS).bind(wanted);
    if let Some(row) = asked.fetch_optional(tx.conn()).await? {
        let (_, _, mut holder) = read_holder(&row)?;
        let mut freed = holder.until.is_some_and(|until| until <= tx.now.0);
        if !freed && holder.is_expired(tx.now) {
            holder.expire(tx).await?;
            freed = holder.until.is_none();
        }
        if holder.job.seq != seq && !freed {
            return Ok(false);
        }
    }
    let until = insert::held_until(unique, since);
    if until.is_none_or(|until| until > tx.now.0) {
        let hold = (kind, &unique.key, seq, scope_code(unique.scope), until);
        query(insert::HOLD).bind(json(&[hold])?).execute(tx.conn()).await?;
    }
    Ok(true)
}

fn read_holder(row: &Row) -> Result<(String, String, Stored)> {
    const AT: usize = Held::COLUMNS;
    let stored = Stored {
        id: JobId(row.uuid(AT + 2)?),
        job: Held::read(row)?,
        until: row.maybe_int(AT + 3)?,
        stale_at: row.maybe_int(AT + 4)?,
    };
    Ok((row.text(AT)?.into_owned(), row.text(AT + 1)?.into_owned(), stored))
}

pub(super) static HOLDERS: LazyLock<Arc<str>> = LazyLock::new(|| {
    format!(
        "SELECT {}, h.kind, h.key, j.id, h.until, j.stale_at FROM json_each(?1) AS c
         CROSS JOIN hold AS h ON h.kind = c.value ->> 0 AND h.key = c.value ->> 1
         CROSS JOIN job AS j ON j.seq = h.seq",
        held!()
    )
    .into()
});
pub(super) const EXISTING: &str = "
    SELECT j.id FROM json_each(?2) AS c CROSS JOIN job AS j ON j.id = substr(?1, 16 * c.key + 1, 16)";
pub(super) const REPLACE: &str = "
    UPDATE job SET lane = ?2, priority = ?3, state = ?4, due_at = ?5, expires_at = ?6, stale_at = ?6,
        started_at = NULL, bytes = ?7 + coalesce(octet_length(last_error), 0) WHERE seq = ?1";
pub(super) const REPLACE_PAYLOAD: &str = "UPDATE payload SET body = ?2 WHERE seq = ?1";
pub(super) const ONCE_MORE: &str = "
    INSERT INTO once_more (seq, request) VALUES (?1, ?2) ON CONFLICT (seq) DO UPDATE SET request = excluded.request";
pub(super) const FLAG_ONCE_MORE: &str = "UPDATE job SET flags = flags | ?2 WHERE seq = ?1";
