//! The ledger.

use crate::{
    crash::{EFFECTS, Kill, PLACES, Runs},
    percentiles::Percentiles,
};
use backstock_queue::GroupStatus;
use backstock_scheduler::SchedulerStats;
use serde_json::{Value, json};

const RESCUE_BAR_MS: f64 = 3_000.0;

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
    /// From a kill until a job it hit ran again.
    rescue: Percentiles,
}

impl Figures {
    pub fn new(
        jobs: usize,
        kills: &[Kill],
        runs: &Runs,
        group: &GroupStatus,
        scheduler: &SchedulerStats,
        replayed: u64,
        wall: f64,
    ) -> Self {
        Self {
            jobs,
            kills: kills.len(),
            wall,
            completed: group.completed,
            effects: group.counters.get(EFFECTS).copied().unwrap_or(0),
            never_ended: jobs - runs.ended().min(jobs),
            twice: runs.begun_twice(),
            rescued: scheduler.rescued + scheduler.quarantined,
            quarantined: replayed,
            rescue: Percentiles::of(runs.again_ms(kills, |_, _, _| true)),
        }
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
            "rescue_ms": self.rescue.json(),
            "rescue_bar_met": self.rescue.p99 <= RESCUE_BAR_MS,
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
            self.rescue.p50,
            self.rescue.p99,
            self.rescue.max,
            verdict(self.rescue.p99 <= RESCUE_BAR_MS)
        )
    }
}
