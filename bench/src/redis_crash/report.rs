//! The ledger.

use super::{
    Kill,
    book::Entry,
    worker::{EFFECTS, PLACES},
};
use backstock_queue::GroupStatus;
use backstock_scheduler::SchedulerStats;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

const RESCUE_BAR_MS: i64 = 3_000;

#[derive(Debug)]
pub struct Figures {
    jobs: usize,
    kills: usize,
    wall: f64,
    completed: u64,
    effects: i64,
    /// Jobs that no worker ran to the end.
    never_ended: usize,
    /// Jobs begun more than once.
    twice: usize,
    /// Leases that killed workers held, as the scheduler took them back.
    rescued: u64,
    quarantined: u64,
    /// From a kill until a job it hit ran again, in milliseconds, ascending.
    rescue_ms: Vec<i64>,
}

impl Figures {
    pub fn new(
        jobs: usize,
        kills: &[Kill],
        entries: &[Entry],
        group: &GroupStatus,
        scheduler: &SchedulerStats,
        replayed: u64,
        wall: f64,
    ) -> Self {
        let ended: HashSet<u32> = entries.iter().filter(|entry| entry.end).map(|entry| entry.job).collect();
        let mut begun: HashMap<u32, Vec<Entry>> = HashMap::new();
        for entry in entries.iter().filter(|entry| !entry.end) {
            begun.entry(entry.job).or_default().push(*entry);
        }
        let killed: HashMap<u32, i64> = kills.iter().map(|kill| (kill.pid, kill.at)).collect();
        let mut rescue_ms: Vec<i64> = begun
            .values()
            .flat_map(|runs| runs.windows(2))
            .filter_map(|pair| Some(pair[1].at - killed.get(&pair[0].pid)?))
            .collect();
        rescue_ms.sort_unstable();
        Self {
            jobs,
            kills: kills.len(),
            wall,
            completed: group.completed,
            effects: group.counters.get(EFFECTS).copied().unwrap_or(0),
            never_ended: jobs - ended.len().min(jobs),
            twice: begun.values().filter(|runs| runs.len() > 1).count(),
            rescued: scheduler.rescued + scheduler.quarantined,
            quarantined: replayed,
            rescue_ms,
        }
    }

    fn rescue(&self, share: f64) -> i64 {
        let index = ((self.rescue_ms.len().max(1) - 1) as f64 * share) as usize;
        self.rescue_ms.get(index).copied().unwrap_or(0)
    }

    fn lost(&self) -> usize {
        self.never_ended.max(self.jobs - (self.completed as usize).min(self.jobs))
    }

    fn twice_met(&self) -> bool {
        self.twice as u64 <= self.rescued
    }

    fn effects_met(&self) -> bool {
        self.effects == self.jobs as i64
    }

    pub fn json(&self) -> Value {
        json!({
            "benchmark": "redis-crash",
            "jobs": self.jobs, "kills": self.kills, "wall_seconds": self.wall,
            "completed": self.completed, "effects": self.effects,
            "lost": self.lost(), "lost_bar_met": self.lost() == 0,
            "run_twice": self.twice, "leases_of_killed_workers": self.rescued,
            "run_twice_bar_met": self.twice_met(),
            "effects_once_bar_met": self.effects_met(),
            "quarantined_and_run_again": self.quarantined,
            "rescue_ms": {"p50": self.rescue(0.5), "p99": self.rescue(0.99), "max": self.rescue(1.0)},
            "rescue_bar_met": self.rescue(0.99) <= RESCUE_BAR_MS,
        })
    }

    pub fn text(&self) -> String {
        let verdict = |met: bool| if met { "met" } else { "NOT met" };
        format!(
            "{} jobs, {} kills, {:.1} s: {} completed, {} lost (bar: 0, {})\n\
             run twice: {} of {} leases that killed workers held (at most {PLACES} run at a time in each; {})\n\
             effects: {} (bar: each job's once, {}); {} quarantined after three kills and run again\n\
             killed jobs ran again after p50 {} ms, p99 {} ms, max {} ms (bar: p99 ≤ {RESCUE_BAR_MS} ms, {})",
            self.jobs,
            self.kills,
            self.wall,
            self.completed,
            self.lost(),
            verdict(self.lost() == 0),
            self.twice,
            self.rescued,
            verdict(self.twice_met()),
            self.effects,
            verdict(self.effects_met()),
            self.quarantined,
            self.rescue(0.5),
            self.rescue(0.99),
            self.rescue(1.0),
            verdict(self.rescue(0.99) <= RESCUE_BAR_MS)
        )
    }
}
