//! The figures and the bars.

use super::Work;
use crate::{meter::Usage, percentiles::Percentiles};
use serde_json::{Value, json};
use std::fmt::Write;

const RATIO_BAR: f64 = 0.7;
const P50_BAR_MS: f64 = 1.5;
const P99_BAR_MS: f64 = 10.0;
const RETRY_BAR_MS: f64 = 100.0;

/// One type of queues.
#[derive(Clone, Copy, Debug, Default)]
pub struct Side {
    pub bare_50: Work,
    pub bare_100: Work,
    pub singles: Work,
    pub batches: Work,
    pub pickup: Percentiles,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub jobs: usize,
    pub quorum: Side,
    pub classic: Side,
    /// Start of the second attempt after its time.
    pub retry: Percentiles,
}

impl Side {
    /// The better of the bare loops.
    fn best(&self, usage: impl Fn(&Work) -> Usage) -> f64 {
        usage(&self.bare_50).per_second().max(usage(&self.bare_100).per_second())
    }

    fn publish_ratio(&self) -> f64 {
        let publish = |work: &Work| work.publish.per_second();
        publish(&self.singles).max(publish(&self.batches)) / self.best(|work| work.publish)
    }

    fn drain_ratio(&self, work: &Work) -> f64 {
        work.drain.per_second() / self.best(|work| work.drain)
    }

    /// In jobs per CPU second of client and server, which the neighbours on the machine disturb least.
    fn drain_cpu_ratio(&self, work: &Work) -> f64 {
        let bare = self.bare_50.drain.per_cpu_second().max(self.bare_100.drain.per_cpu_second());
        work.drain.per_cpu_second() / bare
    }

    fn works(&self) -> [(&'static str, &Work); 4] {
        [
            ("bare lapin, ack 50", &self.bare_50),
            ("bare lapin, ack 100", &self.bare_100),
            ("backstock, one a call", &self.singles),
            ("backstock, batches", &self.batches),
        ]
    }

    fn json(&self) -> Value {
        let work = |work: &Work| {
            json!({
                "publish_per_second": work.publish.per_second(), "drain_per_second": work.drain.per_second(),
                "publish_server_micros": work.publish.server_micros(),
                "drain_server_micros": work.drain.server_micros(),
                "publish_client_micros": work.publish.worker_micros(),
                "drain_client_micros": work.drain.worker_micros(),
                "lost": work.lost, "twice": work.twice,
            })
        };
        let lost: usize = self.works().iter().map(|(_, work)| work.lost + work.twice).sum();
        json!({
            "bare_ack_50": work(&self.bare_50), "bare_ack_100": work(&self.bare_100),
            "singles": work(&self.singles), "batches": work(&self.batches),
            "publish_ratio": self.publish_ratio(), "publish_bar_met": self.publish_ratio() >= RATIO_BAR,
            "drain_ratio": self.drain_ratio(&self.batches),
            "drain_bar_met": self.drain_ratio(&self.batches) >= RATIO_BAR,
            "drain_one_by_one_ratio": self.drain_ratio(&self.singles),
            "drain_one_by_one_bar_met": self.drain_ratio(&self.singles) >= RATIO_BAR,
            "drain_cpu_ratio": self.drain_cpu_ratio(&self.batches),
            "drain_one_by_one_cpu_ratio": self.drain_cpu_ratio(&self.singles),
            "pickup_ms": self.pickup.json(),
            "pickup_p50_bar_met": self.pickup.p50 <= P50_BAR_MS,
            "pickup_p99_bar_met": self.pickup.p99 <= P99_BAR_MS,
            "ledger_bar_met": lost == 0,
        })
    }
}

impl Figures {
    pub fn json(&self) -> Value {
        json!({
            "benchmark": "queue-rabbitmq", "jobs": self.jobs,
            "quorum": self.quorum.json(), "classic": self.classic.json(),
            "retry_late_ms": self.retry.json(), "retry_bar_met": self.retry.max <= RETRY_BAR_MS,
        })
    }

    pub fn text(&self) -> String {
        let verdict = |met: bool| if met { "met" } else { "NOT met" };
        let mut text = format!("{} plain jobs a round\n", self.jobs);
        for (name, side) in [("quorum", &self.quorum), ("classic", &self.classic)] {
            let _ = writeln!(
                text,
                "\n{name} queues        publish/s   drain/s   server µs (publish, drain)  client µs"
            );
            for (system, work) in side.works() {
                let _ = writeln!(
                    text,
                    "{system:<22} {:>8.0}  {:>8.0}   {:>6.1} {:>6.1}   {:>6.1} {:>6.1}   lost {} twice {}",
                    work.publish.per_second(),
                    work.drain.per_second(),
                    work.publish.server_micros(),
                    work.drain.server_micros(),
                    work.publish.worker_micros(),
                    work.drain.worker_micros(),
                    work.lost,
                    work.twice,
                );
            }
            let (publish, drain) = (side.publish_ratio(), side.drain_ratio(&side.batches));
            let single = side.drain_ratio(&side.singles);
            let _ = writeln!(
                text,
                "publish {publish:.2} (bar ≥ {RATIO_BAR}, {}), drain in batches {drain:.2} ({}), one a call {single:.2} ({})",
                verdict(publish >= RATIO_BAR),
                verdict(drain >= RATIO_BAR),
                verdict(single >= RATIO_BAR),
            );
            let _ = writeln!(
                text,
                "drain by CPU of client and server: in batches {:.2}, one a call {:.2}",
                side.drain_cpu_ratio(&side.batches),
                side.drain_cpu_ratio(&side.singles),
            );
            let pickup = side.pickup;
            let _ = writeln!(
                text,
                "pickup p50 {:.2} ms (bar ≤ {P50_BAR_MS}, {}), p99 {:.2} ms (bar ≤ {P99_BAR_MS}, {}), max {:.1} ms",
                pickup.p50,
                verdict(pickup.p50 <= P50_BAR_MS),
                pickup.p99,
                verdict(pickup.p99 <= P99_BAR_MS),
                pickup.max,
            );
        }
        let Percentiles { p50, max, .. } = self.retry;
        let met = verdict(max <= RETRY_BAR_MS);
        let _ = write!(
            text,
            "\na retry of 5 s behind 10,000 delays of an hour is late by p50 {p50:.1} ms, max {max:.1} ms (bar ≤ {RETRY_BAR_MS} ms, {met})"
        );
        text
    }
}
