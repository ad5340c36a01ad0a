//! The ledger.

use super::{GROUPED, Kills};
use crate::{
    crash::{EFFECTS, Entry, PLACES, Runs},
    percentiles::Percentiles,
};
use backstock_queue::GroupStatus;
use serde_json::{Value, json};

const REDELIVERY_BAR_MS: f64 = 1_000.0;

#[derive(Debug)]
pub struct Figures {
    jobs: usize,
    members: usize,
    kills: usize,
    broker_kills: usize,
    wall: f64,
    /// Jobs that no worker ran to the end.
    lost: usize,
    completed_members: u64,
    effects: i64,
    begun_twice: usize,
    ended_twice: usize,
    quarantined: u64,
    redelivered: usize,
    /// From the kill of a worker until a job it had begun ran again.
    redelivery: Percentiles,
}

impl Figures {
    pub fn new(
        (jobs, members): (usize, usize),
        kills: &Kills,
        runs: &Runs,
        group: &GroupStatus,
        wall: f64,
    ) -> Self {
        // A broker that is away gives nothing again.
        let broker_was_there =
            |at: i64, next: i64| !kills.broker.iter().any(|kill| (at..next).contains(kill));
        // Plain ones, begun before the kill and not ended: their message was open when the socket closed.
        let cut = |run: &Entry, at, next| {
            !(run.job as usize).is_multiple_of(GROUPED)
                && !runs.is_complete(run)
                && broker_was_there(at, next)
        };
        let again = runs.again_ms(&kills.workers, cut);
        Self {
            jobs,
            members,
            kills: kills.workers.len(),
            broker_kills: kills.broker.len(),
            wall,
            lost: jobs - runs.ended().min(jobs),
            completed_members: group.completed,
            effects: group.counters.get(EFFECTS).copied().unwrap_or(0),
            begun_twice: runs.begun_twice(),
            ended_twice: runs.ended_twice(),
            quarantined: kills.quarantined,
            redelivered: again.len(),
            redelivery: Percentiles::of(again),
        }
    }

    fn effects_met(&self) -> bool {
        self.effects == self.members as i64 && self.completed_members == self.members as u64
    }

    fn redelivery_met(&self) -> bool {
        self.redelivery.max <= REDELIVERY_BAR_MS
    }

    pub fn json(&self) -> Value {
        json!({
            "benchmark": "rabbit-crash", "jobs": self.jobs, "worker_kills": self.kills,
            "broker_kills": self.broker_kills, "wall_seconds": self.wall,
            "lost": self.lost, "lost_bar_met": self.lost == 0,
            "begun_twice": self.begun_twice, "ended_twice": self.ended_twice,
            "quarantined_and_run_again": self.quarantined,
            "members": self.members, "effects": self.effects, "effects_once_bar_met": self.effects_met(),
            "redelivered": self.redelivered, "redelivery_ms": self.redelivery.json(),
            "redelivery_bar_met": self.redelivery_met(),
        })
    }

    pub fn text(&self) -> String {
        let verdict = |met: bool| if met { "met" } else { "NOT met" };
        format!(
            "{} jobs, {} workers and {} times the broker killed, {:.1} s: {} lost (bar: 0, {})\n\
             begun twice: {}, ended twice: {} ({PLACES} run at a time in each worker); {} quarantined and run again\n\
             effects of {} members of the group: {} (bar: each once, {})\n\
             {} plain jobs of killed workers ran again after p50 {} ms, p99 {} ms, max {} ms (bar: ≤ {REDELIVERY_BAR_MS} ms, {})",
            self.jobs,
            self.kills,
            self.broker_kills,
            self.wall,
            self.lost,
            verdict(self.lost == 0),
            self.begun_twice,
            self.ended_twice,
            self.quarantined,
            self.members,
            self.effects,
            verdict(self.effects_met()),
            self.redelivered,
            self.redelivery.p50,
            self.redelivery.p99,
            self.redelivery.max,
            verdict(self.redelivery_met()),
        )
    }
}
