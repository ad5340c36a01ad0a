//! Who holds unique keys and roles.

use super::state::State;
use crate::{KeyLock, Locks, Released, Timestamp};

impl State {
    pub(super) fn locks(&mut self, text: &str, now: Timestamp) -> Locks {
        let mut names = self.key_names();
        names.retain(|(kind, key)| kind.contains(text) || key.contains(text));
        names.sort();
        let keys = names.into_iter().filter_map(|(kind, key)| {
            let seq = self.holder(&kind, &key, now)?;
            let record = &self.jobs.get(seq).record;
            let (holder, state, since) = (Some(record.id), Some(record.state), Some(record.enqueued_at));
            Some(KeyLock { kind, key, holder, state, since })
        });
        let keys = keys.take(Locks::MOST).collect();
        Locks { keys, roles: self.roles.list(text, now) }
    }

    pub(super) fn free_key(&mut self, kind: &str, key: &str, force: bool, now: Timestamp) -> Released {
        let Some(seq) = self.holder(kind, key, now) else { return Released::NotHeld };
        let (id, state) = (self.jobs.get(seq).record.id, self.jobs.get(seq).record.state);
        if !state.is_final() && !force {
            return Released::InUse(id, state);
        }
        self.release_key(seq, |_| true);
        Released::Released(Some(id))
    }
}
