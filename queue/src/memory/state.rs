//! Everything the store knows, and what happens when a job leaves a worker's hands or ends.

use super::{
    cron::Cursors, enqueue::Keys, groups::Groups, jobs::Jobs, jobs::Seq, leadership::Roles, workers::Workers,
};
use crate::life::{self, After};
use crate::{JobState, NewJob, Timestamp, UniqueScope};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) jobs: Jobs,
    pub(super) keys: Keys,
    pub(super) groups: Groups,
    pub(super) workers: Workers,
    pub(super) roles: Roles,
    pub(super) cursors: Cursors,
}

impl State {
    /// Puts a running or waiting job into the state after. `follow_on` is stored on the way: after the job gave up its
    /// key, before its group counts it as ended.
    pub(super) fn leave(&mut self, seq: Seq, after: After, follow_on: Vec<NewJob>, now: Timestamp) {
        let is_final = after.state.is_final();
        let (further_run, group) = self.jobs.update(seq, |job| {
            job.record.state = after.state;
            job.record.due_at = after.due_at;
            job.record.errors = job.record.errors.saturating_add(u32::from(after.burns_attempt));
            job.record.crashes = job.record.crashes.saturating_add(u32::from(after.counts_crash));
            job.record.worker = None;
            job.record.finished_at = is_final.then_some(now);
            if after.error.is_some() {
                job.record.last_error = after.error;
            }
            job.cancel_requested = false;
            (if is_final { job.further_run.take() } else { None }, job.record.group)
        });
        if is_final {
            let lasts = |scope| matches!(scope, UniqueScope::For(_)) && further_run.is_none();
            self.release_key(seq, |scope| !lasts(scope));
        }
        for job in follow_on.into_iter().chain(further_run) {
            self.store(job, now);
        }
        if let (true, Some(group)) = (is_final, group) {
            self.groups.count_end(group, after.state);
            self.end_groups(group, now);
        }
    }

    /// Ends a waiting job.
    pub(super) fn cancel_waiting(&mut self, seq: Seq, reason: &str, now: Timestamp) {
        let due_at = self.jobs.get(seq).record.due_at;
        let error = Some(reason.to_owned());
        let state = JobState::Cancelled;
        let after = After { state, due_at, burns_attempt: false, counts_crash: false, error };
        self.leave(seq, after, Vec::new(), now);
    }

    /// Ends a waiting job whose time to start is over.
    pub(super) fn expire(&mut self, seq: Seq, now: Timestamp) {
        self.cancel_waiting(seq, life::EXPIRED, now);
    }
}
