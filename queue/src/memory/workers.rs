//! Workers: who lives, who said goodbye, who is dead.

use super::state::State;
use crate::{Timestamp, WorkerId, WorkerInfo, WorkerStatus};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Alive,
    /// Its connection broke; nobody has noticed yet.
    Killed,
    /// Found dead.
    Dead,
    /// Checked out.
    Gone,
}

#[derive(Debug)]
struct Worker {
    host: String,
    pid: u32,
    started_at: Timestamp,
    seen_at: Timestamp,
    patience: Duration,
    life: Life,
}

/// Workers that live, and gone ones that still hold leases.
#[derive(Debug, Default)]
pub(super) struct Workers(BTreeMap<WorkerId, Worker>);

impl Workers {
    pub(super) fn check_in(&mut self, info: &WorkerInfo, now: Timestamp) {
        let started_at = match self.0.get(&info.id) {
            Some(known) if known.life == Life::Alive => known.started_at,
            _ => now,
        };
        let (host, pid, patience) = (info.host.clone(), info.pid, info.patience);
        let worker = Worker { host, pid, started_at, seen_at: now, patience, life: Life::Alive };
        self.0.insert(info.id.clone(), worker);
    }

    pub(super) fn check_out(&mut self, worker: &WorkerId) {
        if let Some(worker) = self.0.get_mut(worker).filter(|worker| worker.life != Life::Dead) {
            worker.life = Life::Gone;
        }
    }

    pub(super) fn kill(&mut self, worker: &WorkerId) {
        if let Some(worker) = self.0.get_mut(worker).filter(|worker| worker.life == Life::Alive) {
            worker.life = Life::Killed;
        }
    }

    pub(super) fn is_alive(&self, worker: &WorkerId) -> bool {
        self.0.get(worker).is_some_and(|worker| worker.life == Life::Alive)
    }

    /// Whether it ever came, and may still hold something.
    pub(super) fn knows(&self, worker: &WorkerId) -> bool {
        self.0.contains_key(worker)
    }

    /// Whether its leases are taken back before they end.
    pub(super) fn is_gone(&self, worker: &WorkerId) -> bool {
        self.0.get(worker).is_some_and(|worker| matches!(worker.life, Life::Dead | Life::Gone))
    }

    pub(super) fn said_goodbye(&self, worker: &WorkerId) -> bool {
        self.0.get(worker).is_some_and(|worker| worker.life == Life::Gone)
    }

    pub(super) fn gone(&self) -> impl Iterator<Item = &WorkerId> {
        self.0.keys().filter(|worker| self.is_gone(worker))
    }

    /// Marks workers that broke off or ran out of patience as dead, and names them once.
    pub(super) fn find_dead(&mut self, now: Timestamp) -> Vec<WorkerId> {
        let mut dead = Vec::new();
        for (id, worker) in &mut self.0 {
            let silent = worker.life == Life::Alive && worker.seen_at.plus(worker.patience) <= now;
            if silent || worker.life == Life::Killed {
                worker.life = Life::Dead;
                dead.push(id.clone());
            }
        }
        dead
    }

    /// Forgets gone workers, except those that still hold something.
    pub(super) fn forget_gone(&mut self, holds: impl Fn(&WorkerId) -> bool) {
        self.0.retain(|id, worker| !matches!(worker.life, Life::Dead | Life::Gone) || holds(id));
    }
}

impl State {
    pub(super) fn worker_statuses(&self) -> Vec<WorkerStatus> {
        let listed =
            self.workers.0.iter().filter(|(_, worker)| matches!(worker.life, Life::Alive | Life::Killed));
        listed
            .map(|(id, worker)| WorkerStatus {
                id: id.clone(),
                host: worker.host.clone(),
                pid: worker.pid,
                started_at: worker.started_at,
                seen_at: worker.seen_at,
                running: self.jobs.index.held_by(id) as u64,
            })
            .collect()
    }
}
