//! Groups: live counts, and the follow-up when all is done.

use super::{index::At, state::State};
use crate::{GroupId, GroupStatus, JobState, NewGroup, NewJob, StoreError, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};

#[derive(Debug)]
struct Group {
    seq: u64,
    status: GroupStatus,
    follow_up: Option<NewJob>,
    /// Stored jobs; a group with none left may be pruned.
    rows: u64,
}

/// All groups.
#[derive(Debug, Default)]
pub(super) struct Groups {
    by_id: HashMap<GroupId, Group>,
    /// In the order of opening.
    opened: BTreeMap<u64, GroupId>,
    /// Done and without jobs, longest done first.
    prunable: BTreeSet<At>,
    last_seq: u64,
}

impl Groups {
    pub(super) fn exists(&self, id: GroupId) -> bool {
        self.by_id.contains_key(&id)
    }

    pub(super) fn status(&self, id: GroupId) -> Option<GroupStatus> {
        self.by_id.get(&id).map(|group| group.status.clone())
    }

    /// Last opened first.
    pub(super) fn list(&self, offset: usize, limit: usize) -> Vec<GroupStatus> {
        self.opened.values().rev().skip(offset).take(limit).filter_map(|id| self.status(*id)).collect()
    }

    /// A new member was stored.
    pub(super) fn count_new(&mut self, id: GroupId) {
        self.change(id, |group| {
            group.rows += 1;
            group.status.total += 1;
            group.status.pending += 1;
        });
    }

    /// A member reached a final state.
    pub(super) fn count_end(&mut self, id: GroupId, state: JobState) {
        self.change(id, |group| {
            group.status.pending -= 1;
            *ended(&mut group.status, state) += 1;
        });
    }

    /// A member left the final state `state` to run again.
    pub(super) fn count_replay(&mut self, id: GroupId, state: JobState) {
        self.change(id, |group| {
            *ended(&mut group.status, state) -= 1;
            group.status.pending += 1;
        });
    }

    /// A finished member was pruned.
    pub(super) fn count_pruned(&mut self, id: GroupId) {
        self.change(id, |group| group.rows -= 1);
    }

    pub(super) fn tally(&mut self, id: GroupId, tally: Vec<(String, i64)>) {
        self.change(id, |group| {
            for (counter, amount) in tally {
                let sum = group.status.counters.entry(counter).or_default();
                *sum = sum.saturating_add(amount);
            }
        });
    }

    /// Removes the group that has been prunable longest, if since before `before`.
    pub(super) fn prune_one(&mut self, before: Timestamp) -> bool {
        let Some((_, seq)) = self.prunable.first().copied().filter(|(done_at, _)| *done_at < before) else {
            return false;
        };
        self.prunable.pop_first();
        if let Some(id) = self.opened.remove(&seq) {
            self.by_id.remove(&id);
        }
        true
    }

    fn change(&mut self, id: GroupId, change: impl FnOnce(&mut Group)) {
        let Some(group) = self.by_id.get_mut(&id) else { return };
        change(group);
        if let Some(done_at) = group.status.done_at {
            if group.rows == 0 {
                self.prunable.insert((done_at, group.seq));
            } else {
                self.prunable.remove(&(done_at, group.seq));
            }
        }
    }

    /// Marks the group as done, once: its parent and its follow-up job.
    fn end(&mut self, id: GroupId, now: Timestamp) -> Option<(Option<GroupId>, Option<NewJob>)> {
        let status = &self.by_id.get(&id)?.status;
        let done = status.sealed && status.pending == 0 && status.open_children == 0;
        if !done || status.done_at.is_some() {
            return None;
        }
        let mut left = (status.parent, None);
        self.change(id, |group| {
            group.status.done_at = Some(now);
            left.1 = group.follow_up.take();
        });
        Some(left)
    }
}

fn ended(status: &mut GroupStatus, state: JobState) -> &mut u64 {
    match state {
        JobState::Completed => &mut status.completed,
        JobState::Cancelled => &mut status.cancelled,
        _ => &mut status.failed,
    }
}

impl State {
    pub(super) fn open_group(&mut self, new: NewGroup, now: Timestamp) -> Result<(), StoreError> {
        if self.groups.exists(new.id) {
            return Ok(());
        }
        let jobs: Vec<NewJob> = new.jobs.into_iter().map(|job| NewJob { group: None, ..job }).collect();
        jobs.iter().chain(&new.follow_up).try_for_each(NewJob::validate)?;
        if let Some(parent) = new.parent
            && self.groups.status(parent).is_none_or(|parent| parent.done_at.is_some())
        {
            return Err(StoreError::Invalid(format!("group {}: parent {parent} is not open", new.id)));
        }
        let status = GroupStatus {
            id: new.id,
            name: new.name,
            parent: new.parent,
            sealed: new.sealed,
            total: 0,
            pending: 0,
            completed: 0,
            cancelled: 0,
            failed: 0,
            open_children: 0,
            counters: BTreeMap::new(),
            opened_at: now,
            done_at: None,
        };
        let follow_up =
            new.follow_up.map(|job| NewJob { id: new.id.follow_up_id(), group: new.parent, ..job });
        self.groups.last_seq += 1;
        let seq = self.groups.last_seq;
        self.groups.opened.insert(seq, new.id);
        self.groups.by_id.insert(new.id, Group { seq, status, follow_up, rows: 0 });
        if let Some(parent) = new.parent {
            self.groups.change(parent, |parent| parent.status.open_children += 1);
        }
        for job in jobs {
            self.store(job.in_group(new.id), now);
        }
        self.end_groups(new.id, now);
        Ok(())
    }

    pub(super) fn seal_group(&mut self, id: GroupId, now: Timestamp) {
        self.groups.change(id, |group| group.status.sealed = true);
        self.end_groups(id, now);
    }

    /// Ends a group if nothing is left of it, and then those that waited for it. The follow-up joins the parent before
    /// the parent can end.
    pub(super) fn end_groups(&mut self, id: GroupId, now: Timestamp) {
        let mut next = Some(id);
        while let Some((parent, follow_up)) = next.and_then(|id| self.groups.end(id, now)) {
            if let Some(job) = follow_up {
                self.store(job, now);
            }
            if let Some(parent) = parent {
                self.groups.change(parent, |parent| parent.status.open_children -= 1);
            }
            next = parent;
        }
    }
}
