//! Figures and bars.

use super::{HISTORY, fair::Fair, flat::Flat};
use crate::{meter::Usage, percentiles::Percentiles};
use serde_json::{Value, json};

const ENQUEUE_BAR: f64 = 50_000.0;
const DRAIN_BAR: f64 = 30_000.0;
const PEER_BAR: f64 = 20.0;
const PICKUP_BAR_MS: f64 = 5.0;
/// Cost of a job in the old file over its cost in the young one.
const FLAT_BAR: f64 = 1.25;
/// Cost of a job in a drain with fairness keys over its cost without.
const FAIR_BAR: f64 = 1.10;

#[derive(Debug, Default)]
pub struct Figures {
    pub enqueue: Usage,
    pub drain: Usage,
    /// Under a worker pool: one job a call, and up to a hundred.
    pub singles: Usage,
    pub batches: Usage,
    pub peer_enqueue: Usage,
    pub peer_drain: Usage,
    pub pickup: Percentiles,
    pub fair: Fair,
    pub flat: Flat,
    pub full: Usage,
}

impl Figures {
    fn drain_ratio(&self) -> f64 {
        self.drain.per_second() / self.peer_drain.per_second()
    }

    fn enqueue_ratio(&self) -> f64 {
        self.enqueue.per_second() / self.peer_enqueue.per_second()
    }

    /// Enqueued and drained.
    fn whole_ratio(&self) -> f64 {
        let seconds = |enqueue: &Usage, drain: &Usage| 1.0 / enqueue.per_second() + 1.0 / drain.per_second();
        seconds(&self.peer_enqueue, &self.peer_drain) / seconds(&self.enqueue, &self.drain)
    }

    /// The peer is drained by its own worker, so this one is the like of it.
    fn pool_ratio(&self) -> f64 {
        self.singles.per_second() / self.peer_drain.per_second()
    }

    /// By CPU time, which the neighbours on the machine disturb least.
    fn flat_ratio(&self) -> f64 {
        self.flat.old.cpu_micros() / self.flat.young.cpu_micros()
    }

    fn fair_cost_ratio(&self) -> f64 {
        self.fair.keyed.cpu_micros() / self.fair.plain.cpu_micros()
    }

    fn fair_enqueue_cost_ratio(&self) -> f64 {
        self.fair.keyed_enqueue.cpu_micros() / self.fair.plain_enqueue.cpu_micros()
    }

    fn limited_cost_ratio(&self) -> f64 {
        self.fair.limited.cpu_micros() / self.fair.plain.cpu_micros()
    }

    pub fn json(&self) -> Value {
        let work = |work: &Usage| {
            json!({
                "jobs": work.jobs, "per_second": work.per_second().round(),
                "cpu_seconds": work.cpu(), "wall_seconds": work.wall,
            })
        };
        json!({
            "benchmark": "queue-sqlite",
            "enqueue": work(&self.enqueue),
            "enqueue_bar_met": self.enqueue.per_second() >= ENQUEUE_BAR,
            "drain": work(&self.drain),
            "drain_bar_met": self.drain.per_second() >= DRAIN_BAR,
            "drain_by_pool_one_by_one": work(&self.singles),
            "drain_by_pool_one_by_one_bar_met": self.singles.per_second() >= DRAIN_BAR,
            "drain_by_pool_in_batches": work(&self.batches),
            "enqueue_and_drain_at_full": work(&self.full),
            "apalis_sqlite_enqueue": work(&self.peer_enqueue),
            "apalis_sqlite_drain": work(&self.peer_drain),
            "enqueue_over_apalis_sqlite_ratio": self.enqueue_ratio(),
            "drain_over_apalis_sqlite_ratio": self.drain_ratio(),
            "drain_over_apalis_sqlite_bar_met": self.drain_ratio() >= PEER_BAR,
            "pool_over_apalis_sqlite_ratio": self.pool_ratio(),
            "pool_over_apalis_sqlite_bar_met": self.pool_ratio() >= PEER_BAR,
            "enqueue_and_drain_over_apalis_sqlite_ratio": self.whole_ratio(),
            "enqueue_and_drain_over_apalis_sqlite_bar_met": self.whole_ratio() >= PEER_BAR,
            "pickup_ms": self.pickup.json(),
            "pickup_bar_met": self.pickup.p99 <= PICKUP_BAR_MS,
            "drain_without_keys": work(&self.fair.plain),
            "drain_with_50_keys": work(&self.fair.keyed),
            "drain_with_50_limited_keys": work(&self.fair.limited),
            "fair_cost_ratio": self.fair_cost_ratio(),
            "fair_bar_met": self.fair_cost_ratio() <= FAIR_BAR,
            "fair_enqueue_cost_ratio": self.fair_enqueue_cost_ratio(),
            "limited_cost_ratio": self.limited_cost_ratio(),
            "young_file": work(&self.flat.young),
            "old_file": work(&self.flat.old),
            "old_file_finished_jobs": self.flat.history,
            "old_over_young_cost_ratio": self.flat_ratio(),
            "flat_bar_met": self.flat.history >= HISTORY && self.flat_ratio() <= FLAT_BAR,
        })
    }

    pub fn text(&self) -> String {
        let line = |name: &str, work: &Usage| {
            format!(
                "{name:<34}{:>9.0} jobs/s {:>8.1} CPU µs/job  ({} jobs, {:.2} s wall, {:.2} s CPU)\n",
                work.per_second(),
                work.cpu_micros(),
                work.jobs,
                work.wall,
                work.cpu()
            )
        };
        let mut text = line("enqueue, calls of 500", &self.enqueue);
        text += &line("drain, turns of 250", &self.drain);
        text += &line("drain by a pool, one by one", &self.singles);
        text += &line("drain by a pool, in batches", &self.batches);
        text += &line("enqueue + drain, synchronous=FULL", &self.full);
        text += &line("apalis-sqlite enqueue", &self.peer_enqueue);
        text += &line("apalis-sqlite drain", &self.peer_drain);
        text += &line("drain without keys", &self.fair.plain);
        text += &line("drain, 50 fairness keys", &self.fair.keyed);
        text += &line("drain, 50 limited keys", &self.fair.limited);
        text += &line("enqueue + drain, 10k finished", &self.flat.young);
        text += &line(&format!("enqueue + drain, {} finished", self.flat.history), &self.flat.old);
        let pickup = format!(
            "pickup by an idle waiter: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms (bar: p99 ≤ {PICKUP_BAR_MS} ms)",
            self.pickup.p50, self.pickup.p99, self.pickup.max
        );
        let ratios = format!(
            "over apalis-sqlite: enqueue {:.1} ×, drain {:.0} ×, by a pool {:.0} ×, enqueue + drain {:.0} × (bar: {PEER_BAR} ×); old file over young: {:.2} (bar: \
             ≤ {FLAT_BAR})",
            self.enqueue_ratio(),
            self.drain_ratio(),
            self.pool_ratio(),
            self.whole_ratio(),
            self.flat_ratio()
        );
        let fair = format!(
            "cost of 50 fairness keys: drain {:.3} (bar: ≤ {FAIR_BAR}), enqueue {:.3}, drain with limits {:.3}",
            self.fair_cost_ratio(),
            self.fair_enqueue_cost_ratio(),
            self.limited_cost_ratio()
        );
        format!("{text}{pickup}\n{ratios}\n{fair}")
    }
}
