//! Figures and bars.

use super::documents::Packing;
use super::replay::Replay;
use super::speed::{Micros, Speed};
use serde_json::{Value, json};
use std::fmt::Write;

/// Share of requests that level 1 answers, warmed, LFU.
const HIT_RATE_BAR: f64 = 0.85;
const LEVEL1_P99_BAR_US: f64 = 10.0;
const LEVEL2_P99_BAR_US: f64 = 1_000.0;
const OPERATIONS_BAR: f64 = 50_000.0;

pub struct Figures {
    pub source: &'static str,
    pub packing: Packing,
    pub replay: Replay,
    pub speed: Speed,
}

impl Figures {
    fn hit_rate(&self) -> f64 {
        self.replay.runs.first().map_or(0.0, |run| run.measured_hit_rate)
    }

    pub fn json(&self) -> Value {
        let Self { source, packing, replay, speed } = self;
        let micros = |micros: &Micros| json!({ "p50": micros.p50, "p99": micros.p99, "worst": micros.worst });
        let run = |run: &super::replay::Run| {
            json!({ "policy": run.name, "warmed": run.warmed.round(), "expected_hit_rate": run.expected_hit_rate,
                    "measured_hit_rate": run.measured_hit_rate })
        };
        json!({
            "benchmark": "cache",
            "sales": source,
            "products": replay.products,
            "budget_bytes": replay.budget_bytes,
            "requests": replay.requests,
            "runs": replay.runs.iter().map(run).collect::<Vec<_>>(),
            "hit_rate_ratio": self.hit_rate(),
            "hit_rate_bar_met": self.hit_rate() >= HIT_RATE_BAR,
            "level1_read_us": micros(&speed.level1),
            "level1_read_bar_met": speed.level1.p99 <= LEVEL1_P99_BAR_US,
            "level2_read_us": micros(&speed.level2),
            "level2_read_bar_met": speed.level2.p99 <= LEVEL2_P99_BAR_US,
            "operations_per_second": speed.operations_per_second.round(),
            "operations_bar_met": speed.operations_per_second >= OPERATIONS_BAR,
            "level1_reads_per_second": speed.level1_per_second.round(),
            "level2_reads_per_second": speed.level2_per_second.round(),
            "document_bytes": packing.mean_bytes.round(),
            "packed_bytes": packing.mean_packed_bytes.round(),
            "packed_ratio": packing.mean_bytes / packing.mean_packed_bytes,
            "entry_bytes": packing.mean_entry_bytes.round(),
            "make_us": packing.make_us,
        })
    }

    pub fn text(&self) -> String {
        let verdict = |met: bool| if met { "met" } else { "NOT met" };
        let Self { source, packing, replay, speed } = self;
        let mut text = format!(
            "{} products, sales {source}; budget {:.1} MB, {} requests\n{:<26}{:>9}{:>10}{:>10}\n",
            replay.products,
            replay.budget_bytes as f64 / 1e6,
            replay.requests,
            "",
            "warmed",
            "expected",
            "measured"
        );
        for run in &replay.runs {
            let (expected, measured) = (run.expected_hit_rate * 100.0, run.measured_hit_rate * 100.0);
            let _ = writeln!(text, "{:<26}{:>9.0}{expected:>9.1}%{measured:>9.1}%", run.name, run.warmed);
        }
        let _ = writeln!(
            text,
            "documents of {:.0} bytes are packed to {:.0} each alone ({:.2} times smaller); an entry of level 1 takes {:.0} with \
             all that belongs to it ({:.2}) and is made in {:.1} µs",
            packing.mean_bytes,
            packing.mean_packed_bytes,
            packing.mean_bytes / packing.mean_packed_bytes,
            packing.mean_entry_bytes,
            packing.mean_bytes / packing.mean_entry_bytes,
            packing.make_us
        );
        let _ = writeln!(
            text,
            "hit rate: {:.3} (bar: ≥ {HIT_RATE_BAR}, {})",
            self.hit_rate(),
            verdict(self.hit_rate() >= HIT_RATE_BAR)
        );
        for (name, micros, bar) in
            [("level 1", &speed.level1, LEVEL1_P99_BAR_US), ("level 2", &speed.level2, LEVEL2_P99_BAR_US)]
        {
            let _ = writeln!(
                text,
                "warm read, {name}: p50 {:.1} µs, p99 {:.1} µs, worst {:.0} µs (bar: p99 ≤ {bar} µs, {})",
                micros.p50,
                micros.p99,
                micros.worst,
                verdict(micros.p99 <= bar)
            );
        }
        let _ = write!(
            text,
            "operations over both levels, 64 tasks: {:.0}/s (bar: ≥ {OPERATIONS_BAR}, {}); reads of level 1 alone {:.0}/s, \
             of level 2 alone {:.0}/s",
            speed.operations_per_second,
            verdict(speed.operations_per_second >= OPERATIONS_BAR),
            speed.level1_per_second,
            speed.level2_per_second
        );
        text
    }
}
