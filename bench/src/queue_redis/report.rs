//! Figures and bars.

use super::{System, Work, delayed::Delayed, memory::Memory, priorities::Priorities};
use crate::{meter::Usage, percentiles::Percentiles};
use serde_json::{Value, json};
use std::fmt::Write;

/// One-job handlers over the bare list loop, in jobs per CPU second of worker and server.
const ONE_BY_ONE_BAR: f64 = 1.0;
/// Batch handlers over the bare batched Lua loop.
const BATCHES_BAR: f64 = 0.5;
/// One-job handlers over `apalis-redis`.
const APALIS_BAR: f64 = 2.0;
const ENQUEUE_BAR: f64 = 5.0;
/// Jobs of fifty fairness keys over jobs without: at most a tenth more a job.
const KEYED_BAR: f64 = 1.0 / 1.1;
const PICKUP_P50_BAR_MS: f64 = 0.3;
const PICKUP_P99_BAR_MS: f64 = 0.7;
const LATENESS_BAR_MS: f64 = 50.0;
/// Longest time without a start while very many are due.
const STALL_BAR_MS: f64 = 1_000.0;
const PRIORITY_BAR_MS: f64 = 60.0;
const PRIORITY_BAR_LOW: usize = 10;
const OVERHEAD_BAR: f64 = 300.0;
const LEFT_BAR: f64 = 1.1;

/// All systems under one setting of the server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Side {
    list: Work,
    tasks: Work,
    lua: Work,
    apalis: Work,
    one_by_one: Work,
    batches: Work,
    keyed: Work,
}

impl Side {
    pub fn of(&mut self, system: System) -> &mut Work {
        match system {
            System::List => &mut self.list,
            System::Tasks => &mut self.tasks,
            System::Lua => &mut self.lua,
            System::Apalis => &mut self.apalis,
            System::OneByOne => &mut self.one_by_one,
            System::Batches => &mut self.batches,
            System::Keyed => &mut self.keyed,
        }
    }

    fn all(&self) -> [(&'static str, &Work); 7] {
        [
            ("bare list loop, by 100", &self.list),
            ("bare list loop, 100 tasks", &self.tasks),
            ("bare batched Lua loop", &self.lua),
            ("apalis-redis, tuned", &self.apalis),
            ("backstock, one job a call", &self.one_by_one),
            ("backstock, batches of 100", &self.batches),
            ("backstock, fifty keys", &self.keyed),
        ]
    }

    /// The ratios that have bars: name, ratio, bar.
    fn ratios(&self) -> [(&'static str, f64, f64); 6] {
        let over = |ours: &Usage, theirs: &Usage| ours.per_cpu_second() / theirs.per_cpu_second();
        [
            ("one_by_one_over_bare_list", over(&self.one_by_one.drain, &self.list.drain), ONE_BY_ONE_BAR),
            (
                "one_by_one_over_bare_list_tasks",
                over(&self.one_by_one.drain, &self.tasks.drain),
                ONE_BY_ONE_BAR,
            ),
            ("batches_over_bare_lua", over(&self.batches.drain, &self.lua.drain), BATCHES_BAR),
            ("one_by_one_over_apalis_redis", over(&self.one_by_one.drain, &self.apalis.drain), APALIS_BAR),
            ("keyed_over_plain", over(&self.keyed.drain, &self.one_by_one.drain), KEYED_BAR),
            ("enqueue_over_apalis_redis", over(&self.one_by_one.enqueue, &self.apalis.enqueue), ENQUEUE_BAR),
        ]
    }

    fn exactly_once(&self) -> bool {
        self.all().iter().skip(4).all(|(_, work)| work.lost == 0 && work.twice == 0)
    }

    fn json(&self) -> Value {
        let usage = |usage: &Usage| {
            json!({
                "jobs": usage.jobs, "per_second": usage.per_second().round(),
                "per_cpu_second": usage.per_cpu_second().round(),
                "worker_us_per_job": usage.worker_micros(), "server_us_per_job": usage.server_micros(),
            })
        };
        let mut side = serde_json::Map::new();
        for (name, work) in self.all() {
            let figures = json!({
                "enqueue": usage(&work.enqueue), "drain": usage(&work.drain), "lost": work.lost,
                "run_twice": work.twice, "server_bytes_per_waiting_job": work.bytes_per_job.round(),
            });
            side.insert(name.to_owned(), figures);
        }
        for (name, ratio, bar) in self.ratios() {
            side.insert(format!("{name}_ratio"), json!(ratio));
            side.insert(format!("{name}_bar_met"), json!(ratio >= bar));
        }
        side.insert("exactly_once_bar_met".to_owned(), json!(self.exactly_once()));
        Value::Object(side)
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{:<27}{:>11}{:>12}{:>11}{:>11}{:>12}{:>12}{:>8}{:>7}{:>7}\n",
            "",
            "drain/s",
            "/CPU-s",
            "worker µs",
            "server µs",
            "enqueue/s",
            "/CPU-s",
            "B/job",
            "lost",
            "twice"
        );
        for (name, work) in self.all() {
            let (drain, enqueue) = (&work.drain, &work.enqueue);
            let _ = writeln!(
                text,
                "{name:<27}{:>11.0}{:>12.0}{:>11.1}{:>11.1}{:>12.0}{:>12.0}{:>8.0}{:>7}{:>7}",
                drain.per_second(),
                drain.per_cpu_second(),
                drain.worker_micros(),
                drain.server_micros(),
                enqueue.per_second(),
                enqueue.per_cpu_second(),
                work.bytes_per_job,
                work.lost,
                work.twice
            );
        }
        for (name, ratio, bar) in self.ratios() {
            let verdict = if ratio >= bar { "met" } else { "NOT met" };
            let _ = writeln!(text, "{name}: {ratio:.2} (bar: ≥ {bar}, {verdict})");
        }
        text
    }
}

#[derive(Debug, Default)]
pub struct Figures {
    pub many: usize,
    pub everysec: Side,
    pub without: Side,
    pub pickup: Percentiles,
    pub delayed: Delayed,
    pub priorities: Priorities,
    pub memory: Memory,
}

impl Figures {
    fn pickup_met(&self) -> bool {
        self.pickup.p50 <= PICKUP_P50_BAR_MS && self.pickup.p99 <= PICKUP_P99_BAR_MS
    }

    fn delayed_met(&self) -> bool {
        self.delayed.early == 0 && self.delayed.lateness.p99 <= LATENESS_BAR_MS
    }

    fn burst_met(&self) -> bool {
        let Delayed { burst_longest_gap, burst_lost, burst_twice, .. } = self.delayed;
        burst_longest_gap <= STALL_BAR_MS && burst_lost == 0 && burst_twice == 0
    }

    fn priorities_met(&self) -> bool {
        self.priorities.last_high_ms <= PRIORITY_BAR_MS && self.priorities.low_meanwhile <= PRIORITY_BAR_LOW
    }

    /// Memory after the finished jobs over what an empty server and the retention may take.
    fn left_ratio(&self) -> f64 {
        self.memory.after as f64 / (self.memory.empty + self.memory.budget) as f64
    }

    pub fn json(&self) -> Value {
        json!({
            "benchmark": "queue-redis",
            "append_only_file_everysec": self.everysec.json(),
            "no_append_only_file": self.without.json(),
            "pickup_ms": self.pickup.json(),
            "pickup_bar_met": self.pickup_met(),
            "delayed_waiting": self.many,
            "delayed_lateness_ms": self.delayed.lateness.json(),
            "delayed_early": self.delayed.early,
            "delayed_bar_met": self.delayed_met(),
            "due_at_once_per_second": self.delayed.burst_per_second.round(),
            "due_at_once_longest_gap_ms": self.delayed.burst_longest_gap,
            "due_at_once_lost": self.delayed.burst_lost,
            "due_at_once_run_twice": self.delayed.burst_twice,
            "due_at_once_bar_met": self.burst_met(),
            "last_high_ms": self.priorities.last_high_ms,
            "low_meanwhile": self.priorities.low_meanwhile,
            "low_beside_last": self.priorities.low_beside_last,
            "priorities_bar_met": self.priorities_met(),
            "waiting_job_overhead_bytes": self.memory.waiting_overhead.round(),
            "waiting_job_overhead_bar_met": self.memory.waiting_overhead <= OVERHEAD_BAR,
            "finished_jobs": self.memory.finished,
            "memory_after_bytes": self.memory.after,
            "memory_empty_bytes": self.memory.empty,
            "memory_after_over_empty_and_budget_ratio": self.left_ratio(),
            "memory_after_bar_met": self.left_ratio() <= LEFT_BAR,
        })
    }

    pub fn text(&self) -> String {
        let verdict = |met: bool| if met { "met" } else { "NOT met" };
        let ms = |p: &Percentiles| format!("p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms", p.p50, p.p99, p.max);
        let Self { delayed, priorities, memory, .. } = self;
        let mut text = format!("append-only file, fsync every second\n{}\n", self.everysec.text());
        let _ = writeln!(text, "no append-only file\n{}", self.without.text());
        let _ = writeln!(
            text,
            "pickup at 500 jobs/s: {} (bar: p50 ≤ {PICKUP_P50_BAR_MS}, p99 ≤ {PICKUP_P99_BAR_MS}, {})",
            ms(&self.pickup),
            verdict(self.pickup_met())
        );
        let _ = writeln!(
            text,
            "lateness with {} waiting: {}, {} early (bar: p99 ≤ {LATENESS_BAR_MS}, none early, {})",
            self.many,
            ms(&delayed.lateness),
            delayed.early,
            verdict(self.delayed_met())
        );
        let _ = writeln!(
            text,
            "{} due at once: {:.0} jobs/s, longest gap {:.0} ms, {} lost, {} twice (bar: ≤ {STALL_BAR_MS} ms, {})",
            self.many,
            delayed.burst_per_second,
            delayed.burst_longest_gap,
            delayed.burst_lost,
            delayed.burst_twice,
            verdict(self.burst_met())
        );
        let _ = writeln!(
            text,
            "priorities: last high after {:.0} ms, {} low started while a high one waited, {} beside the last high ones \
             (bar: ≤ {PRIORITY_BAR_MS} ms, ≤ {PRIORITY_BAR_LOW} while one waited, {})",
            priorities.last_high_ms,
            priorities.low_meanwhile,
            priorities.low_beside_last,
            verdict(self.priorities_met())
        );
        let _ = write!(
            text,
            "server memory: {:.0} B beside a payload of {:.0} B (bar: ≤ {OVERHEAD_BAR}, {}); after {} finished {:.2} MB, \
             empty {:.2} MB, retention {:.2} MB: ratio {:.2} (bar: ≤ {LEFT_BAR}, {})",
            memory.waiting_overhead,
            memory.payload,
            verdict(memory.waiting_overhead <= OVERHEAD_BAR),
            memory.finished,
            memory.after as f64 / 1e6,
            memory.empty as f64 / 1e6,
            memory.budget as f64 / 1e6,
            self.left_ratio(),
            verdict(self.left_ratio() <= LEFT_BAR)
        );
        text
    }
}
