//! What a lease allows: settling, renewing; and taking it back.

use super::{jobs::Seq, state::State};
use crate::life::Running;
use crate::{JobState, LeaseKey, Outcome, Renewal, Rescued, Settled, Settlement, Timestamp};
use std::time::Duration;

impl State {
    /// Applies one outcome, if its lease holds.
    pub(super) fn settle(&mut self, settlement: Settlement, now: Timestamp) -> Settled {
        let Some((seq, running)) = self.held(settlement.lease) else { return Settled::LeaseLost };
        let Settlement { outcome, follow_on, tally, .. } = settlement;
        match follow_on.iter().try_for_each(|job| self.check(job)) {
            Ok(()) => {
                if let Some(group) = self.jobs.get(seq).record.group {
                    self.groups.tally(group, tally);
                }
                self.leave(seq, running.settled(&outcome, now), follow_on, now);
            }
            Err(error) => {
                let outcome = Outcome::Discard { error: format!("follow-on: {error}") };
                self.leave(seq, running.settled(&outcome, now), Vec::new(), now);
            }
        }
        Settled::Applied
    }

    /// Moves the end of a lease, if it holds.
    pub(super) fn renew(&mut self, key: LeaseKey, lease_for: Duration, now: Timestamp) -> Renewal {
        let Some((seq, running)) = self.held(key) else { return Renewal::Lost };
        self.jobs.update(seq, |job| job.deadline = now.plus(lease_for));
        if running.cancel_requested { Renewal::CancelRequested } else { Renewal::Renewed }
    }

    fn held(&self, key: LeaseKey) -> Option<(Seq, Running)> {
        let job = self.jobs.by_id(key.job)?;
        let holds = job.record.state == JobState::Running && job.record.fence == key.fence;
        holds.then(|| {
            let running = Running { due_at: job.record.due_at, cancel_requested: job.cancel_requested };
            (job.seq, running)
        })
    }

    /// Takes jobs back from workers that are gone and from leases that have ended.
    pub(super) fn rescue(&mut self, max_crashes: u32, limit: usize, now: Timestamp) -> Rescued {
        let dead_workers = self.workers.find_dead(now);
        let mut rescued = Rescued { dead_workers, ..Rescued::default() };
        for seq in self.lost(limit, now) {
            let job = self.jobs.get(seq);
            let (id, crashes) = (job.record.id, job.record.crashes);
            let running = Running { due_at: job.record.due_at, cancel_requested: job.cancel_requested };
            let lost = !job.record.worker.as_ref().is_some_and(|worker| self.workers.said_goodbye(worker));
            let after = running.rescued(lost, crashes, max_crashes);
            match after.state {
                JobState::Quarantined => rescued.quarantined.push(id),
                JobState::Available => rescued.available.push(id),
                _ => {}
            }
            self.leave(seq, after, Vec::new(), now);
        }
        let index = &self.jobs.index;
        self.workers.forget_gone(|worker| index.held_by(worker) > 0);
        rescued
    }

    /// Running jobs nobody works on, at most `limit`, in order of arrival: chosen are first those of gone workers, then
    /// those whose lease ended first.
    fn lost(&self, limit: usize, now: Timestamp) -> Vec<Seq> {
        let index = &self.jobs.index;
        let mut lost: Vec<Seq> = self
            .workers
            .gone()
            .filter_map(|worker| index.held.get(worker))
            .flatten()
            .copied()
            .take(limit)
            .collect();
        let ended = index.deadlines.iter().take_while(|(deadline, _)| *deadline <= now).map(|(_, seq)| *seq);
        for seq in ended {
            if lost.len() >= limit {
                break;
            }
            let worker = self.jobs.get(seq).record.worker.as_ref();
            if worker.is_none_or(|worker| !self.workers.is_gone(worker)) {
                lost.push(seq);
            }
        }
        lost.sort_unstable();
        lost
    }
}
