//! What could be claimed: of each key the next few jobs, never a backlog.

use super::super::{
    fault::Result,
    lanes::LanesOfClaim,
    rows::{Cells, json},
};
use super::{
    band::{Band, Candidate, Key, Line, Wanted},
    gate::Gate,
};
use crate::Timestamp;
use serde::Deserialize;
use sqlx::{AssertSqlSafe, SqliteConnection};
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

/// The four priorities; `None` where there is nothing for this worker.
pub(super) type Bands = [Option<Band>; 4];

/// A key as [`CANDIDATES`] finds it in one lane: name, leased jobs, arrival time, and the next jobs unless it is held
/// back.
#[derive(Deserialize)]
struct Found(String, u32, Option<i64>, Option<Vec<Candidate>>);

/// Reads the next jobs of each key, together about `max` of every priority and lane, at least one a key.
pub(super) async fn bands(
    conn: &mut SqliteConnection,
    lanes: &LanesOfClaim,
    gate: &mut Gate,
    max: usize,
) -> Result<Bands> {
    let query = sqlx::query(BUSY_BANDS).bind(json(&lanes.all)?).bind(lanes.queue);
    let busy = query.fetch_all(&mut *conn).await?;
    let mut bands = Bands::default();
    for priority in 0..4_i64 {
        let rows: Vec<_> = busy.iter().filter(|row| row.int(1).ok() == Some(priority)).collect();
        let mut keys = BTreeMap::<String, Key>::new();
        let mut is_served = false;
        for row in &rows {
            is_served |= lanes.served.binary_search(&row.int(0)?).is_ok();
        }
        let Some(first) = rows.first().filter(|_| is_served) else { continue };
        for row in &rows {
            let lane = row.int(0)?;
            let served = lanes.served.binary_search(&lane).is_ok();
            let reach = if served { max } else { 0 };
            let found = candidates(conn, (lanes.queue, lane, priority), gate, reach).await?;
            add_lane(&mut keys, gate, found, (lane, reach));
        }
        let stored: Vec<(String, u64)> = serde_json::from_str(first.text(3)?)?;
        let served = first.maybe_int(2)?.unwrap_or(0) as u64;
        bands[priority as usize] = Some(Band::new(served, &stored.into_iter().collect(), keys));
    }
    Ok(bands)
}

async fn candidates(
    conn: &mut SqliteConnection,
    (queue, lane, priority): (i64, i64, i64),
    gate: &Gate,
    max: usize,
) -> Result<Vec<Found>> {
    let limits = gate.limits();
    let row = if limits.is_none() {
        let query = sqlx::query(AssertSqlSafe(Arc::clone(&CANDIDATES)));
        query.bind(lane).bind(priority).bind(max as i64).fetch_one(conn).await?
    } else {
        let running = limits.running.map(|running| i64::from(running.get()));
        let query = sqlx::query(AssertSqlSafe(Arc::clone(&LIMITED_CANDIDATES)));
        let query = query.bind(lane).bind(priority).bind(max as i64);
        query.bind(queue).bind(running).bind(gate.latest_tat()).fetch_one(conn).await?
    };
    Ok(serde_json::from_str(row.text(0)?)?)
}

fn add_lane(keys: &mut BTreeMap<String, Key>, gate: &mut Gate, found: Vec<Found>, (lane, max): (i64, usize)) {
    let open = found.iter().filter(|found| found.3.is_some()).count();
    let reach = reach(max, open);
    for Found(name, running, tat, jobs) in found {
        gate.read(&name, running, tat);
        let key = keys.entry(name).or_default();
        key.unread |= max == 0 || jobs.is_none();
        key.held_back |= max > 0 && jobs.is_none();
        if let (Some(jobs), 1..) = (jobs, max) {
            let more = jobs.len() == reach;
            key.lines.push(Line { lane, jobs: jobs.into(), more });
        }
    }
}

/// How many jobs of each of `open` keys are read for a claim of `max`: one more than an even share, so that a key which
/// is even with the others does not run out; all of them of a key that is alone. As in [`CANDIDATES`].
fn reach(max: usize, open: usize) -> usize {
    max.min(max.saturating_sub(1) / open.max(1) + 2)
}

/// Reads on where a key ran out before the others; returns whether there may be still more.
pub(super) async fn more(
    conn: &mut SqliteConnection,
    priority: usize,
    wanted: &Wanted,
    max: usize,
) -> Result<(Vec<Candidate>, bool)> {
    let (due_at, seq) = wanted.after;
    let key = Some(wanted.name.as_str()).filter(|name| !name.is_empty());
    let query = sqlx::query(MORE).bind(wanted.lane).bind(priority as i64).bind(key);
    let row = query.bind(due_at).bind(seq).bind(max as i64).fetch_one(conn).await?;
    let jobs: Vec<Candidate> = serde_json::from_str(row.text(0)?)?;
    let more = jobs.len() == max;
    Ok((jobs, more))
}

/// Jobs among those read that nobody started in time.
pub(super) fn expired(bands: &Bands, now: Timestamp) -> Vec<i64> {
    let jobs = bands.iter().flatten().flat_map(Band::jobs);
    jobs.filter(|job| job.is_expired(now)).map(|job| job.1).collect()
}

/// Where there is something, the last turn served and the keys that are not behind it.
pub(in super::super) const BUSY_BANDS: &str = "
    SELECT lane.value, band.column1,
        (SELECT served FROM turn WHERE queue = ?2 AND priority = band.column1),
        (SELECT json_group_array(json_array(key, turn)) FROM share WHERE queue = ?2 AND priority = band.column1)
    FROM json_each(?1) AS lane CROSS JOIN (VALUES (0), (1), (2), (3)) AS band
    WHERE EXISTS (SELECT 1 FROM job INDEXED BY job_available
        WHERE state = 1 AND lane = lane.value AND priority = band.column1)";

/// The index is read from key to key, then inside each; jobs without a key come first, under an empty name.
fn candidates_where(open: &str, running: &str, tat: &str) -> Arc<str> {
    format!(
        "WITH RECURSIVE key (name) AS (
            SELECT ''
            UNION ALL
            SELECT (SELECT fairness_key FROM job INDEXED BY job_available
                WHERE state = 1 AND lane = ?1 AND priority = ?2 AND fairness_key > name
                ORDER BY fairness_key LIMIT 1)
            FROM key WHERE name IS NOT NULL),
        found (name, running, tat) AS MATERIALIZED (
            SELECT name, {running}, {tat} FROM key
            WHERE name > '' OR (name = '' AND EXISTS (SELECT 1 FROM job INDEXED BY job_available
                WHERE state = 1 AND lane = ?1 AND priority = ?2 AND fairness_key IS NULL))),
        portion (jobs) AS MATERIALIZED (
            SELECT min(?3, (?3 - 1) / max(count(*), 1) + 2) FROM found WHERE {open})
        SELECT json_group_array(json_array(name, running, tat, iif({open}, (
            SELECT json_group_array(json_array(due_at, seq, bytes, stale_at)) FROM (
                SELECT due_at, seq, bytes, stale_at FROM job INDEXED BY job_available
                WHERE state = 1 AND lane = ?1 AND priority = ?2 AND fairness_key IS nullif(name, '')
                ORDER BY due_at, seq LIMIT (SELECT jobs FROM portion))), NULL)))
        FROM found"
    )
    .into()
}

pub(in super::super) static CANDIDATES: LazyLock<Arc<str>> =
    LazyLock::new(|| candidates_where("true", "0", "NULL"));
pub(in super::super) static LIMITED_CANDIDATES: LazyLock<Arc<str>> = LazyLock::new(|| {
    candidates_where(
        "(?5 IS NULL OR running < ?5) AND (tat IS NULL OR tat <= ?6)",
        "iif(?5 IS NULL OR name = '', 0, (SELECT count(*) FROM (SELECT 1 FROM job INDEXED BY job_slot
            WHERE queue = ?4 AND fairness_key = name AND state = 2 AND flags & 16 LIMIT ?5)))",
        "iif(?6 IS NULL OR name = '', NULL, (SELECT tat FROM pace WHERE pace.queue = ?4 AND pace.key = name))",
    )
});
pub(in super::super) const MORE: &str = "
    SELECT json_group_array(json_array(due_at, seq, bytes, stale_at)) FROM (
        SELECT due_at, seq, bytes, stale_at FROM job INDEXED BY job_available
        WHERE state = 1 AND lane = ?1 AND priority = ?2 AND fairness_key IS ?3 AND (due_at, seq) > (?4, ?5)
        ORDER BY due_at, seq LIMIT ?6)";
