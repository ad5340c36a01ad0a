//! What operators do: cancel and replay.

use super::{MAX_PIECE, index::At, jobs::Entry, jobs::Seq, state::State};
use crate::life::{self, CANCELLED};
use crate::{JobFilter, JobState, Replay, StoreError, Timestamp};

impl State {
    pub(super) fn cancel(&mut self, filter: &JobFilter, now: Timestamp) -> u64 {
        let open = |job: &&Entry| !job.record.state.is_final() && !job.cancel_requested;
        let asked = self.jobs.iter().filter(open).filter(|job| filter.matches(&job.record));
        let asked: Vec<(Seq, JobState)> =
            asked.take(MAX_PIECE).map(|job| (job.seq, job.record.state)).collect();
        for (seq, state) in &asked {
            if *state == JobState::Running {
                self.jobs.update(*seq, |job| job.cancel_requested = true);
            } else {
                self.cancel_waiting(*seq, CANCELLED, now);
            }
        }
        asked.len() as u64
    }

    pub(super) fn replay(&mut self, replay: &Replay, now: Timestamp) -> Result<u64, StoreError> {
        replay.edit.validate()?;
        let index = &self.jobs.index;
        let mut finished: Vec<At> = index.done.jobs.union(&index.dead.jobs).copied().collect();
        finished.retain(|(_, seq)| {
            let job = self.jobs.get(*seq);
            job.record.state != JobState::Completed && replay.filter.matches(&job.record)
        });
        let mut replayed = 0;
        for (_, seq) in finished {
            if replayed == replay.limit.min(MAX_PIECE) {
                break;
            }
            if self.retake_key(seq, now) {
                let due_at = life::replayed_due_at(now, replayed, replay.per_second);
                self.run_again(seq, replay, due_at, now);
                replayed += 1;
            }
        }
        Ok(replayed as u64)
    }

    fn run_again(&mut self, seq: Seq, replay: &Replay, due_at: Timestamp, now: Timestamp) {
        let (group, was) = self.jobs.update(seq, |job| {
            let record = &mut job.record;
            let was = std::mem::replace(&mut record.state, life::waiting(due_at, now));
            record.due_at = due_at;
            record.errors = 0;
            record.crashes = 0;
            record.last_error = None;
            record.expires_at = None;
            record.started_at = None;
            record.finished_at = None;
            let edit = replay.edit.clone();
            record.priority = edit.priority.unwrap_or(record.priority);
            if let Some(queue) = edit.queue {
                record.queue = queue;
            }
            if let Some(payload) = edit.payload {
                record.payload = payload;
            }
            (record.group, was)
        });
        if let Some(group) = group {
            self.groups.count_replay(group, was);
        }
    }
}
