//! What operators do: cancel, replay, pause.

use super::{
    Engine, MAINTENANCE, SqlStore,
    change::{Held, held},
    codes::{flag, scope_of, state_code},
    conn::Row,
    fault::Result,
    filter::Condition,
    hold, lanes, leave,
    query::query,
    rows::json,
    tx::Tx,
};
use crate::{
    Edit, JobFilter, JobState, OnConflict, Replay, Timestamp, Unique,
    life::{CANCELLED, replayed_due_at, waiting},
};

/// How often one replay looks further because jobs had to be left alone.
const ROUNDS: usize = 20;

impl<E: Engine> SqlStore<E> {
    pub(super) async fn cancel_matching(&self, filter: &JobFilter) -> Result<u64> {
        let mut tx = self.begin().await?;
        let by_key = !filter.ids.is_empty() || filter.group.is_some();
        let asked = Condition::of(filter)?.statement(|condition, next| cancellable(condition, by_key, next));
        let rows = asked.bind(flag::CANCEL).fetch_all(tx.conn()).await?;
        let mut jobs: Vec<_> = rows.iter().map(Held::read).collect::<Result<_>>()?;
        jobs.sort_unstable_by_key(|job| job.seq);
        let count = jobs.len() as u64;
        let (running, waiting): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|job| job.state == JobState::Running);
        leave::cancel(&mut tx, waiting, CANCELLED).await?;
        let running: Vec<_> = running.iter().map(|job| job.seq).collect();
        query(ASK).bind(json(&running)?).bind(flag::CANCEL).execute(tx.conn()).await?;
        self.commit(tx).await?;
        Ok(count)
    }

    pub(super) async fn replay_matching(&self, replay: &Replay) -> Result<u64> {
        replay.edit.validate()?;
        let limit = replay.limit.min(MAINTENANCE);
        let mut tx = self.begin().await?;
        let condition = Condition::of(&replay.filter)?;
        let (mut replayed, mut left_alone) = (Vec::new(), 0);
        for _ in 0..ROUNDS {
            let room = limit - replayed.len();
            let asked = condition.statement(replayable).bind(room as i64).bind(left_alone);
            let rows = asked.fetch_all(tx.conn()).await?;
            let mut again = Vec::new();
            for row in &rows {
                let due_at = replayed_due_at(tx.now, replayed.len() + again.len(), replay.per_second);
                match run_again(&mut tx, row, &replay.edit, due_at).await? {
                    Some(job) => again.push(job),
                    None => left_alone += 1,
                }
            }
            write(&mut tx, &again, &replay.edit).await?;
            replayed.extend(again);
            if rows.len() < room || replayed.len() == limit {
                break;
            }
        }
        tx.rings |= !replayed.is_empty();
        self.commit(tx).await?;
        Ok(replayed.len() as u64)
    }

    pub(super) async fn set_paused(&self, queue: &str, paused: bool) -> Result<()> {
        let mut tx = self.begin().await?;
        if paused {
            // Also a queue that has no jobs yet.
            lanes::queue_number(tx.conn(), queue).await?;
        }
        query(PAUSE).bind(queue.to_owned()).bind(paused).execute(tx.conn()).await?;
        tx.rings = !paused;
        self.commit(tx).await
    }
}

/// A job on its way back: number, state, due time, lane, queue, priority, bytes.
type Again = (i64, i64, i64, i64, i64, Option<i64>, i64);

/// Takes the key of a finished job again and counts it as waiting; `None` when another job holds the key.
async fn run_again(tx: &mut Tx, row: &Row, edit: &Edit, due_at: Timestamp) -> Result<Option<Again>> {
    const AT: usize = Held::COLUMNS;
    let job = Held::read(row)?;
    let (version, kind) = (row.int(AT)?, row.text(AT + 1)?);
    if let (Some(key), Some(scope)) = (row.maybe_text(AT + 2)?, row.maybe_int(AT + 3)?) {
        let unique = Unique { key, scope: scope_of(scope), on_conflict: OnConflict::Ignore };
        if !hold::retake(tx, &kind, &unique, (job.seq, row.int(AT + 4)?)).await? {
            return Ok(None);
        }
    }
    let own = row.text(AT + 5)?;
    let queue = edit.queue.as_deref().unwrap_or(&own);
    let lane = tx.lane(queue, &kind, u16::try_from(version).unwrap_or(u16::MAX)).await?;
    let state = waiting(due_at, tx.now);
    tx.ledger.moved((job.lane, job.group, job.bytes), job.state, state);
    tx.ledger.shifted((job.lane, state), (lane.number, state));
    let bytes = edit.payload.as_ref().map_or(job.bytes - job.error_bytes, |payload| payload.len() as i64);
    let priority = edit.priority.map(|priority| priority as i64);
    Ok(Some((job.seq, state_code(state), due_at.0, lane.number, lane.queue_number, priority, bytes)))
}

async fn write(tx: &mut Tx, again: &[Again], edit: &Edit) -> Result<()> {
    if again.is_empty() {
        return Ok(());
    }
    let kept = flag::HOLDS | flag::UNTIL_STARTED | flag::EMPTY_KEY;
    query(RUN_AGAIN).bind(json(again)?).bind(kept).execute(tx.conn()).await?;
    if let Some(payload) = &edit.payload {
        let seqs: Vec<_> = again.iter().map(|job| job.0).collect();
        query(NEW_PAYLOAD).bind(json(&seqs)?).bind(payload.clone()).execute(tx.conn()).await?;
    }
    Ok(())
}

/// Live jobs that nobody asked to stop. By key, the planner finds them; else each live index is read until it is
/// enough.
pub(super) fn cancellable(condition: &str, by_key: bool, next: usize) -> String {
    let held = held!();
    let live = |from: &str, state: &str| {
        format!(
            "SELECT {held} FROM job AS j {from} WHERE j.{state} AND ({condition}) AND j.flags & ?{next} = 0"
        )
    };
    if by_key {
        return live("", "state < 4") + " ORDER BY j.seq LIMIT 500";
    }
    let waiting = live("INDEXED BY job_waiting", "state IN (0, 3)");
    let available = live("INDEXED BY job_available", "state = 1");
    let running = live("INDEXED BY job_running", "state = 2");
    format!("SELECT * FROM ({waiting} UNION ALL {available} UNION ALL {running}) AS live LIMIT 500")
}

/// Dead, quarantined and cancelled jobs, longest finished first.
pub(super) fn replayable(condition: &str, next: usize) -> String {
    let held = held!();
    let finished = |index: &str, state: &str| {
        format!(
            "SELECT {held}, l.version, l.kind, j.unique_key, j.unique_scope, j.enqueued_at,
                (SELECT name FROM queue WHERE n = j.queue), j.finished_at
             FROM job AS j INDEXED BY {index} CROSS JOIN lane AS l ON l.n = j.lane
             WHERE j.{state} AND ({condition})"
        )
    };
    let dead = finished("job_dead", "state IN (6, 7)");
    let cancelled = finished("job_cancelled", "state = 5");
    format!("{dead} UNION ALL {cancelled} ORDER BY 16, 1 LIMIT ?{next} OFFSET ?{}", next + 1)
}

pub(super) const ASK: &str = "
    UPDATE job SET flags = flags | ?2 WHERE seq IN (SELECT CAST(value AS BIGINT) FROM json_each(?1))";
pub(super) const RUN_AGAIN: &str = "
    UPDATE job SET state = c.state, due_at = c.due_at, lane = c.lane, queue = c.queue,
        priority = coalesce(c.priority, job.priority), bytes = c.bytes, flags = flags & ?2, errors = 0, crashes = 0,
        last_error = NULL, expires_at = NULL, stale_at = NULL, started_at = NULL, finished_at = NULL
    FROM (SELECT CAST(value ->> 0 AS BIGINT) AS seq, CAST(value ->> 1 AS BIGINT) AS state,
        CAST(value ->> 2 AS BIGINT) AS due_at, CAST(value ->> 3 AS BIGINT) AS lane, CAST(value ->> 4 AS BIGINT) AS queue,
        CAST(value ->> 5 AS BIGINT) AS priority, CAST(value ->> 6 AS BIGINT) AS bytes FROM json_each(?1)) AS c
    WHERE job.seq = c.seq";
pub(super) const NEW_PAYLOAD: &str =
    "UPDATE payload SET body = ?2 WHERE seq IN (SELECT CAST(value AS BIGINT) FROM json_each(?1))";
pub(super) const PAUSE: &str = "UPDATE queue SET paused = ?2 WHERE name = ?1 AND (?2 = 1 OR paused = 1)";
