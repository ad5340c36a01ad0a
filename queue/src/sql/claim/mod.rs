//! Claims: what is due, in whose turn, under a lease.

mod band;
mod desk;
mod gate;
pub(super) mod keep;
pub(super) mod read;

use super::{
    Engine, SqlStore, change, codes::flag, conn::Row, due, fault::Result, leave, query::query, rows::json,
    tx::Tx,
};
use crate::{
    Claim, Claimed, Draws, Fence, GroupId, JobId, JobState, KeyLimits, Lease, Priority, StoreError,
    Timestamp, life, order,
};
use band::Band;
use desk::Desk;
use gate::Gate;
use read::Bands;
use std::collections::HashMap;

#[cfg(test)]
pub(super) use desk::LOOK;
pub(super) use desk::read_limits;

/// Payload of one claim, unless a single job has more.
const CLAIM_BYTES: i64 = 32 << 20;
/// How often one claim looks again because all that it met had expired.
const ROUNDS: usize = 8;
/// Jobs that one claim promotes.
const PROMOTE: usize = 500;

impl<E: Engine> SqlStore<E> {
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
        let mut conn = self.read().await?;
        let desk = Desk::read(&mut conn, claim).await?;
        let lanes = self.lanes();
        if desk.worker.is_none() || desk.newest_lane > lanes.newest() {
            return Ok(None);
        }
        let (Some(queue), false) = (desk.queue, desk.paused) else { return Ok(Some(Claimed::default())) };
        if desk.next_due.is_some_and(|due| due <= self.clock.now()) {
            return Ok(None);
        }
        let mut gate = Gate::new(desk.limits, self.clock.now());
        let lanes = lanes.of_claim(queue, claim);
        let mut bands = read::bands(&mut conn, &lanes, &mut gate, 1).await?;
        if bands.iter_mut().flatten().any(|band| band.next(&gate).is_some()) {
            return Ok(None);
        }
        let opens = opens(&bands, &gate, self.clock.now());
        Ok(Some(Claimed { leases: Vec::new(), next_due: earliest(desk.next_due, opens) }))
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
    let lanes = tx.lanes.of_claim(queue, claim);
    let max = claim.max.min(Claim::MAX);
    if max == 0 || lanes.served.is_empty() {
        return Ok(Claimed { leases: Vec::new(), next_due });
    }
    let mut reach = max;
    for _ in 0..ROUNDS {
        let mut gate = Gate::new(desk.limits, tx.now);
        let mut bands = read::bands(tx.conn(), &lanes, &mut gate, reach).await?;
        let mut expired = read::expired(&bands, tx.now);
        if expired.is_empty() {
            let choice = choose(tx, claim, (&mut bands, &mut gate), max).await?;
            expired = choice.expired;
            if expired.is_empty() {
                keep::turns(tx, queue, &bands).await?;
                keep::paces(tx, queue, &gate).await?;
                let leases = start(tx, claim, (worker, desk.limits), choice.take).await?;
                let opens = if choice.cut { Some(tx.now) } else { opens(&bands, &gate, tx.now) };
                return Ok(Claimed { leases, next_due: earliest(next_due, opens) });
            }
        }
        let jobs = due::read(tx, &expired).await?;
        leave::cancel(tx, jobs, life::EXPIRED).await?;
        // Those behind them may be more urgent than what was seen of the other priorities.
        reach = Claim::MAX;
    }
    Ok(Claimed { leases: Vec::new(), next_due: Some(tx.now) })
}

/// The jobs to lease.
#[derive(Debug, Default)]
struct Choice {
    /// Their numbers, in the order of serving.
    take: Vec<i64>,
    /// Whether their bytes cut it short.
    cut: bool,
    /// Jobs that nobody started in time: to be cancelled before anything is taken.
    expired: Vec<i64>,
}

async fn choose(
    tx: &mut Tx,
    claim: &Claim,
    (bands, gate): (&mut Bands, &mut Gate),
    max: usize,
) -> Result<Choice> {
    let draws = Draws::seeded(claim.draw);
    let mut choice = Choice { take: Vec::with_capacity(max), ..Choice::default() };
    let mut bytes = 0;
    while choice.take.len() < max {
        let heads = bands.each_mut().map(|band| band.as_mut().and_then(|band| band.head(gate)));
        let Some(priority) = order::next_band(&heads, claim.order, tx.now, draws.next()) else { break };
        let priority = priority as usize;
        let Some(band) = &mut bands[priority] else { break };
        let Some((key, job)) = band.next(gate) else { break };
        bytes += job.2;
        if bytes > CLAIM_BYTES && !choice.take.is_empty() {
            choice.cut = true;
            break;
        }
        choice.take.push(job.1);
        if let (Some(wanted), true) = (band.serve(key, gate), choice.take.len() < max) {
            let rest = (max - choice.take.len()).div_ceil(band.open_keys() + 1).max(1);
            let (jobs, more) = read::more(tx.conn(), priority, &wanted, rest).await?;
            choice.expired = jobs.iter().filter(|job| job.is_expired(tx.now)).map(|job| job.1).collect();
            if !choice.expired.is_empty() {
                break;
            }
            band.read_on(&wanted, jobs, more);
        }
    }
    Ok(choice)
}

/// When the first key that only its rate holds back may have another job.
fn opens(bands: &Bands, gate: &Gate, now: Timestamp) -> Option<Timestamp> {
    gate.limits().rate?;
    let waiting = bands.iter().flatten().flat_map(Band::waiting);
    waiting.filter_map(|key| gate.opens(key)).filter(|at| *at > now).min()
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    [one, other].into_iter().flatten().min()
}

/// Leases the chosen jobs.
async fn start(
    tx: &mut Tx,
    claim: &Claim,
    (worker, limits): (i64, KeyLimits),
    take: Vec<i64>,
) -> Result<Vec<Lease>> {
    if take.is_empty() {
        return Ok(Vec::new());
    }
    let (now, deadline) = (tx.now, tx.now.plus(claim.lease_for));
    let fence = query(NEXT_FENCE).fetch_one(tx.conn()).await?.int(0)?;
    let rows = query(START)
        .bind(json(&take)?)
        .bind(worker)
        .bind(now.0)
        .bind(deadline.0)
        .bind(fence)
        .bind(if limits.running.is_some() { flag::SLOT } else { 0 })
        .bind(flag::SLOT)
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
        query(change::RELEASE).bind(json(&released)?).execute(tx.conn()).await?;
    }
    leases.sort_unstable_by_key(|(place, _)| *place);
    Ok(leases.into_iter().map(|(_, lease)| lease).collect())
}

fn read_lease(tx: &mut Tx, row: &Row, deadline: Timestamp, released: &mut Vec<i64>) -> Result<(i64, Lease)> {
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

pub(super) const NEXT_FENCE: &str = "UPDATE token SET fence = fence + 1 RETURNING fence";
pub(super) const START: &str = "
    UPDATE job SET state = 2, fence = ?5, worker = ?2, started_at = ?3, lease_ends = ?4, stale_at = NULL,
        flags = (flags & ~?7) | CASE WHEN fairness_key IS NULL THEN 0 ELSE ?6 END
    WHERE seq IN (SELECT CAST(value AS BIGINT) FROM json_each(?1))
    RETURNING seq, id, fence, lane, priority, enqueued_at, due_at, errors, crashes, flags,
        (SELECT id FROM grp WHERE n = job.grp), (SELECT body FROM payload WHERE payload.seq = job.seq)";
