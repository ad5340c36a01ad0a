//! Storing jobs: ids, unique keys, groups.

use super::{jobs::Seq, state::State};
use crate::life::{self, Conflict};
use crate::{Enqueued, JobRecord, NewJob, StoreError, Timestamp, Unique, UniqueScope, adopt};
use std::collections::HashMap;
use std::time::Duration;

/// Which job holds which unique key, by kind and key.
#[derive(Debug, Default)]
pub(super) struct Keys(HashMap<(String, String), Seq>);

impl State {
    /// Stores jobs in order, or none when one is invalid.
    pub(super) fn enqueue(&mut self, jobs: Vec<NewJob>, now: Timestamp) -> Result<Vec<Enqueued>, StoreError> {
        jobs.iter().try_for_each(|job| self.check(job))?;
        Ok(jobs.into_iter().map(|job| self.store(job, now)).collect())
    }

    /// Takes in jobs as they are.
    pub(super) fn adopt(
        &mut self,
        records: Vec<JobRecord>,
        lease_for: Duration,
        now: Timestamp,
    ) -> Result<Vec<Enqueued>, StoreError> {
        adopt::check(&records)?;
        let take_in = |mut record: JobRecord| {
            let id = record.id;
            if self.jobs.by_id(id).is_some() {
                return Enqueued::Existing(id);
            }
            if record.worker.as_ref().is_some_and(|worker| !self.workers.knows(worker)) {
                record = adopt::orphaned(record);
            }
            self.jobs.insert_record(record, now.plus(lease_for));
            Enqueued::New(id)
        };
        Ok(records.into_iter().map(take_in).collect())
    }

    /// Whether `job` may be stored. An id that is known is never refused: the caller repeats itself.
    pub(super) fn check(&self, job: &NewJob) -> Result<(), StoreError> {
        if self.jobs.by_id(job.id).is_some() {
            return Ok(());
        }
        job.validate()?;
        match job.group {
            Some(group) if !self.groups.exists(group) => {
                Err(StoreError::Invalid(format!("job {}: group {group} was never opened", job.id)))
            }
            _ => Ok(()),
        }
    }

    /// Stores a job that was checked, or lets another stand for it.
    pub(super) fn store(&mut self, job: NewJob, now: Timestamp) -> Enqueued {
        if self.jobs.by_id(job.id).is_some() {
            return Enqueued::Existing(job.id);
        }
        let Some(unique) = job.unique.clone() else { return self.store_new(job, now).1 };
        if let Some(holder) = self.holder(&job.kind, &unique.key, now) {
            return self.stand_in(holder, job, &unique, now);
        }
        let kind = job.kind.clone();
        let (seq, enqueued) = self.store_new(job, now);
        self.keys.0.insert((kind, unique.key), seq);
        enqueued
    }

    /// A kept request may outlive its group: then it joins none.
    fn store_new(&mut self, job: NewJob, now: Timestamp) -> (Seq, Enqueued) {
        let (id, group) = (job.id, job.group.filter(|group| self.groups.exists(*group)));
        let seq = self.jobs.insert(NewJob { group, ..job }, now);
        if let Some(group) = group {
            self.groups.count_new(group);
        }
        (seq, Enqueued::New(id))
    }

    /// The holder of a key whose hold is not over. Cancels an expired holder: it can no longer stand for anything.
    pub(super) fn holder(&mut self, kind: &str, key: &str, now: Timestamp) -> Option<Seq> {
        let name = (kind.to_owned(), key.to_owned());
        loop {
            let seq = *self.keys.0.get(&name)?;
            let job = self.jobs.get(seq);
            let scope = job.unique.as_ref().map(|unique| unique.scope);
            match scope {
                Some(UniqueScope::For(span)) if job.record.enqueued_at.plus(span) <= now => {
                    self.keys.0.remove(&name);
                }
                _ if job.is_expired(now) => self.expire(seq, now),
                _ => return Some(seq),
            }
        }
    }

    /// Kinds and keys that were taken and not given back.
    pub(super) fn key_names(&self) -> Vec<(String, String)> {
        self.keys.0.keys().cloned().collect()
    }

    fn stand_in(&mut self, holder: Seq, job: NewJob, unique: &Unique, now: Timestamp) -> Enqueued {
        let (state, id) = (self.jobs.get(holder).record.state, self.jobs.get(holder).record.id);
        match life::conflict(state, unique.on_conflict) {
            Conflict::Ignore => Enqueued::Ignored(id),
            Conflict::Replace => {
                self.jobs.update(holder, |held| {
                    let record = &mut held.record;
                    record.due_at = life::replaced_due_at(record.due_at, job.run_at, now);
                    record.state = life::waiting(record.due_at, now);
                    record.payload = job.payload;
                    record.version = job.version;
                    record.priority = job.priority;
                    record.expires_at = job.expires_at;
                    record.started_at = None;
                });
                Enqueued::Replaced(id)
            }
            Conflict::RunOnceMore => {
                self.jobs.update(holder, |held| held.further_run = Some(job));
                Enqueued::RunOnceMore(id)
            }
        }
    }

    /// Frees the key of a job, if it holds one and `over` says that its scope is.
    pub(super) fn release_key(&mut self, seq: Seq, over: impl FnOnce(UniqueScope) -> bool) {
        let job = self.jobs.get(seq);
        if let Some(unique) = &job.unique
            && over(unique.scope)
        {
            let name = (job.record.kind.clone(), unique.key.clone());
            if self.keys.0.get(&name) == Some(&seq) {
                self.keys.0.remove(&name);
            }
        }
    }

    /// Gives a job that starts anew its key again. False when another job holds it.
    pub(super) fn retake_key(&mut self, seq: Seq, now: Timestamp) -> bool {
        let job = self.jobs.get(seq);
        let Some(unique) = job.unique.clone() else { return true };
        let (kind, enqueued_at) = (job.record.kind.clone(), job.record.enqueued_at);
        match self.holder(&kind, &unique.key, now) {
            Some(holder) if holder != seq => false,
            _ => {
                let over = matches!(unique.scope, UniqueScope::For(span) if enqueued_at.plus(span) <= now);
                if !over {
                    self.keys.0.insert((kind, unique.key), seq);
                }
                true
            }
        }
    }
}
