//! What this process knows of plain jobs: which it holds, which it has seen.

use super::{
    band::{Band, Hold},
    message::Plain,
    recent::Recent,
};
use crate::{Fence, JobFilter, JobId, JobState, KindRange, LeaseKey, Timestamp, WorkerId, WorkerInfo};
use foldhash::fast::RandomState;
use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

/// Ids remembered of what was published, and of what was done.
const REMEMBERED: usize = 32_768;

/// A plain job under a lease of ours.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) job: Plain,
    pub(super) fence: Fence,
    pub(super) band: Arc<Band>,
    pub(super) hold: Hold,
    pub(super) worker: Arc<WorkerId>,
    pub(super) started_at: Timestamp,
    pub(super) deadline: Timestamp,
    /// Somebody asked its worker to stop.
    pub(super) cancelled: bool,
    /// It is on its way to the ledger.
    pub(super) moving: bool,
}

impl Held {
    /// Whether the broker still counts it as ours.
    pub(super) fn lives(&self) -> bool {
        self.band.lives(self.hold.life)
    }
}

#[derive(Debug)]
pub(super) struct Desk {
    held: HashMap<JobId, Held, RandomState>,
    /// How many of them are on their way to the ledger.
    moving: usize,
    /// Workers that have checked in here and not out.
    workers: HashMap<WorkerId, Guest>,
    /// Published by this process.
    pub(super) carried: Recent,
    /// Done by this process, or known to the ledger.
    pub(super) settled: Recent,
    /// Queues whose name the ledger remembers.
    pub(super) registered: HashSet<String>,
    /// Queues that were declared.
    pub(super) declared: HashSet<String>,
    last_fence: Fence,
}

/// A worker of this process.
#[derive(Debug)]
struct Guest {
    kinds: Vec<KindRange>,
    /// From then on the ledger counts it as dead.
    silent_at: Timestamp,
}

/// What was found under a lease.
#[derive(Debug)]
pub(super) enum Found {
    /// Taken off the desk.
    Taken(Held),
    /// Its message went back to the broker.
    Lost,
    /// Not here; maybe the ledger's.
    Unknown,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            held: HashMap::default(),
            moving: 0,
            workers: HashMap::new(),
            carried: Recent::of(REMEMBERED),
            settled: Recent::of(REMEMBERED),
            registered: HashSet::new(),
            declared: HashSet::new(),
            last_fence: Fence(0),
        }
    }
}

impl Desk {
    pub(super) fn check_in(&mut self, worker: &WorkerInfo, now: Timestamp) {
        let guest = Guest { kinds: worker.kinds.clone(), silent_at: now.plus(worker.patience) };
        self.workers.insert(worker.id.clone(), guest);
    }

    /// Returns whether it was the last one here.
    pub(super) fn check_out(&mut self, worker: &WorkerId) -> bool {
        let was_here = self.workers.remove(worker).is_some();
        was_here && self.workers.is_empty()
    }

    pub(super) fn has_worker(&self, worker: &WorkerId) -> bool {
        self.workers.contains_key(worker)
    }

    /// Whether the ledger counts a worker of ours as dead, or is about to.
    pub(super) fn silent(&self, now: Timestamp) -> HashSet<WorkerId> {
        let silent = self.workers.iter().filter(|(_, guest)| guest.silent_at <= now);
        silent.map(|(worker, _)| worker.clone()).collect()
    }

    /// Whether some worker here, or the one that asks for `kinds`, can do jobs of a kind and version.
    pub(super) fn knows(&self, kind: &str, version: u16, kinds: &[KindRange]) -> bool {
        let mut known = kinds.iter().chain(self.workers.values().flat_map(|guest| &guest.kinds));
        known.any(|range| range.covers(kind, version))
    }

    /// Whether a message is a second one of a job that this process has, or has done.
    pub(super) fn is_second(&self, id: JobId) -> bool {
        self.settled.has(id) || self.held.get(&id).is_some_and(Held::lives)
    }

    pub(super) fn hold(&mut self, held: Held) {
        self.held.insert(held.job.id, held);
    }

    /// Whether some of this is on its way to the ledger.
    pub(super) fn is_moving(&self, mut keys: impl Iterator<Item = LeaseKey>) -> bool {
        self.moving > 0
            && keys
                .any(|key| self.held.get(&key.job).is_some_and(|held| held.fence == key.fence && held.moving))
    }

    /// Takes what is held under `key`; nothing of it is on its way to the ledger.
    pub(super) fn take(&mut self, key: LeaseKey) -> Found {
        let Entry::Occupied(held) = self.held.entry(key.job) else { return Found::Unknown };
        if held.get().fence != key.fence {
            return Found::Unknown;
        }
        let held = held.remove();
        if held.lives() { Found::Taken(held) } else { Found::Lost }
    }

    /// Moves the end of a lease; whether it holds and whether its worker is asked to stop. `None` when it is not here.
    pub(super) fn renew(&mut self, key: LeaseKey, deadline: Timestamp) -> Option<(bool, bool)> {
        let held = self.held.get_mut(&key.job).filter(|held| held.fence == key.fence)?;
        held.deadline = deadline;
        Some((held.lives(), held.cancelled))
    }

    /// Marks those for which `moves` holds as on their way to the ledger, at most `most`; copies of them, in the order of
    /// their arrival.
    pub(super) fn start_moving(&mut self, moves: impl Fn(&Held) -> bool, most: usize) -> Vec<Held> {
        let chosen = self.held.values_mut().filter(|held| !held.moving && held.lives() && moves(held));
        let mut chosen: Vec<&mut Held> = chosen.collect();
        chosen.sort_unstable_by_key(|held| (held.job.enqueued_at, held.hold.since, held.hold.tag));
        chosen.truncate(most);
        let copy = |held: &mut Held| {
            held.moving = true;
            held.clone()
        };
        self.moving += chosen.len();
        chosen.into_iter().map(copy).collect()
    }

    /// They have arrived in the ledger, or stay here.
    pub(super) fn end_moving(&mut self, ids: impl Iterator<Item = JobId>, arrived: bool) {
        for id in ids {
            self.moving = self.moving.saturating_sub(1);
            if arrived {
                self.held.remove(&id);
            } else if let Some(held) = self.held.get_mut(&id) {
                held.moving = false;
            }
        }
    }

    /// Forgets what went back to the broker.
    pub(super) fn forget_lost(&mut self) {
        self.held.retain(|_, held| held.moving || held.lives());
    }

    /// Asks the workers of matching jobs to stop, at most `most`; returns how many that were not asked before.
    pub(super) fn ask_to_stop(&mut self, filter: &JobFilter, most: usize) -> usize {
        let matching = self
            .held
            .values_mut()
            .filter(|held| !held.cancelled && held.lives() && held.job.is_meant(filter, JobState::Running));
        let mut asked = 0;
        for held in matching.take(most) {
            held.cancelled = true;
            asked += 1;
        }
        asked
    }

    /// How many jobs of each queue are held.
    pub(super) fn running(&self) -> HashMap<Arc<str>, u64> {
        let mut running = HashMap::new();
        for held in self.held.values().filter(|held| held.lives()) {
            *running.entry(Arc::clone(&held.job.queue)).or_default() += 1;
        }
        running
    }

    /// How many jobs `worker` holds.
    pub(super) fn held_by(&self, worker: &WorkerId) -> u64 {
        self.held.values().filter(|held| *held.worker == *worker && held.lives()).count() as u64
    }

    /// The fence of a lease given now: by the clock, never below one given before.
    pub(super) fn fence(&mut self, now: Timestamp) -> Fence {
        self.last_fence = self.last_fence.max(crate::outside_fence(now));
        self.last_fence
    }

    /// A fence above all that any process may have given a job that came back: its clock may be ahead of ours.
    pub(super) fn fence_of_returned(now: Timestamp) -> Fence {
        crate::outside_fence(now.plus(Duration::from_mins(1)))
    }
}
