//! Changes of state: the one place where a stored job goes from one state to another, with all that follows.

use super::{
    codes::{flag, state_code, state_of},
    conn::Row,
    fault::Result,
    query::query,
    rows::json,
    tx::Tx,
};
use crate::{JobState, NewJob, life::After};

/// What must be known of a job to change its state.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) seq: i64,
    pub(super) lane: i64,
    pub(super) state: JobState,
    pub(super) flags: i64,
    pub(super) group: Option<i64>,
    pub(super) due_at: i64,
    pub(super) crashes: u32,
    pub(super) bytes: i64,
    pub(super) error_bytes: i64,
}

/// The columns of [`Held::read`], of a job called `j`.
macro_rules! held {
    () => {
        "j.seq, j.lane, j.state, j.flags, j.grp, j.due_at, j.crashes, j.bytes, \
         CAST(coalesce(octet_length(j.last_error), 0) AS BIGINT)"
    };
}
pub(super) use held;

impl Held {
    /// How many columns [`held!`] has.
    pub(super) const COLUMNS: usize = 9;

    pub(super) fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            seq: row.int(0)?,
            lane: row.int(1)?,
            state: state_of(row.int(2)?).ok_or(sqlx::Error::Decode("unknown state".into()))?,
            flags: row.int(3)?,
            group: row.maybe_int(4)?,
            due_at: row.int(5)?,
            crashes: u32::try_from(row.int(6)?).unwrap_or(u32::MAX),
            bytes: row.int(7)?,
            error_bytes: row.int(8)?,
        })
    }

    pub(super) const fn is(&self, flag: i64) -> bool {
        self.flags & flag != 0
    }
}

/// Errors are cut to this many bytes.
const MAX_ERROR_BYTES: usize = 16 << 10;

/// Moves each job where its [`After`] says: counts, unique keys, requests to run once more.
pub(super) async fn apply(tx: &mut Tx, changes: &[(Held, After)]) -> Result<()> {
    let (mut completed, mut others) = (Vec::new(), Vec::new());
    let (mut released, mut once_more) = (Vec::new(), Vec::new());
    for (job, after) in changes {
        let error = after.error.as_deref().map(cut);
        let bytes = job.bytes + error.map_or(0, |error| len(error) - job.error_bytes);
        tx.ledger.moved((job.lane, job.group, bytes), job.state, after.state);
        let frees_slot = job.state == JobState::Running && job.is(flag::SLOT);
        tx.rings |= after.state == JobState::Available || frees_slot;
        tx.thinned |= job.state == JobState::Available;
        if after.state == JobState::Completed {
            completed.push(job.seq);
        } else {
            let (burns, crash) = (i64::from(after.burns_attempt), i64::from(after.counts_crash));
            others.push((job.seq, state_code(after.state), after.due_at.0, burns, crash, error, bytes));
        }
        if after.state.is_final() {
            if job.is(flag::ONCE_MORE) {
                once_more.push(job.seq);
            } else if job.is(flag::HOLDS) {
                released.push(job.seq);
            }
        }
    }
    let now = tx.now.0;
    if !completed.is_empty() {
        query(COMPLETE).bind(json(&completed)?).bind(now).execute(tx.conn()).await?;
    }
    if !others.is_empty() {
        query(CHANGE).bind(json(&others)?).bind(now).bind(flag::CANCEL).execute(tx.conn()).await?;
    }
    if !released.is_empty() {
        query(RELEASE).bind(json(&released)?).execute(tx.conn()).await?;
    }
    for seq in once_more {
        // The further run takes the key over, so this job gives it up whatever its scope.
        query(GIVE_UP).bind(seq).execute(tx.conn()).await?;
        let Some(row) = query(TAKE_ONCE_MORE).bind(seq).fetch_optional(tx.conn()).await? else {
            continue;
        };
        let request: NewJob = row.json(0)?;
        tx.caused.push(request);
    }
    Ok(())
}

/// The longest prefix of whole characters within the limit.
fn cut(error: &str) -> &str {
    &error[..error.floor_char_boundary(MAX_ERROR_BYTES)]
}

fn len(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

pub(super) const COMPLETE: &str = "
    UPDATE job SET state = 4, finished_at = ?2 WHERE seq IN (SELECT CAST(value AS BIGINT) FROM json_each(?1))";
pub(super) const CHANGE: &str = "
    UPDATE job SET state = c.state, due_at = c.due_at, errors = errors + c.burns, crashes = crashes + c.crash,
        last_error = coalesce(c.error, last_error), bytes = c.bytes, finished_at = CASE WHEN c.state >= 4 THEN ?2 END,
        flags = flags & ~?3
    FROM (SELECT CAST(value ->> 0 AS BIGINT) AS seq, CAST(value ->> 1 AS BIGINT) AS state,
        CAST(value ->> 2 AS BIGINT) AS due_at, CAST(value ->> 3 AS BIGINT) AS burns, CAST(value ->> 4 AS BIGINT) AS crash,
        value ->> 5 AS error, CAST(value ->> 6 AS BIGINT) AS bytes FROM json_each(?1)) AS c
    WHERE job.seq = c.seq";
/// Keys held for a time outlive the end of their job.
pub(super) const RELEASE: &str = "
    DELETE FROM hold WHERE seq IN (SELECT CAST(value AS BIGINT) FROM json_each(?1)) AND scope < 0";
pub(super) const GIVE_UP: &str = "DELETE FROM hold WHERE seq = ?1";
pub(super) const TAKE_ONCE_MORE: &str = "DELETE FROM once_more WHERE seq = ?1 RETURNING request";
