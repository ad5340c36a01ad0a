//! What a transaction changed in the counts of lanes and groups, gathered and written once before the commit.

use super::{codes::state_code, conn::Conn, fault::Result, query::query, rows::json};
use crate::JobState;
use std::collections::BTreeMap;

/// Changes to one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Members {
    total: i64,
    pending: i64,
    completed: i64,
    cancelled: i64,
    failed: i64,
    open_children: i64,
}

impl Members {
    fn count(&mut self, state: JobState) -> &mut i64 {
        match state {
            JobState::Completed => &mut self.completed,
            JobState::Cancelled => &mut self.cancelled,
            JobState::Discarded | JobState::Quarantined => &mut self.failed,
            _ => &mut self.pending,
        }
    }
}

/// The changes of one transaction.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    lanes: BTreeMap<(i64, i64), (i64, i64)>,
    groups: BTreeMap<i64, Members>,
    counters: BTreeMap<(i64, String), i64>,
}

impl Ledger {
    /// A job was stored.
    pub(super) fn added(&mut self, lane: i64, state: JobState, group: Option<i64>) {
        self.count(lane, state, 1, 0);
        if let Some(group) = group {
            let members = self.groups.entry(group).or_default();
            members.total += 1;
            *members.count(state) += 1;
        }
    }

    /// A job of now `bytes` went from a state to another.
    pub(super) fn moved(&mut self, job: (i64, Option<i64>, i64), from: JobState, to: JobState) {
        let (lane, group, bytes) = job;
        self.count(lane, from, -1, -bytes);
        self.count(lane, to, 1, bytes);
        if let Some(group) = group
            && from.is_final() != to.is_final()
        {
            let members = self.groups.entry(group).or_default();
            *members.count(from) -= 1;
            *members.count(to) += 1;
        }
    }

    /// A waiting job went to another lane, of the same kind and queue.
    pub(super) fn shifted(&mut self, from: (i64, JobState), to: (i64, JobState)) {
        self.count(from.0, from.1, -1, 0);
        self.count(to.0, to.1, 1, 0);
    }

    /// A finished job was deleted.
    pub(super) fn removed(&mut self, lane: i64, state: JobState, bytes: i64) {
        self.count(lane, state, -1, -bytes);
    }

    /// A handler counted something. Sums stop at the ends of the numbers.
    pub(super) fn tally(&mut self, group: i64, name: &str, value: i64) {
        let sum = self.counters.entry((group, name.to_owned())).or_default();
        *sum = sum.saturating_add(value);
    }

    /// A child of `parent` was opened (`1`) or is done (`-1`).
    pub(super) fn children(&mut self, parent: i64, by: i64) {
        self.groups.entry(parent).or_default().open_children += by;
    }

    /// Looks at `group` again: it may be done.
    pub(super) fn touch(&mut self, group: i64) {
        self.groups.entry(group).or_default();
    }

    /// How many pending members `group` has won and lost in this transaction so far.
    pub(super) fn pending(&self, group: i64) -> i64 {
        self.groups.get(&group).map_or(0, |members| members.pending)
    }

    pub(super) fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// Bytes are only counted in final states: those of live jobs limit nothing.
    fn count(&mut self, lane: i64, state: JobState, jobs: i64, bytes: i64) {
        let entry = self.lanes.entry((lane, state_code(state))).or_default();
        entry.0 += jobs;
        entry.1 += if state.is_final() { bytes } else { 0 };
    }

    /// Writes the counts of lanes and counters.
    pub(super) async fn write_counts(&mut self, conn: &mut Conn) -> Result<()> {
        let lanes = std::mem::take(&mut self.lanes);
        let rows: Vec<_> = lanes
            .into_iter()
            .filter(|(_, change)| *change != (0, 0))
            .map(|((lane, state), (jobs, bytes))| (lane, state, jobs, bytes))
            .collect();
        if !rows.is_empty() {
            query(COUNT).bind(json(&rows)?).execute(&mut *conn).await?;
        }
        let counters = std::mem::take(&mut self.counters);
        let rows: Vec<_> = counters.into_iter().map(|((group, name), value)| (group, name, value)).collect();
        if !rows.is_empty() {
            query(ADD_COUNTERS).bind(json(&rows)?).execute(conn).await?;
        }
        Ok(())
    }

    /// Writes the changes of groups and returns those that may be done now.
    pub(super) async fn write_groups(&mut self, conn: &mut Conn) -> Result<Vec<i64>> {
        let groups = std::mem::take(&mut self.groups);
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<_> = groups
            .into_iter()
            .map(|(n, m)| [n, m.total, m.pending, m.completed, m.cancelled, m.failed, m.open_children])
            .collect();
        let touched = json(&rows)?;
        query(CHANGE_GROUPS).bind(&touched).execute(&mut *conn).await?;
        let done = query(DONE_NOW).bind(&touched).fetch_all(conn).await?;
        done.iter().map(|row| row.int(0)).collect()
    }
}

pub(super) const COUNT: &str = "
    INSERT INTO tally (lane, state, jobs, bytes)
    SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT), CAST(value ->> 3 AS BIGINT)
    FROM json_each(?1) WHERE true
    ON CONFLICT (lane, state) DO UPDATE SET jobs = tally.jobs + excluded.jobs, bytes = tally.bytes + excluded.bytes";
pub(super) const ADD_COUNTERS: &str = "
    INSERT INTO counter (grp, name, value)
    SELECT CAST(value ->> 0 AS BIGINT), value ->> 1, CAST(value ->> 2 AS BIGINT) FROM json_each(?1) WHERE true
    ON CONFLICT (grp, name) DO UPDATE SET value = CASE
        WHEN excluded.value > 0 AND counter.value > 9223372036854775807 - excluded.value THEN 9223372036854775807
        WHEN excluded.value < 0 AND counter.value < -9223372036854775808 - excluded.value THEN -9223372036854775808
        ELSE counter.value + excluded.value END";
pub(super) const CHANGE_GROUPS: &str = "
    UPDATE grp SET total = grp.total + c.total, pending = grp.pending + c.pending,
        completed = grp.completed + c.completed, cancelled = grp.cancelled + c.cancelled,
        failed = grp.failed + c.failed, open_children = grp.open_children + c.open_children
    FROM (SELECT CAST(value ->> 0 AS BIGINT) AS n, CAST(value ->> 1 AS BIGINT) AS total, CAST(value ->> 2 AS BIGINT) AS pending,
        CAST(value ->> 3 AS BIGINT) AS completed, CAST(value ->> 4 AS BIGINT) AS cancelled, CAST(value ->> 5 AS BIGINT) AS failed,
        CAST(value ->> 6 AS BIGINT) AS open_children FROM json_each(?1)) AS c
    WHERE grp.n = c.n";
pub(super) const DONE_NOW: &str = "
    SELECT n FROM grp WHERE n IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each(?1))
        AND sealed <> 0 AND pending = 0 AND open_children = 0 AND done_at IS NULL ORDER BY n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_to_and_fro_leaves_no_trace_in_a_group() {
        let mut ledger = Ledger::default();
        ledger.moved((1, Some(7), 10), JobState::Running, JobState::Retryable);
        assert!(ledger.groups.is_empty());
        ledger.moved((1, Some(7), 10), JobState::Running, JobState::Discarded);
        ledger.moved((1, Some(7), 10), JobState::Discarded, JobState::Available);
        assert_eq!(ledger.groups[&7], Members::default());
        assert_eq!(ledger.lanes[&(1, state_code(JobState::Discarded))], (0, 0));
    }
}
