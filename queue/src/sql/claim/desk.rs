//! What a claim must know first, in one look.

use super::super::{
    conn::{Conn, Row},
    fault::Result,
    query::query,
};
use crate::{Claim, KeyLimits, Rate, Timestamp};
use std::{num::NonZeroU32, time::Duration};

pub(super) struct Desk {
    pub(super) worker: Option<i64>,
    pub(super) queue: Option<i64>,
    pub(super) paused: bool,
    pub(super) next_due: Option<Timestamp>,
    pub(super) newest_lane: i64,
    pub(super) limits: KeyLimits,
}

impl Desk {
    pub(super) async fn read(conn: &mut Conn, claim: &Claim) -> Result<Self> {
        let row = query(LOOK).bind(&claim.worker.0).bind(&claim.queue).fetch_one(conn).await?;
        Ok(Self {
            worker: row.maybe_int(0)?,
            queue: row.maybe_int(1)?,
            paused: row.maybe_int(2)? == Some(1),
            next_due: row.maybe_time(3)?,
            newest_lane: row.int(4)?,
            limits: read_limits(&row, 5)?,
        })
    }
}

/// The three columns of a queue's limits, from `at` on.
pub(in super::super) fn read_limits(row: &Row, at: usize) -> Result<KeyLimits> {
    let count = |at| Ok::<_, super::super::fault::Fault>(row.maybe_int(at)?.and_then(counted));
    let per = row.maybe_int(at + 2)?.map(|millis| Duration::from_millis(millis.unsigned_abs()));
    let rate = count(at + 1)?.zip(per).map(|(jobs, per)| Rate { jobs, per });
    Ok(KeyLimits { running: count(at)?, rate })
}

fn counted(number: i64) -> Option<NonZeroU32> {
    NonZeroU32::new(u32::try_from(number).ok()?)
}

pub(in super::super) const LOOK: &str = "
    SELECT (SELECT n FROM worker WHERE id = ?1 AND state = 0), q.n, q.paused,
        (SELECT min(due_at) FROM job INDEXED BY job_waiting WHERE queue = q.n AND state IN (0, 3)),
        (SELECT coalesce(max(n), 0) FROM lane), q.max_running, q.rate_jobs, q.rate_ms
    FROM (SELECT ?2 AS name) AS wanted LEFT JOIN queue AS q ON q.name = wanted.name";
