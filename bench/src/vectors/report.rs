//! Figures and bars.

use super::trial::Trial;
use serde_json::{Value, json};
use std::fmt::Write;

/// Share of what an exact search finds.
const RECALL_BAR: f64 = 0.98;

pub struct Figures {
    pub points: usize,
    pub trials: Vec<Trial>,
    /// Who is not there, and why.
    pub absent: Vec<(&'static str, String)>,
}

impl Figures {
    /// Written twice they are there once, and nothing was written the second time.
    fn is_idempotent(&self, trial: &Trial) -> bool {
        trial.points == self.points as u64 && trial.written_again == 0
    }

    fn all(&self, met: impl Fn(&Trial) -> bool) -> bool {
        !self.trials.is_empty() && self.trials.iter().all(met)
    }

    /// Of the second upsert to the first.
    fn again_ratio(trial: &Trial) -> f64 {
        trial.second.per_cpu_second() / trial.first.per_cpu_second()
    }

    /// What the client takes beside the embedded store, in CPU time a point; the server in the process included.
    fn client_ratio(&self) -> Option<f64> {
        let [embedded, client, ..] = &self.trials[..] else { return None };
        Some(client.first.cpu_micros() / embedded.first.cpu_micros())
    }

    pub fn json(&self) -> Value {
        let trial = |trial: &Trial| {
            json!({
                "store": trial.name,
                "points_per_second": trial.first.per_second().round(),
                "cpu_us_a_point": trial.first.cpu_micros(),
                "again_points_per_second": trial.second.per_second().round(),
                "again_cpu_us_a_point": trial.second.cpu_micros(),
                "again_ratio": Self::again_ratio(trial),
                "written_again": trial.written_again,
                "points": trial.points,
                "search_ms": trial.search.json(),
                "filtered_search_ms": trial.filtered.json(),
                "recall_at_10": trial.recall,
                "embedded_by_killed_backfill": trial.embedded,
            })
        };
        json!({
            "benchmark": "vectors",
            "points": self.points,
            "stores": self.trials.iter().map(trial).collect::<Vec<_>>(),
            "absent": self.absent.iter().map(|(name, why)| json!({ "store": name, "why": why })).collect::<Vec<_>>(),
            "client_to_embedded_cpu_ratio": self.client_ratio(),
            "upsert_twice_bar_met": self.all(|trial| self.is_idempotent(trial)),
            "resume_bar_met": self.all(|trial| trial.embedded == self.points),
            "recall_bar_met": self.all(|trial| trial.recall >= RECALL_BAR),
        })
    }

    pub fn text(&self) -> String {
        let mut text = format!(
            "{} points of {} dimensions\n{:<31}{:>10}{:>9}{:>10}{:>9}{:>9}{:>9}{:>9}{:>9}{:>8}\n",
            self.points,
            super::made_up::WIDTH,
            "",
            "points/s",
            "µs CPU",
            "again/s",
            "µs CPU",
            "p50 ms",
            "p99 ms",
            "filtered",
            "p99 ms",
            "recall"
        );
        for trial in &self.trials {
            let (first, second) = (&trial.first, &trial.second);
            let _ = writeln!(
                text,
                "{:<31}{:>10.0}{:>9.1}{:>10.0}{:>9.1}{:>9.2}{:>9.2}{:>9.2}{:>9.2}{:>8.3}",
                trial.name,
                first.per_second(),
                first.cpu_micros(),
                second.per_second(),
                second.cpu_micros(),
                trial.search.p50,
                trial.search.p99,
                trial.filtered.p50,
                trial.filtered.p99,
                trial.recall
            );
        }
        for (name, why) in &self.absent {
            let _ = writeln!(text, "{name:<31}{why}");
        }
        let verdict = |met: bool| if met { "met" } else { "NOT met" };
        for trial in &self.trials {
            let _ = writeln!(
                text,
                "{}: upserted twice {} points are there, {} of them written again (bar: {} and 0, {}); a backfill killed \
                 half-way embedded {} in all (bar: {}, {})",
                trial.name,
                trial.points,
                trial.written_again,
                self.points,
                verdict(self.is_idempotent(trial)),
                trial.embedded,
                self.points,
                verdict(trial.embedded == self.points)
            );
        }
        let _ = write!(
            text,
            "recall@10 (bar: ≥ {RECALL_BAR}): {}",
            verdict(self.all(|trial| trial.recall >= RECALL_BAR))
        );
        text
    }
}
