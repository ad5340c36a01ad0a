//! Claims: what is due, in whose turn, under a lease.

use super::{
    SqliteStore, change,
    codes::flag,
    due,
    fault::Result,
    leave,
    rows::{Cells, json},
    tx::Tx,
};
use crate::{
    Claim, Claimed, Fence, GroupId, JobId, JobState, Lease, Priority, StoreError, Timestamp, life, order,
};
use serde::Deserialize;
use sqlx::{SqliteConnection, sqlite::SqliteRow};
use std::collections::HashMap;

/// Payload of one claim, unless a single job has more.
const CLAIM_BYTES: i64 = 32 << 20;
/// How often one claim looks again because all that it met had expired.
const ROUNDS: usize = 8;
/// Jobs that one claim promotes.
const PROMOTE: usize = 500;

impl SqliteStore {
    pub(super) async fn lease(&self, claim: &Claim) -> Result<Claimed> {
        if let Some(nothing) = self.glance(claim).await? {
            return Ok(nothing);
        }
        let mut tx = self.begin().await?;
        let claimed = claim_in(&mut tx, claim).await?;
        self.commit(tx).await?;
        Ok(claimed)
    }

    /// Looks without writing, so that workers who were all woken for one job do not queue up to find nothing. `None`
    /// when there is, or may be, something to do.
    async fn glance(&self, claim: &Claim) -> Result<Option<Claimed>> {
        let mut conn = self.readers.acquire().await?;
        let desk = Desk::read(&mut conn, claim).await?;
        let lanes = self.lanes();
        if desk.worker.is_none() || desk.newest_lane > lanes.newest() {
            return Ok(None);
        }
        if desk.queue.is_none() || desk.paused {
            return Ok(Some(Claimed::default()));
        }
        if desk.next_due.is_some_and(|due| due <= self.clock.now()) {
            return Ok(None);
        }
        let lanes = json(&lanes.served(&claim.queue, &claim.kinds))?;
        let busy = sqlx::query(BUSY_BANDS).bind(lanes).fetch_optional(&mut *conn).await?;
        Ok(busy.is_none().then(|| Claimed { leases: Vec::new(), next_due: desk.next_due }))
    }
}

/// What a claim must know first, in one look.
struct Desk {
    worker: Option<i64>,
    queue: Option<i64>,
    paused: bool,
    next_due: Option<Timestamp>,
    newest_lane: i64,
}

impl Desk {
    async fn read(conn: &mut SqliteConnection, claim: &Claim) -> Result<Self> {
        let row = sqlx::query(LOOK).bind(&claim.worker.0).bind(&claim.queue).fetch_one(conn).await?;
        Ok(Self {
            worker: row.maybe_int(0)?,
            queue: row.maybe_int(1)?,
            paused: row.maybe_int(2)? == Some(1),
            next_due: row.maybe_time(3)?,
            newest_lane: row.int(4)?,
        })
    }
}

pub(super) async fn claim_in(tx: &mut Tx, claim: &Claim) -> Result<Claimed> {
    let desk = Desk::read(tx.conn(), claim).await?;
    let Some(worker) = desk.worker else {
        let worker = &claim.worker;
        return Err(
            StoreError::Invalid(format!("worker {worker} has not checked in, or was found dead")).into()
        );
    };
    tx.know_lanes(desk.newest_lane).await?;
    let (Some(queue), false) = (desk.queue, desk.paused) else { return Ok(Claimed::default()) };
    let mut next_due = desk.next_due;
    if next_due.is_some_and(|due| due <= tx.now) {
        due::promote_queue(tx, queue, PROMOTE).await?;
        next_due = due::next_of_queue(tx, queue).await?;
    }
    let lanes = tx.lanes.served(&claim.queue, &claim.kinds);
    let max = claim.max.min(Claim::MAX);
    if max == 0 || lanes.is_empty() {
        return Ok(Claimed { leases: Vec::new(), next_due });
    }
    let mut reach = max;
    for _ in 0..ROUNDS {
        let candidates = Candidates::read(tx, &lanes, reach).await?;
        let expired = candidates.expired(tx.now);
        if expired.is_empty() {
            let (take, cut) = candidates.choose(claim, tx.now, max);
            let leases = start(tx, claim, worker, take).await?;
            return Ok(Claimed { leases, next_due: if cut { Some(tx.now) } else { next_due } });
        }
        let jobs = due::read(tx, &expired).await?;
        leave::cancel(tx, jobs, life::EXPIRED).await?;
        // Those behind them may be more urgent than what was seen of the other priorities.
        reach = Claim::MAX;
    }
    Ok(Claimed { leases: Vec::new(), next_due: Some(tx.now) })
}

/// One claimable job: due time, number, bytes, expiry if it was never started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Candidate(i64, i64, i64, Option<i64>);

/// The next claimable jobs of each priority, oldest first.
struct Candidates([Vec<Candidate>; 4]);

impl Candidates {
    async fn read(tx: &mut Tx, lanes: &[i64], max: usize) -> Result<Self> {
        let busy = sqlx::query(BUSY_BANDS).bind(json(lanes)?).fetch_all(tx.conn()).await?;
        let mut bands: [Vec<Candidate>; 4] = Default::default();
        let mut merged = [0; 4];
        for row in busy {
            let (lane, priority) = (row.int(0)?, row.int(1)?);
            let query = sqlx::query(CANDIDATES).bind(lane).bind(priority).bind(max as i64);
            let found = query.fetch_one(tx.conn()).await?;
            let found: Vec<Candidate> = serde_json::from_str(found.text(0)?)?;
            let band = &mut bands[(priority & 3) as usize];
            merged[(priority & 3) as usize] += 1;
            band.extend(found);
        }
        for (band, lanes) in bands.iter_mut().zip(merged) {
            if lanes > 1 {
                band.sort_unstable();
            }
        }
        Ok(Self(bands))
    }

    fn expired(&self, now: Timestamp) -> Vec<i64> {
        let expired = self.0.iter().flatten().filter(|job| job.3.is_some_and(|at| at <= now.0));
        expired.map(|job| job.1).collect()
    }

    /// The numbers of the jobs to lease, in the order of serving, and whether their bytes cut it short.
    fn choose(self, claim: &Claim, now: Timestamp, max: usize) -> (Vec<i64>, bool) {
        let due = self.0.each_ref().map(|band| band.iter().map(|job| Timestamp(job.0)).collect::<Vec<_>>());
        let plan = order::plan(due.each_ref().map(Vec::as_slice), claim.order, now, claim.draw, max);
        let mut bands = self.0.map(Vec::into_iter);
        let mut bytes = 0;
        let mut take = Vec::with_capacity(plan.len());
        for priority in plan {
            let Some(job) = bands[priority as usize].next() else { break };
            bytes += job.2;
            if bytes > CLAIM_BYTES && !take.is_empty() {
                return (take, true);
            }
            take.push(job.1);
        }
        (take, false)
    }
}

/// Leases the chosen jobs.
async fn start(tx: &mut Tx, claim: &Claim, worker: i64, take: Vec<i64>) -> Result<Vec<Lease>> {
    if take.is_empty() {
        return Ok(Vec::new());
    }
    let (now, deadline) = (tx.now, tx.now.plus(claim.lease_for));
    let fence = sqlx::query(NEXT_FENCE).fetch_one(tx.conn()).await?.int(0)?;
    let rows = sqlx::query(START)
        .bind(json(&take)?)
        .bind(worker)
        .bind(now.0)
        .bind(deadline.0)
        .bind(fence)
        .fetch_all(tx.conn())
        .await?;
    // RETURNING has an order of its own.
    let places: HashMap<_, _> = take.iter().enumerate().map(|(place, seq)| (*seq, place)).collect();
    let mut leases = Vec::with_capacity(rows.len());
    let mut released = Vec::new();
    for row in rows {
        let (seq, lease) = read_lease(tx, &row, deadline, &mut released)?;
        leases.push((places.get(&seq), lease));
    }
    if !released.is_empty() {
        sqlx::query(change::RELEASE).bind(json(&released)?).execute(tx.conn()).await?;
    }
    leases.sort_unstable_by_key(|(place, _)| *place);
    Ok(leases.into_iter().map(|(_, lease)| lease).collect())
}

fn read_lease(
    tx: &mut Tx,
    row: &SqliteRow,
    deadline: Timestamp,
    released: &mut Vec<i64>,
) -> Result<(i64, Lease)> {
    let (seq, number) = (row.int(0)?, row.int(3)?);
    if row.int(9)? & flag::UNTIL_STARTED != 0 {
        released.push(seq);
    }
    let group = row.maybe_uuid(10)?.map(GroupId);
    tx.ledger.moved((number, None, 0), JobState::Available, JobState::Running);
    let lane = tx.lanes.numbered(number)?;
    let lease = Lease {
        job: JobId(row.uuid(1)?),
        fence: Fence(row.int(2)? as u64),
        kind: lane.kind.clone(),
        version: lane.version,
        queue: lane.queue.clone(),
        priority: Priority::from_level(row.int(4)? as u8),
        payload: row.bytes(11)?,
        attempt: u32::try_from(row.int(7)?).unwrap_or(u32::MAX).saturating_add(1),
        crashes: u32::try_from(row.int(8)?).unwrap_or(u32::MAX),
        group,
        enqueued_at: row.time(5)?,
        due_at: row.time(6)?,
        deadline,
    };
    Ok((seq, lease))
}

pub(super) const LOOK: &str = "
    SELECT (SELECT n FROM worker WHERE id = ?1 AND state = 0), q.n, q.paused,
        (SELECT min(due_at) FROM job INDEXED BY job_waiting WHERE queue = q.n AND state IN (0, 3)),
        (SELECT coalesce(max(n), 0) FROM lane)
    FROM (SELECT ?2 AS name) AS wanted LEFT JOIN queue AS q ON q.name = wanted.name";
pub(super) const BUSY_BANDS: &str = "
    SELECT lane.value, band.column1 FROM json_each(?1) AS lane CROSS JOIN (VALUES (0), (1), (2), (3)) AS band
    WHERE EXISTS (SELECT 1 FROM job INDEXED BY job_available
        WHERE state = 1 AND lane = lane.value AND priority = band.column1)";
pub(super) const CANDIDATES: &str = "
    SELECT json_group_array(json_array(due_at, seq, bytes, stale_at)) FROM (
        SELECT due_at, seq, bytes, stale_at FROM job INDEXED BY job_available
        WHERE state = 1 AND lane = ?1 AND priority = ?2 ORDER BY due_at, seq LIMIT ?3)";
pub(super) const NEXT_FENCE: &str = "UPDATE token SET fence = fence + 1 RETURNING fence";
pub(super) const START: &str = "
    UPDATE job SET state = 2, fence = ?5, worker = ?2, started_at = ?3, lease_ends = ?4, stale_at = NULL
    WHERE seq IN (SELECT value FROM json_each(?1))
    RETURNING seq, id, fence, lane, priority, enqueued_at, due_at, errors, crashes, flags,
        (SELECT id FROM grp WHERE n = job.grp), (SELECT body FROM payload WHERE payload.seq = job.seq)";
