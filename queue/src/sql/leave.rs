//! Jobs leave: together where nobody can tell, one after the other where the order shows.

use super::{
    add::{Origin, add},
    change::{self, Held},
    codes::flag,
    due,
    fault::Result,
    query::query,
    rows::json,
    tx::Tx,
};
use crate::{JobState, NewJob, Timestamp, life::After};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// A job on its way, and what it leaves behind.
#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) job: Held,
    pub(super) after: After,
    pub(super) follow_on: Vec<NewJob>,
}

impl Leaving {
    pub(super) const fn new(job: Held, after: After) -> Self {
        Self { job, after, follow_on: Vec::new() }
    }

    /// Whether it asks for a key that another job of the same call may hold or give up.
    fn asks_for_a_key(&self) -> bool {
        self.job.is(flag::ONCE_MORE) || self.follow_on.iter().any(|job| job.unique.is_some())
    }
}

/// Moves all jobs where they go, as if one after the other.
pub(super) async fn leave(tx: &mut Tx, leaving: Vec<Leaving>) -> Result<()> {
    let ending = may_end(tx, &leaving).await?;
    let mut rest = VecDeque::from(leaving);
    let mut crowd = Vec::with_capacity(rest.len());
    while let Some(one) = rest.pop_front() {
        let alone = one.asks_for_a_key() || one.job.group.is_some_and(|group| ending.contains(&group));
        if !alone {
            crowd.push(one);
            continue;
        }
        go(tx, std::mem::take(&mut crowd)).await?;
        go(tx, vec![one]).await?;
        tx.follow().await?;
        if std::mem::take(&mut tx.touched) {
            rest = read_again(tx, rest).await?;
        }
    }
    go(tx, crowd).await
}

/// What a request changed in jobs that are still to leave.
async fn read_again(tx: &mut Tx, leaving: VecDeque<Leaving>) -> Result<VecDeque<Leaving>> {
    let seqs: Vec<_> = leaving.iter().map(|one| one.job.seq).collect();
    let jobs = due::read(tx, &seqs).await?;
    let mut jobs: HashMap<_, _> = jobs.into_iter().map(|job| (job.seq, job)).collect();
    let again = leaving.into_iter().filter_map(|mut one| {
        let job = jobs.remove(&one.job.seq).filter(|job| !job.state.is_final())?;
        if one.after.due_at.0 == one.job.due_at {
            one.after.due_at = Timestamp(job.due_at);
        }
        one.job = job;
        Some(one)
    });
    Ok(again.collect())
}

/// Ends waiting jobs.
pub(super) async fn cancel(tx: &mut Tx, jobs: Vec<Held>, reason: &str) -> Result<()> {
    let leaving = jobs.into_iter().map(|job| {
        let after = cancelled(&job, reason);
        Leaving::new(job, after)
    });
    leave(tx, leaving.collect()).await
}

/// The end of a waiting job.
pub(super) fn cancelled(job: &Held, reason: &str) -> After {
    After {
        state: JobState::Cancelled,
        due_at: Timestamp(job.due_at),
        burns_attempt: false,
        counts_crash: false,
        error: Some(reason.to_owned()),
    }
}

async fn go(tx: &mut Tx, crowd: Vec<Leaving>) -> Result<()> {
    if crowd.is_empty() {
        return Ok(());
    }
    let mut changes = Vec::with_capacity(crowd.len());
    let mut jobs = Vec::new();
    for Leaving { job, after, mut follow_on } in crowd {
        jobs.append(&mut follow_on);
        changes.push((job, after));
    }
    change::apply(tx, &changes).await?;
    jobs.append(&mut tx.caused);
    if !jobs.is_empty() {
        add(tx, jobs, Origin::Caused).await?;
    }
    Ok(())
}

/// Groups of which these may be the last members, and whose end enqueues something.
async fn may_end(tx: &mut Tx, leaving: &[Leaving]) -> Result<HashSet<i64>> {
    let mut members = BTreeMap::<i64, i64>::new();
    for group in leaving.iter().filter(|one| one.after.state.is_final()).filter_map(|one| one.job.group) {
        *members.entry(group).or_default() += 1;
    }
    if members.is_empty() {
        return Ok(HashSet::new());
    }
    // The file does not know yet what else this transaction did.
    let members = members.into_iter().map(|(group, count)| (group, count - tx.ledger.pending(group)));
    let members: Vec<_> = members.collect();
    let rows = query(MAY_END).bind(json(&members)?).fetch_all(tx.conn()).await?;
    rows.iter().map(|row| row.int(0)).collect()
}

pub(super) const MAY_END: &str = "
    WITH RECURSIVE up (start, parent, follow_up) AS (
        SELECT g.n, g.parent, g.follow_up FROM json_each(?1) AS c CROSS JOIN grp AS g ON g.n = CAST(c.value ->> 0 AS BIGINT)
        WHERE g.sealed <> 0 AND g.done_at IS NULL AND g.pending <= CAST(c.value ->> 1 AS BIGINT)
        UNION ALL
        SELECT up.start, p.parent, p.follow_up FROM up CROSS JOIN grp AS p ON p.n = up.parent)
    SELECT DISTINCT start FROM up WHERE follow_up IS NOT NULL";
