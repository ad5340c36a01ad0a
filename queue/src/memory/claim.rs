//! Due work becomes available, available work becomes leases.

use super::{MAX_PIECE, index::Queue, jobs::Seq, state::State};
use crate::order::{self, Heads, fair};
use crate::{Claim, Claimed, Draws, JobState, Lease, Priority, Promoted, StoreError, Timestamp, UniqueScope};

impl State {
    pub(super) fn claim(&mut self, claim: &Claim, now: Timestamp) -> Result<Claimed, StoreError> {
        if !self.workers.is_alive(&claim.worker) {
            let message = format!("worker {} claims without having checked in", claim.worker);
            return Err(StoreError::Invalid(message));
        }
        if self.jobs.index.queues.get(&claim.queue).is_none_or(|queue| queue.paused) {
            return Ok(Claimed::default());
        }
        let mut on_the_way = Promoted::default();
        while on_the_way.available + on_the_way.expired < MAX_PIECE
            && self.advance(&claim.queue, now, &mut on_the_way)
        {}
        if let Some(queue) = self.jobs.index.queues.get_mut(&claim.queue) {
            queue.gate.forget_idle(now);
        }
        let draws = Draws::seeded(claim.draw);
        let mut leases = Vec::new();
        while leases.len() < claim.max.min(Claim::MAX) {
            let Some((priority, key, seq)) = self.next_ready(claim, now, draws.next()) else { break };
            if self.jobs.get(seq).is_expired(now) {
                if on_the_way.expired >= 2 * MAX_PIECE {
                    break;
                }
                on_the_way.expired += 1;
                self.expire(seq, now);
            } else {
                let queue = self.jobs.index.queue_mut(&claim.queue);
                queue.ready[priority as usize].serve(&key);
                queue.gate.start(&key, now);
                leases.push(self.lease(seq, claim, now));
            }
        }
        let queue = self.jobs.index.queues.get(&claim.queue);
        let next_due = queue.and_then(|queue| {
            [look_again(queue, now), gate_opens(queue, claim, now)].into_iter().flatten().min()
        });
        Ok(Claimed { leases, next_due })
    }

    /// The next job: the first of the key whose turn it is in the priority whose turn it is.
    fn next_ready(&self, claim: &Claim, now: Timestamp, draw: u64) -> Option<(Priority, String, Seq)> {
        let queue = self.jobs.index.queues.get(&claim.queue)?;
        let bands = queue.ready.each_ref().map(|band| {
            band.heads(&claim.kinds).filter(|head| queue.gate.is_open(head.key, now)).collect::<Vec<_>>()
        });
        let oldest: Heads = bands.each_ref().map(|heads| heads.iter().map(|head| head.at.0).min());
        let priority = order::next_band(&oldest, claim.order, now, draw)?;
        let heads = &bands[priority as usize];
        let key = fair::next(heads.iter().map(|head| (head.turn, head.key)))?;
        let head = heads.iter().find(|head| head.key == key)?;
        Some((priority, key.to_owned(), head.at.1))
    }

    fn lease(&mut self, seq: Seq, claim: &Claim, now: Timestamp) -> Lease {
        let fence = self.jobs.next_fence();
        self.release_key(seq, |scope| scope == UniqueScope::UntilStarted);
        self.jobs.update(seq, |job| {
            job.deadline = now.plus(claim.lease_for);
            let record = &mut job.record;
            record.state = JobState::Running;
            record.fence = fence;
            record.started_at = Some(now);
            record.worker = Some(claim.worker.clone());
            Lease {
                job: record.id,
                fence,
                kind: record.kind.clone(),
                version: record.version,
                queue: record.queue.clone(),
                priority: record.priority,
                payload: record.payload.clone(),
                attempt: record.errors.saturating_add(1),
                crashes: record.crashes,
                group: record.group,
                enqueued_at: record.enqueued_at,
                due_at: record.due_at,
                deadline: job.deadline,
            }
        })
    }

    pub(super) fn promote(&mut self, limit: usize, now: Timestamp) -> Promoted {
        let mut promoted = Promoted::default();
        while promoted.available + promoted.expired < limit {
            let earliest =
                self.jobs.index.queues.iter().filter_map(|(name, queue)| Some((next_change(queue)?, name)));
            let Some((_, name)) = earliest.min() else { break };
            let name = name.clone();
            if !self.advance(&name, now, &mut promoted) {
                break;
            }
        }
        promoted.next_due = self.jobs.index.queues.values().filter_map(|queue| look_again(queue, now)).min();
        promoted
    }

    /// Cancels the next expired job of a queue or makes its next due job available; false when there is neither.
    fn advance(&mut self, queue: &str, now: Timestamp, done: &mut Promoted) -> bool {
        let Some(queue) = self.jobs.index.queues.get(queue) else { return false };
        let passed =
            |at: Option<&(Timestamp, Seq)>| at.filter(|(moment, _)| *moment <= now).map(|(_, seq)| *seq);
        if let Some(seq) = passed(queue.expiring.first()) {
            done.expired += 1;
            self.expire(seq, now);
        } else if let Some(seq) = passed(queue.due.first()) {
            done.available += 1;
            self.jobs.update(seq, |job| job.record.state = JobState::Available);
        } else {
            return false;
        }
        true
    }
}

/// When the first waiting job of a queue is due or expires.
fn next_change(queue: &Queue) -> Option<Timestamp> {
    [queue.expiring.first(), queue.due.first()].into_iter().flatten().map(|(at, _)| *at).min()
}

/// When the next job is due, or now when expired ones are left over.
fn look_again(queue: &Queue, now: Timestamp) -> Option<Timestamp> {
    let due = queue.due.first().map(|(at, _)| *at);
    let expired = queue.expiring.first().map(|(at, _)| *at).filter(|at| *at <= now);
    [due, expired].into_iter().flatten().min()
}

/// When the first key that only its rate holds back may have another job.
fn gate_opens(queue: &Queue, claim: &Claim, now: Timestamp) -> Option<Timestamp> {
    let heads = queue.ready.iter().flat_map(|band| band.heads(&claim.kinds));
    heads.filter_map(|head| queue.gate.opens(head.key)).filter(|at| *at > now).min()
}
