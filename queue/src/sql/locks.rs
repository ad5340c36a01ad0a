//! Who holds unique keys and roles.

use super::{Engine, SqlStore, change, codes::state_of, fault::Result, query::query};
use crate::{Fence, JobId, KeyLock, Locks, Released, RoleLock, WorkerId};

impl<E: Engine> SqlStore<E> {
    pub(super) async fn held(&self, text: &str) -> Result<Locks> {
        let now = self.clock.now();
        let most = Locks::MOST as i64;
        let keys = query(KEYS).bind(text).bind(now.0).bind(most).fetch_all(&mut self.read().await?).await?;
        let keys = keys.iter().map(|row| {
            Ok(KeyLock {
                kind: row.text(0)?.into_owned(),
                key: row.text(1)?.into_owned(),
                holder: row.maybe_uuid(2)?.map(JobId),
                state: row.maybe_int(3)?.and_then(state_of),
                since: row.maybe_time(4)?,
            })
        });
        let roles = query(ROLES).bind(text).fetch_all(&mut self.read().await?).await?;
        let roles = roles.iter().map(|row| {
            let until = Some(row.time(2)?).filter(|until| *until > now);
            let leader = until.and(row.maybe_text(1)?).map(WorkerId);
            Ok(RoleLock { role: row.text(0)?.into_owned(), leader, until, fence: Fence(row.int(3)? as u64) })
        });
        Ok(Locks { keys: keys.collect::<Result<_>>()?, roles: roles.collect::<Result<_>>()? })
    }

    pub(super) async fn free_key(&self, kind: &str, key: &str, force: bool) -> Result<Released> {
        let mut tx = self.begin().await?;
        let asked = query(HOLDER).bind(kind).bind(key).bind(tx.now.0);
        let Some(row) = asked.fetch_optional(tx.conn()).await? else { return Ok(Released::NotHeld) };
        let holder = row.maybe_uuid(1)?.map(JobId);
        if let (Some(id), Some(state)) = (holder, row.maybe_int(2)?.and_then(state_of))
            && !state.is_final()
            && !force
        {
            return Ok(Released::InUse(id, state));
        }
        query(change::GIVE_UP).bind(row.int(0)?).execute(tx.conn()).await?;
        self.commit(tx).await?;
        Ok(Released::Released(holder))
    }
}

/// Keys held for a time that is over stay in the table until somebody asks for them: nobody holds them.
pub(super) const KEYS: &str = "
    SELECT h.kind, h.key, j.id, j.state, j.enqueued_at FROM hold AS h LEFT JOIN job AS j ON j.seq = h.seq
    WHERE (instr(h.kind, ?1) > 0 OR instr(h.key, ?1) > 0) AND (h.until IS NULL OR h.until > ?2)
    ORDER BY h.kind, h.key LIMIT ?3";
pub(super) const ROLES: &str = "
    SELECT role, worker, until, fence FROM leader WHERE instr(role, ?1) > 0 ORDER BY role";
pub(super) const HOLDER: &str = "
    SELECT h.seq, j.id, j.state FROM hold AS h LEFT JOIN job AS j ON j.seq = h.seq
    WHERE h.kind = ?1 AND h.key = ?2 AND (h.until IS NULL OR h.until > ?3)";
