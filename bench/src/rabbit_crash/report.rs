//! The ledger.

use super::{GROUPED, Kills};
use crate::{
    crash::{EFFECTS, Entry, PLACES, Runs, WORKERS},
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
    /// Those among them that ended before the broker was killed: their acks died with it.
    ended_before_broker: usize,
    quarantined: usize,
    /// From the kill of a worker until a job it had begun ran again.
    redelivery: Again,
    /// The same where another worker was killed meanwhile, which may have had the job by then.
    beside_worker: Again,
    /// The same where the broker was killed, too, and not all others were at work again.
    beside_broker: Again,
}

/// What else was killed between the kill of a worker and the next run of its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Nobody,
    Worker,
    Broker,
}

/// Whether a lease was given by the broker's side of the store ([`backstock_queue::outside_fence`]), not by its ledger.
const fn is_of_the_broker(fence: u64) -> bool {
    let outside = backstock_queue::outside_fence(backstock_queue::Timestamp(0)).0;
    fence & outside == outside
}

/// How many jobs ran again, and how soon.
#[derive(Debug)]
struct Again {
    jobs: usize,
    ms: Percentiles,
}

impl Again {
    fn of(ms: Vec<f64>) -> Self {
        Self { jobs: ms.len(), ms: Percentiles::of(ms) }
    }
}

impl Figures {
    pub fn new(
        (jobs, members): (usize, usize),
        kills: &Kills,
        runs: &Runs,
        group: &GroupStatus,
        wall: f64,
    ) -> Self {
        // From its death until the workers that were not killed run jobs again.
        let troubles: Vec<_> =
            kills.broker.iter().map(|death| (*death, runs.at_work_again(*death, WORKERS - 1))).collect();
        let beside = |at: i64, next: i64| {
            if troubles.iter().any(|(death, over)| *death < next && at < *over) {
                return Beside::Broker;
            }
            let meanwhile = kills.workers.iter().any(|kill| (at + 1..next).contains(&kill.at));
            if meanwhile { Beside::Worker } else { Beside::Nobody }
        };
        // Plain ones, begun before the kill and not ended: their message was open when the socket closed.
        // Not those that an earlier kill had moved to the ledger, which gives them back at the next rescue, nor those that
        // stood in line once more after three kills.
        let cut = |run: &Entry| {
            let is_plain = !(run.job as usize).is_multiple_of(GROUPED) && is_of_the_broker(run.fence);
            is_plain && !runs.is_complete(run) && !kills.quarantined.contains(&run.job)
        };
        let again = |case: Beside| {
            let counts = |run: &Entry, at, next| cut(run) && beside(at, next) == case;
            Again::of(runs.again_ms(&kills.workers, counts))
        };
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
            ended_before_broker: runs.ended_before_and_again(&kills.broker),
            quarantined: kills.quarantined.len(),
            redelivery: again(Beside::Nobody),
            beside_worker: again(Beside::Worker),
            beside_broker: again(Beside::Broker),
        }
    }

    fn effects_met(&self) -> bool {
        self.effects == self.members as i64 && self.completed_members == self.members as u64
    }

    /// `None` when no job was hit so that it counts.
    fn redelivery_met(&self) -> Option<bool> {
        (self.redelivery.jobs > 0).then_some(self.redelivery.ms.max <= REDELIVERY_BAR_MS)
    }

    pub fn json(&self) -> Value {
        json!({
            "benchmark": "rabbit-crash", "jobs": self.jobs, "worker_kills": self.kills,
            "broker_kills": self.broker_kills, "wall_seconds": self.wall,
            "lost": self.lost, "lost_bar_met": self.lost == 0,
            "begun_twice": self.begun_twice, "ended_twice": self.ended_twice,
            "ended_twice_over_a_death_of_the_broker": self.ended_before_broker,
            "quarantined_and_run_again": self.quarantined,
            "members": self.members, "effects": self.effects, "effects_once_bar_met": self.effects_met(),
            "redelivered": self.redelivery.jobs, "redelivery_ms": self.redelivery.ms.json(),
            "redelivered_beside_another_kill": self.beside_worker.jobs,
            "redelivery_beside_another_kill_ms": self.beside_worker.ms.json(),
            "redelivered_beside_a_death_of_the_broker": self.beside_broker.jobs,
            "redelivery_beside_a_death_of_the_broker_ms": self.beside_broker.ms.json(),
            "redelivery_bar_met": self.redelivery_met(),
        })
    }

    pub fn text(&self) -> String {
        let verdict = |met: bool| if met { "met" } else { "NOT met" };
        let again = |again: &Again| {
            let Percentiles { p50, p99, max, .. } = again.ms;
            if again.jobs == 0 {
                return "no plain job of a killed worker ran again".to_owned();
            }
            format!(
                "{} plain jobs of killed workers ran again after p50 {p50} ms, p99 {p99} ms, max {max} ms",
                again.jobs
            )
        };
        format!(
            "{} jobs, {} workers and {} times the broker killed, {:.1} s: {} lost (bar: 0, {})\n\
             begun twice: {}, ended twice: {}, of them {} over a death of the broker ({PLACES} run at a time in each worker); \
             {} quarantined and run again\n\
             effects of {} members of the group: {} (bar: each once, {})\n\
             {} (bar: ≤ {REDELIVERY_BAR_MS} ms, {})\n\
             the same where another worker was killed meanwhile: {}\n\
             the same where not all workers had come back to a broker that had been killed, too: {}",
            self.jobs,
            self.kills,
            self.broker_kills,
            self.wall,
            self.lost,
            verdict(self.lost == 0),
            self.begun_twice,
            self.ended_twice,
            self.ended_before_broker,
            self.quarantined,
            self.members,
            self.effects,
            verdict(self.effects_met()),
            again(&self.redelivery),
            self.redelivery_met().map_or("not measured", verdict),
            again(&self.beside_worker),
            again(&self.beside_broker),
        )
    }
}
