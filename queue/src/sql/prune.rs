//! Forgetting what is finished, by age and by bytes.

use super::{Engine, SqlStore, codes::state_of, fault::Result, query::query, rows::json, tx::Tx};
use crate::{JobState, Pruned, Retention, Timestamp};
use std::time::Duration;

/// Finished jobs that share a retention.
struct Shelf {
    bytes: &'static str,
    oldest: &'static str,
    max_age: Duration,
    max_bytes: u64,
}

impl<E: Engine> SqlStore<E> {
    pub(super) async fn prune_finished(&self, retention: &Retention, limit: usize) -> Result<Pruned> {
        let limit = limit.min(super::MAINTENANCE);
        let mut tx = self.begin().await?;
        let mut pruned = Pruned::default();
        let Retention { max_age, max_bytes, dead_max_age, dead_max_bytes } = *retention;
        for shelf in [
            Shelf { bytes: KEPT_BYTES, oldest: OLDEST_KEPT, max_age, max_bytes },
            Shelf {
                bytes: DEAD_BYTES,
                oldest: OLDEST_DEAD,
                max_age: dead_max_age,
                max_bytes: dead_max_bytes,
            },
        ] {
            shelf.prune(&mut tx, limit, &mut pruned).await?;
        }
        let room = limit - pruned.jobs;
        let before = tx.now.minus(max_age).0;
        let groups = query(OLD_GROUPS).bind(before).bind(room as i64 + 1).fetch_all(tx.conn()).await?;
        let groups: Vec<_> = groups.iter().map(|row| row.int(0)).collect::<Result<_>>()?;
        pruned.more |= groups.len() > room;
        let groups = json(&groups[..groups.len().min(room)])?;
        query(DELETE_COUNTERS).bind(&groups).execute(tx.conn()).await?;
        query(DELETE_GROUPS).bind(&groups).execute(tx.conn()).await?;
        self.commit(tx).await?;
        Ok(pruned)
    }
}

impl Shelf {
    async fn prune(&self, tx: &mut Tx, limit: usize, pruned: &mut Pruned) -> Result<()> {
        let mut bytes = query(self.bytes).fetch_one(tx.conn()).await?.int(0)? as u64;
        let room = limit - pruned.jobs;
        // One more than may go, to see whether there is more to do.
        let rows = query(self.oldest).bind(room as i64 + 1).fetch_all(tx.conn()).await?;
        let mut seqs = Vec::new();
        for row in rows {
            let finished_at: Timestamp = row.time(1)?;
            if bytes <= self.max_bytes && tx.now.since(finished_at) <= self.max_age {
                break;
            }
            if seqs.len() == room {
                pruned.more = true;
                break;
            }
            let job_bytes = row.int(4)?;
            let state = state_of(row.int(3)?).unwrap_or(JobState::Completed);
            tx.ledger.removed(row.int(2)?, state, job_bytes);
            bytes = bytes.saturating_sub(job_bytes as u64);
            pruned.bytes += job_bytes as u64;
            seqs.push(row.int(0)?);
        }
        pruned.jobs += seqs.len();
        if !seqs.is_empty() {
            let seqs = json(&seqs)?;
            for delete in [DELETE_HOLDS, DELETE_PAYLOADS, DELETE_JOBS] {
                query(delete).bind(&seqs).execute(tx.conn()).await?;
            }
        }
        Ok(())
    }
}

pub(super) const KEPT_BYTES: &str =
    "SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM tally WHERE state IN (4, 5)";
pub(super) const DEAD_BYTES: &str =
    "SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM tally WHERE state IN (6, 7)";
pub(super) const OLDEST_KEPT: &str = "
    SELECT seq, finished_at, lane, state, bytes FROM job INDEXED BY job_kept WHERE state IN (4, 5)
    ORDER BY finished_at, seq LIMIT ?1";
pub(super) const OLDEST_DEAD: &str = "
    SELECT seq, finished_at, lane, state, bytes FROM job INDEXED BY job_dead WHERE state IN (6, 7)
    ORDER BY finished_at, seq LIMIT ?1";
pub(super) const OLD_GROUPS: &str = "
    SELECT n FROM grp AS g INDEXED BY grp_done WHERE done_at IS NOT NULL AND done_at < ?1
        AND NOT EXISTS (SELECT 1 FROM job INDEXED BY job_grp WHERE job.grp = g.n AND job.grp IS NOT NULL)
    ORDER BY done_at LIMIT ?2";
pub(super) const DELETE_HOLDS: &str =
    "DELETE FROM hold WHERE seq IN (SELECT CAST(value AS BIGINT) FROM json_each(?1))";
pub(super) const DELETE_PAYLOADS: &str =
    "DELETE FROM payload WHERE seq IN (SELECT CAST(value AS BIGINT) FROM json_each(?1))";
pub(super) const DELETE_JOBS: &str =
    "DELETE FROM job WHERE seq IN (SELECT CAST(value AS BIGINT) FROM json_each(?1))";
pub(super) const DELETE_COUNTERS: &str =
    "DELETE FROM counter WHERE grp IN (SELECT CAST(value AS BIGINT) FROM json_each(?1))";
pub(super) const DELETE_GROUPS: &str =
    "DELETE FROM grp WHERE n IN (SELECT CAST(value AS BIGINT) FROM json_each(?1))";
