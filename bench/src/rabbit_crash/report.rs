//! The ledger.

use super::{
    Kill,
    worker::{EFFECTS, PLACES},
};
use crate::redis_crash::book::Entry;
use backstock_queue::GroupStatus;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

const REDELIVERY_BAR_MS: i64 = 1_000;
/// A broker that was killed takes this long to come back; what it interrupted does not show how soon it gives jobs again.
const BROKER_AWAY_MS: i64 = 15_000;

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
    /// From the kill of a worker until a job it had begun ran again, in milliseconds, ascending.
    redelivery_ms: Vec<i64>,
}

impl Figures {
    pub fn new(
        (jobs, members): (usize, usize),
        kills: &[Kill],
        broker_kills: &[i64],
        entries: &[Entry],
        group: &GroupStatus,
        wall: f64,
    ) -> Self {
        let mut ends: HashMap<u32, usize> = HashMap::new();
        let mut begun: HashMap<u32, Vec<Entry>> = HashMap::new();
        for entry in entries {
            if entry.end {
                *ends.entry(entry.job).or_default() += 1;
            } else {
                begun.entry(entry.job).or_default().push(*entry);
            }
        }
        let ended: HashSet<(u32, u32)> =
            entries.iter().filter(|entry| entry.end).map(|entry| (entry.job, entry.pid)).collect();
        let killed: HashMap<u32, i64> = kills.iter().map(|kill| (kill.pid, kill.at)).collect();
        let broker_was_there = |at: i64| {
            !broker_kills.iter().any(|kill| (at - BROKER_AWAY_MS..at + BROKER_AWAY_MS).contains(kill))
        };
        let again = |pair: &[Entry]| {
            let at = *killed.get(&pair[0].pid)?;
            // Plain ones, begun before the kill and not ended: their message was open when the socket closed.
            let plain = !(pair[0].job as usize).is_multiple_of(super::GROUPED);
            let cut = plain && !ended.contains(&(pair[0].job, pair[0].pid)) && broker_was_there(at);
            cut.then_some(pair[1].at - at)
        };
        let mut redelivery_ms: Vec<i64> =
            begun.values().flat_map(|runs| runs.windows(2)).filter_map(again).collect();
        redelivery_ms.sort_unstable();
        Self {
            jobs,
            members,
            kills: kills.len(),
            broker_kills: broker_kills.len(),
            wall,
            lost: jobs - ends.len().min(jobs),
            completed_members: group.completed,
            effects: group.counters.get(EFFECTS).copied().unwrap_or(0),
            begun_twice: begun.values().filter(|runs| runs.len() > 1).count(),
            ended_twice: ends.values().filter(|ends| **ends > 1).count(),
            redelivery_ms,
        }
    }

    fn redelivery(&self, share: f64) -> i64 {
        let index = ((self.redelivery_ms.len().max(1) - 1) as f64 * share) as usize;
        self.redelivery_ms.get(index).copied().unwrap_or(0)
    }

    fn effects_met(&self) -> bool {
        self.effects == self.members as i64 && self.completed_members == self.members as u64
    }

    fn redelivery_met(&self) -> bool {
        !self.redelivery_ms.is_empty() && self.redelivery(1.0) <= REDELIVERY_BAR_MS
    }

    pub fn json(&self) -> Value {
        json!({
            "benchmark": "rabbit-crash", "jobs": self.jobs, "worker_kills": self.kills,
            "broker_kills": self.broker_kills, "wall_seconds": self.wall,
            "lost": self.lost, "lost_bar_met": self.lost == 0,
            "begun_twice": self.begun_twice, "ended_twice": self.ended_twice,
            "members": self.members, "effects": self.effects, "effects_once_bar_met": self.effects_met(),
            "redelivered": self.redelivery_ms.len(),
            "redelivery_ms": {
                "p50": self.redelivery(0.5), "p99": self.redelivery(0.99), "max": self.redelivery(1.0),
            },
            "redelivery_bar_met": self.redelivery_met(),
        })
    }

    pub fn text(&self) -> String {
        let verdict = |met: bool| if met { "met" } else { "NOT met" };
        format!(
            "{} jobs, {} workers and {} times the broker killed, {:.1} s: {} lost (bar: 0, {})\n\
             begun twice: {}, ended twice: {} ({PLACES} run at a time in each worker)\n\
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
            self.members,
            self.effects,
            verdict(self.effects_met()),
            self.redelivery_ms.len(),
            self.redelivery(0.5),
            self.redelivery(0.99),
            self.redelivery(1.0),
            verdict(self.redelivery_met()),
        )
    }
}
