//! What could be claimed: of each key the next few jobs, never a backlog.

use super::super::{
    conn::Conn,
    fault::Result,
    lanes::LanesOfClaim,
    query::{Both, query},
    rows::json,
};
use super::{
    band::{Band, Candidate, Key, Line, Wanted},
    gate::Gate,
};
use crate::Timestamp;
use serde::Deserialize;
use std::{collections::BTreeMap, sync::LazyLock};

/// The four priorities; `None` where there is nothing for this worker.
pub(super) type Bands = [Option<Band>; 4];

/// A key as [`CANDIDATES`] finds it in one lane: name, leased jobs, arrival time, and the next jobs unless it is held
/// back.
#[derive(Deserialize)]
struct Found(String, u32, Option<i64>, Option<Vec<Candidate>>);

/// Reads the next jobs of each key, together about `max` of every priority and lane, at least one a key.
pub(super) async fn bands(
    conn: &mut Conn,
    lanes: &LanesOfClaim,
    gate: &mut Gate,
    max: usize,
) -> Result<Bands> {
    let asked = query(BUSY_BANDS).bind(json(&lanes.all)?).bind(lanes.queue);
    let busy = asked.fetch_all(&mut *conn).await?;
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
        let stored: Vec<(String, u64)> = first.json(3)?;
        let served = first.maybe_int(2)?.unwrap_or(0) as u64;
        bands[priority as usize] = Some(Band::new(served, &stored.into_iter().collect(), keys));
    }
    Ok(bands)
}

async fn candidates(
    conn: &mut Conn,
    (queue, lane, priority): (i64, i64, i64),
    gate: &Gate,
    max: usize,
) -> Result<Vec<Found>> {
    let limits = gate.limits();
    let row = if limits.is_none() {
        let asked = query(&*CANDIDATES);
        asked.bind(lane).bind(priority).bind(max as i64).fetch_one(conn).await?
    } else {
        let running = limits.running.map(|running| i64::from(running.get()));
        let asked = query(&*LIMITED_CANDIDATES);
        let asked = asked.bind(lane).bind(priority).bind(max as i64);
        asked.bind(queue).bind(running).bind(gate.latest_tat()).fetch_one(conn).await?
    };
    row.json(0)
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
    conn: &mut Conn,
    priority: usize,
    wanted: &Wanted,
    max: usize,
) -> Result<(Vec<Candidate>, bool)> {
    let (due_at, seq) = wanted.after;
    let key = Some(wanted.name.as_str()).filter(|name| !name.is_empty());
    let asked = query(&*MORE).bind(wanted.lane).bind(priority as i64).bind(key);
    let row = asked.bind(due_at).bind(seq).bind(max as i64).fetch_one(conn).await?;
    let jobs: Vec<Candidate> = row.json(0)?;
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
    SELECT CAST(one.value AS BIGINT), band.column1,
        (SELECT served FROM turn WHERE queue = ?2 AND priority = band.column1),
        (SELECT coalesce(json_group_array(json_array(share.key, turn)), '[]') FROM share
            WHERE queue = ?2 AND priority = band.column1)
    FROM json_each(?1) AS one CROSS JOIN (VALUES (0), (1), (2), (3)) AS band ON true
    WHERE EXISTS (SELECT 1 FROM job INDEXED BY job_available
        WHERE state = 1 AND lane = CAST(one.value AS BIGINT) AND priority = band.column1)";

/// The index is read from key to key, then inside each; jobs without a key come first, under an empty name. PostgreSQL
/// has a column for that name (`fair`), because it finds nothing by an index in which `NULL` is a value.
fn candidates_where(open: &str, running: &str, tat: &str) -> Both {
    let sqlite = format!(
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
    );
    // A condition is a number there, and a condition here.
    let running = running.replace("flags & 16", "flags & 16 <> 0");
    let postgres = format!(
        "WITH RECURSIVE key (name) AS (
            SELECT CAST('' AS TEXT) COLLATE \"C\"
            UNION ALL
            SELECT (SELECT fair FROM job WHERE state = 1 AND lane = ?1 AND priority = ?2 AND fair > name
                ORDER BY fair LIMIT 1)
            FROM key WHERE name IS NOT NULL),
        found (name, running, tat) AS MATERIALIZED (
            SELECT name, {running}, {tat} FROM key
            WHERE name > '' OR (name = '' AND EXISTS (SELECT 1 FROM job
                WHERE state = 1 AND lane = ?1 AND priority = ?2 AND fair = ''))),
        portion (jobs) AS MATERIALIZED (
            SELECT least(?3, (?3 - 1) / greatest(count(*), 1) + 2) FROM found WHERE {open})
        SELECT coalesce(json_agg(json_build_array(name, running, tat, CASE WHEN {open} THEN (
            SELECT coalesce(json_agg(json_build_array(due_at, seq, bytes, stale_at) ORDER BY due_at, seq), '[]')
            FROM (SELECT due_at, seq, bytes, stale_at FROM job
                WHERE state = 1 AND lane = ?1 AND priority = ?2 AND fair = name
                ORDER BY due_at, seq LIMIT (SELECT jobs FROM portion)) AS next) END)), '[]')
        FROM found"
    );
    Both { sqlite: sqlite.into(), postgres: postgres.into() }
}

pub(in super::super) static CANDIDATES: LazyLock<Both> =
    LazyLock::new(|| candidates_where("true", "0", "CAST(NULL AS BIGINT)"));
pub(in super::super) static LIMITED_CANDIDATES: LazyLock<Both> = LazyLock::new(|| {
    candidates_where(
        "(?5 IS NULL OR running < ?5) AND (tat IS NULL OR tat <= ?6)",
        "CASE WHEN ?5 IS NULL OR name = '' THEN 0 ELSE (SELECT count(*) FROM (SELECT 1 FROM job INDEXED BY job_slot
            WHERE queue = ?4 AND fairness_key = name AND state = 2 AND flags & 16 LIMIT ?5) AS slot) END",
        "CASE WHEN ?6 IS NOT NULL AND name <> '' THEN
            (SELECT tat FROM pace WHERE pace.queue = ?4 AND pace.key = name) END",
    )
});

/// The next jobs of one key behind a job.
macro_rules! more {
    ($from:literal, $key:literal) => {
        concat!(
            "SELECT coalesce(json_group_array(json_array(due_at, seq, bytes, stale_at)), '[]') FROM (
                SELECT due_at, seq, bytes, stale_at FROM ",
            $from,
            "
                WHERE state = 1 AND lane = ?1 AND priority = ?2 AND ",
            $key,
            " AND (due_at, seq) > (?4, ?5)
                ORDER BY due_at, seq LIMIT ?6) AS next"
        )
    };
}
pub(in super::super) static MORE: LazyLock<Both> = LazyLock::new(|| Both {
    sqlite: more!("job INDEXED BY job_available", "fairness_key IS ?3").into(),
    postgres: more!("job", "fair = coalesce(?3, '')").into(),
});
