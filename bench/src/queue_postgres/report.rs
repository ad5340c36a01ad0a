//! Figures; there is no bar for this store.

use super::{System, Work};
use crate::{meter::Usage, percentiles::Percentiles};
use serde_json::{Value, json};
use std::fmt::Write;

#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    jobs: usize,
    away: Work,
    marking: Work,
    one_by_one: Work,
    batches: Work,
    keyed: Work,
    pub pickup: Percentiles,
}

impl Figures {
    pub fn new(jobs: usize) -> Self {
        Self { jobs, ..Self::default() }
    }

    pub fn of(&mut self, system: System) -> &mut Work {
        match system {
            System::Away => &mut self.away,
            System::Marking => &mut self.marking,
            System::OneByOne => &mut self.one_by_one,
            System::Batches => &mut self.batches,
            System::Keyed => &mut self.keyed,
        }
    }

    fn all(&self) -> [(&'static str, &Work); 5] {
        [
            ("bare loop, takes away", &self.away),
            ("bare loop, marks", &self.marking),
            ("backstock, one a call", &self.one_by_one),
            ("backstock, batches", &self.batches),
            ("backstock, fifty keys", &self.keyed),
        ]
    }

    /// Jobs per CPU second of client and server, over those of the bare loop that marks.
    fn ratios(&self) -> [(&'static str, f64); 4] {
        let over = |ours: &Usage, theirs: &Usage| ours.per_cpu_second() / theirs.per_cpu_second();
        [
            ("enqueue", over(&self.one_by_one.enqueue, &self.marking.enqueue)),
            ("drain_one_by_one", over(&self.one_by_one.drain, &self.marking.drain)),
            ("drain_batches", over(&self.batches.drain, &self.marking.drain)),
            ("drain_keyed", over(&self.keyed.drain, &self.marking.drain)),
        ]
    }

    pub fn json(&self) -> Value {
        let usage = |usage: &Usage| {
            json!({
                "per_second": usage.per_second().round(), "per_cpu_second": usage.per_cpu_second().round(),
                "client_micros": usage.worker_micros(), "server_micros": usage.server_micros(),
            })
        };
        let mut figures = serde_json::Map::new();
        figures.insert("benchmark".into(), json!("queue-postgres"));
        figures.insert("jobs".into(), json!(self.jobs));
        for (name, work) in self.all() {
            let Work { enqueue, drain, lost, twice } = work;
            let told =
                json!({"enqueue": usage(enqueue), "drain": usage(drain), "lost": lost, "twice": twice});
            figures.insert(name.into(), told);
        }
        for (name, ratio) in self.ratios() {
            figures.insert(format!("{name}_over_bare_ratio"), json!(ratio));
        }
        let kept = self.all().iter().skip(2).all(|(_, work)| work.lost == 0 && work.twice == 0);
        figures.insert("ledger_bar_met".into(), json!(kept));
        figures.insert("pickup_ms".into(), self.pickup.json());
        Value::Object(figures)
    }

    pub fn text(&self) -> String {
        let mut text = format!(
            "{} jobs a round         enqueue/s   drain/s   client + server µs (enqueue)  (drain)\n",
            self.jobs
        );
        for (name, Work { enqueue, drain, lost, twice }) in self.all() {
            let _ = writeln!(
                text,
                "{name:<24}{:>14.0}{:>10.0}{:>12.1} + {:<6.1}{:>12.1} + {:<6.1}  lost {lost} twice {twice}",
                enqueue.per_second(),
                drain.per_second(),
                enqueue.worker_micros(),
                enqueue.server_micros(),
                drain.worker_micros(),
                drain.server_micros(),
            );
        }
        for (name, ratio) in self.ratios() {
            let _ = writeln!(text, "{name} by CPU over the bare loop that marks: {ratio:.2}");
        }
        let Percentiles { p50, p99, max } = self.pickup;
        let _ = write!(text, "pickup at 500 jobs/s: p50 {p50:.2} ms, p99 {p99:.2} ms, max {max:.1} ms");
        text
    }
}
