//! Who does what only one may do: cron cursors and leaders.

use super::{
    Engine, SqlStore,
    add::{Origin, add},
    fault::Result,
    query::query,
};
use crate::{Fence, Leadership, NewJob, Timestamp, WorkerId};
use std::time::Duration;

impl<E: Engine> SqlStore<E> {
    pub(super) async fn fire_slot(&self, entry: &str, slot: Timestamp, jobs: Vec<NewJob>) -> Result<bool> {
        let mut tx = self.begin().await?;
        if query(MOVE_CURSOR).bind(entry).bind(slot.0).execute(tx.conn()).await?.rows_affected() == 0 {
            return Ok(false);
        }
        for job in &jobs {
            job.validate()?;
        }
        add(&mut tx, jobs, Origin::Asked).await?;
        self.commit(tx).await?;
        Ok(true)
    }

    pub(super) async fn cursors(&self) -> Result<Vec<(String, Timestamp)>> {
        let rows = query(CURSORS).fetch_all(&mut self.read().await?).await?;
        rows.iter().map(|row| Ok((row.text(0)?.into_owned(), row.time(1)?))).collect()
    }

    pub(super) async fn take_lead(&self, role: &str, who: &WorkerId, ttl: Duration) -> Result<Leadership> {
        let mut tx = self.begin().await?;
        let until = tx.now.plus(ttl).0;
        let asked = query(LEAD).bind(role).bind(&who.0).bind(until).bind(tx.now.0);
        if let Some(row) = asked.fetch_optional(tx.conn()).await? {
            let fence = Fence(row.int(0)? as u64);
            self.commit(tx).await?;
            return Ok(Leadership::Leader(fence));
        }
        let row = query(LEADER).bind(role).fetch_one(tx.conn()).await?;
        Ok(Leadership::Follower { leader: WorkerId(row.text(0)?.into_owned()), until: row.time(1)? })
    }

    pub(super) async fn give_up_lead(&self, role: &str, who: &WorkerId) -> Result<()> {
        let mut tx = self.begin().await?;
        query(RESIGN).bind(role).bind(&who.0).execute(tx.conn()).await?;
        self.commit(tx).await
    }
}

pub(super) const MOVE_CURSOR: &str = "
    INSERT INTO cron (entry, slot) VALUES (?1, ?2)
    ON CONFLICT (entry) DO UPDATE SET slot = excluded.slot WHERE cron.slot < excluded.slot";
pub(super) const CURSORS: &str = "SELECT entry, slot FROM cron ORDER BY entry";
/// The token grows with every new term.
pub(super) const LEAD: &str = "
    INSERT INTO leader (role, worker, fence, until) VALUES (?1, ?2, 1, ?3)
    ON CONFLICT (role) DO UPDATE SET worker = ?2, until = ?3,
            fence = leader.fence + CASE WHEN leader.until <= ?4 THEN 1 ELSE 0 END
        WHERE leader.until <= ?4 OR leader.worker = ?2
    RETURNING fence";
pub(super) const LEADER: &str = "SELECT worker, until FROM leader WHERE role = ?1";
pub(super) const RESIGN: &str =
    "UPDATE leader SET until = -9223372036854775808 WHERE role = ?1 AND worker = ?2";
