//! Forgetting what is finished, by age and by bytes.

use super::{index::Shelf, jobs::Seq, state::State};
use crate::{Pruned, Retention, Timestamp};
use std::time::Duration;

impl State {
    pub(super) fn prune(&mut self, retention: &Retention, limit: usize, now: Timestamp) -> Pruned {
        let mut pruned = Pruned::default();
        let mut pieces = 0;
        while pieces < limit && self.prune_one(retention, now, &mut pruned) {
            pieces += 1;
        }
        let index = &self.jobs.index;
        pruned.more = pieces == limit && beyond(&index.done, &index.dead, retention, now).is_some();
        pruned
    }

    fn prune_one(&mut self, retention: &Retention, now: Timestamp, pruned: &mut Pruned) -> bool {
        let index = &self.jobs.index;
        let Some(seq) = beyond(&index.done, &index.dead, retention, now) else {
            return self.groups.prune_one(now.minus(retention.max_age));
        };
        self.release_key(seq, |_| true);
        if let Some(job) = self.jobs.remove(seq) {
            pruned.jobs += 1;
            pruned.bytes += job.bytes();
            if let Some(group) = job.record.group {
                self.groups.count_pruned(group);
            }
        }
        true
    }
}

/// The job to go next, if one is beyond the retention.
fn beyond(done: &Shelf, dead: &Shelf, retention: &Retention, now: Timestamp) -> Option<Seq> {
    oldest_beyond(done, retention.max_age, retention.max_bytes, now)
        .or_else(|| oldest_beyond(dead, retention.dead_max_age, retention.dead_max_bytes, now))
}

fn oldest_beyond(shelf: &Shelf, max_age: Duration, max_bytes: u64, now: Timestamp) -> Option<Seq> {
    let (finished_at, seq) = *shelf.jobs.first()?;
    (shelf.bytes > max_bytes || now.since(finished_at) > max_age).then_some(seq)
}
