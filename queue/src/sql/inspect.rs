//! What operators see.

use super::{
    Engine, MAINTENANCE, SqlStore,
    claim::read_limits,
    codes::state_of,
    conn::Row,
    fault::Result,
    filter::Condition,
    query::{Both, query},
    rows::id_bytes,
};
use crate::{
    Fence, GroupId, GroupStatus, JobFilter, JobId, JobRecord, JobState, Page, Priority, QueueStatus,
    StateCounts, WorkerId,
};
use std::sync::LazyLock;

impl<E: Engine> SqlStore<E> {
    pub(super) async fn find(&self, id: JobId) -> Result<Option<JobRecord>> {
        let filter = JobFilter { ids: vec![id], ..JobFilter::default() };
        Ok(self.list(&filter, Page::default()).await?.pop())
    }

    pub(super) async fn list(&self, filter: &JobFilter, page: Page) -> Result<Vec<JobRecord>> {
        let asked = Condition::of(filter)?.statement(listing);
        let rows = asked
            .bind(page.limit.min(MAINTENANCE) as i64)
            .bind(i64::try_from(page.offset).unwrap_or(i64::MAX))
            .fetch_all(&mut self.read().await?)
            .await?;
        rows.iter().map(read_record).collect()
    }

    pub(super) async fn queue_statuses(&self) -> Result<Vec<QueueStatus>> {
        let rows = query(&*QUEUES).fetch_all(&mut self.read().await?).await?;
        let mut queues: Vec<QueueStatus> = Vec::new();
        for row in rows {
            let name = row.text(0)?.into_owned();
            if queues.last().is_none_or(|queue| queue.name != name) {
                queues.push(QueueStatus {
                    name,
                    paused: row.flag(1)?,
                    counts: StateCounts::new(),
                    oldest_due_at: row.maybe_time(2)?,
                    limits: read_limits(&row, 5)?,
                });
            }
            let state = row.maybe_int(3)?.and_then(state_of);
            if let (Some(queue), Some(state), count @ 1..) = (queues.last_mut(), state, row.int(4)?) {
                queue.counts.insert(state, count as u64);
            }
        }
        Ok(queues)
    }

    pub(super) async fn find_group(&self, id: GroupId) -> Result<Option<GroupStatus>> {
        let row = query(GROUP).bind(id_bytes(id)).fetch_optional(&mut self.read().await?).await?;
        row.as_ref().map(read_group).transpose()
    }

    pub(super) async fn list_groups(&self, page: Page) -> Result<Vec<GroupStatus>> {
        let rows = query(GROUPS)
            .bind(page.limit.min(MAINTENANCE) as i64)
            .bind(i64::try_from(page.offset).unwrap_or(i64::MAX))
            .fetch_all(&mut self.read().await?)
            .await?;
        rows.iter().map(read_group).collect()
    }
}

pub(super) fn listing(condition: &str, next: usize) -> String {
    format!(
        "SELECT j.id, l.kind, l.version, q.name, j.priority, j.state, p.body, j.errors, j.crashes, j.fence,
            (SELECT id FROM grp WHERE n = j.grp), CASE WHEN j.flags & 32 <> 0 THEN '' ELSE j.fairness_key END, j.unique_key, j.enqueued_at, j.due_at,
            j.expires_at, j.started_at, j.finished_at,
            CASE WHEN j.state = 2 THEN (SELECT id FROM worker WHERE n = j.worker) END, j.last_error
         FROM (SELECT j.seq AS found FROM job AS j WHERE {condition} ORDER BY j.seq DESC LIMIT ?{next} OFFSET ?{}) AS page
         CROSS JOIN job AS j ON j.seq = found JOIN lane AS l ON l.n = j.lane JOIN queue AS q ON q.n = j.queue
         JOIN payload AS p ON p.seq = j.seq ORDER BY j.seq DESC",
        next + 1
    )
}

fn read_record(row: &Row) -> Result<JobRecord> {
    let small = |at| Ok::<_, super::fault::Fault>(u32::try_from(row.int(at)?).unwrap_or(u32::MAX));
    Ok(JobRecord {
        id: JobId(row.uuid(0)?),
        kind: row.text(1)?.into_owned(),
        version: u16::try_from(row.int(2)?).unwrap_or(u16::MAX),
        queue: row.text(3)?.into_owned(),
        priority: Priority::from_level(row.int(4)? as u8),
        state: state_of(row.int(5)?).unwrap_or(JobState::Quarantined),
        payload: row.bytes(6)?,
        errors: small(7)?,
        crashes: small(8)?,
        fence: Fence(row.int(9)? as u64),
        group: row.maybe_uuid(10)?.map(GroupId),
        fairness_key: row.maybe_text(11)?,
        unique_key: row.maybe_text(12)?,
        enqueued_at: row.time(13)?,
        due_at: row.time(14)?,
        expires_at: row.maybe_time(15)?,
        started_at: row.maybe_time(16)?,
        finished_at: row.maybe_time(17)?,
        worker: row.maybe_text(18)?.map(WorkerId),
        last_error: row.maybe_text(19)?,
    })
}

fn read_group(row: &Row) -> Result<GroupStatus> {
    let count = |at| Ok::<_, super::fault::Fault>(u64::try_from(row.int(at)?).unwrap_or(0));
    Ok(GroupStatus {
        id: GroupId(row.uuid(0)?),
        name: row.text(1)?.into_owned(),
        parent: row.maybe_uuid(2)?.map(GroupId),
        sealed: row.flag(3)?,
        total: count(4)?,
        pending: count(5)?,
        completed: count(6)?,
        cancelled: count(7)?,
        failed: count(8)?,
        open_children: count(9)?,
        counters: row.json(10)?,
        opened_at: row.time(11)?,
        done_at: row.maybe_time(12)?,
    })
}

/// Every queue and state, with the due time of the oldest available job of the queue.
macro_rules! queues {
    ($oldest:literal) => {
        concat!(
            "SELECT q.name, coalesce(q.paused, 0), (SELECT min((",
            $oldest,
            ")) FROM lane AS l ",
            "CROSS JOIN (VALUES (0), (1), (2), (3)) AS band ON true WHERE l.queue = q.n),
                t.state, CAST(coalesce(sum(t.jobs), 0) AS BIGINT), q.max_running, q.rate_jobs, q.rate_ms
             FROM queue AS q LEFT JOIN lane AS l ON l.queue = q.n LEFT JOIN tally AS t ON t.lane = l.n
             WHERE q.paused IS NOT NULL OR t.lane IS NOT NULL
             GROUP BY q.n, t.state ORDER BY q.name, t.state"
        )
    };
}
pub(super) static QUEUES: LazyLock<Both> = LazyLock::new(|| {
    Both {
    sqlite: queues!(
        "WITH RECURSIVE key (name) AS (
            SELECT NULL
            UNION ALL
            SELECT (SELECT fairness_key FROM job INDEXED BY job_available
                WHERE state = 1 AND lane = l.n AND priority = band.column1 AND fairness_key > coalesce(name, '')
                ORDER BY fairness_key LIMIT 1) AS next
            FROM key WHERE next IS NOT NULL)
         SELECT min((SELECT min(due_at) FROM job INDEXED BY job_available
            WHERE state = 1 AND lane = l.n AND priority = band.column1 AND fairness_key IS name)) FROM key"
    )
    .into(),
    postgres: queues!("SELECT min(due_at) FROM job WHERE state = 1 AND lane = l.n").into(),
}
});
macro_rules! group_columns {
    () => {
        "SELECT id, name, (SELECT id FROM grp AS p WHERE p.n = g.parent), sealed, total, pending, completed,
            cancelled, failed, open_children,
            coalesce((SELECT json_group_object(c.name, c.value) FROM counter AS c WHERE c.grp = g.n), '{}'), opened_at, done_at
         FROM grp AS g "
    };
}
pub(super) const GROUP: &str = concat!(group_columns!(), "WHERE id = ?1");
pub(super) const GROUPS: &str = concat!(group_columns!(), "ORDER BY n DESC LIMIT ?1 OFFSET ?2");
