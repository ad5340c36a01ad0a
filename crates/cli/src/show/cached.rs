//! What the caches of the processes did, summed up from their metrics files.

use super::{Table, count};
use backstock_telemetry::{Sample, catalogue as of};
use serde::Serialize;
use std::collections::BTreeMap;

/// Sums over processes.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Cached {
    /// By what entries hold.
    pub contents: BTreeMap<String, Content>,
    /// Calls of the second level that failed (`error`) or were not made (`away`).
    pub level2_failures: BTreeMap<String, u64>,
    /// Entries added by the latest warm-ups.
    pub warmed: u64,
    /// Hit rate for products that warm-ups expected, mean of the processes.
    pub expected_hit_rate: Option<f64>,
    /// Hit rate for products measured since, mean of the processes that were asked.
    pub measured_hit_rate: Option<f64>,
    #[serde(skip)]
    rates: BTreeMap<String, Vec<f64>>,
}

/// What entries of one kind went through.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Content {
    /// Look-ups by who answered.
    pub lookups: BTreeMap<String, u64>,
    /// What else happened to its entries.
    pub events: BTreeMap<String, u64>,
    /// Entries of the process that has most.
    pub entries: u64,
    /// Bytes of the process that has most.
    pub bytes: u64,
}

impl Content {
    /// Share of look-ups that level 1 answered; none before the first.
    fn hit_rate(&self) -> Option<f64> {
        let all: u64 = self.lookups.values().sum();
        let of = |answer: &str| self.lookups.get(answer).copied().unwrap_or(0);
        (all > 0).then(|| (of("level1") + of("stale") + of("waited")) as f64 / all as f64)
    }

    fn was_used(&self) -> bool {
        self.entries > 0 || self.lookups.values().chain(self.events.values()).any(|number| *number > 0)
    }

    fn row(&self, name: &str) -> [String; 13] {
        let lookups = |answer: &str| count(self.lookups.get(answer).copied().unwrap_or(0));
        let events = |event: &str| count(self.events.get(event).copied().unwrap_or(0));
        [
            name.to_owned(),
            self.hit_rate().map_or_else(|| "-".into(), percent),
            lookups("level1"),
            lookups("stale"),
            lookups("waited"),
            lookups("level2"),
            lookups("nobody"),
            events("loaded"),
            events("load_failed"),
            events("renewed"),
            events("evicted"),
            count(self.entries),
            count(self.bytes.div_ceil(1024)),
        ]
    }
}

const HEADS: [&str; 13] = [
    "CACHE",
    ">HIT RATE",
    ">LEVEL 1",
    ">STALE",
    ">WAITED",
    ">LEVEL 2",
    ">NOBODY",
    ">LOADED",
    ">FAILED",
    ">RENEWED",
    ">EVICTED",
    ">ENTRIES",
    ">KIB",
];

impl Cached {
    /// Adds a sample; false when it says nothing of caches.
    pub fn add(&mut self, sample: &Sample) -> bool {
        let number = sample.value as u64;
        let name = sample.name.as_str();
        let label = |name: &str| sample.label(name).to_owned();
        if name == of::CACHE_LEVEL2_FAILURES.0.name {
            *self.level2_failures.entry(label("reason")).or_default() += number;
        } else if name == of::CACHE_WARMED.0.name {
            self.warmed += number;
        } else if name == of::CACHE_HIT_RATE.0.name {
            self.rates.entry(label("basis")).or_default().push(sample.value);
        } else if name == of::CACHE_LOOKUPS.0.name {
            *self.content(sample).lookups.entry(label("answer")).or_default() += number;
        } else if name == of::CACHE_EVENTS.0.name {
            *self.content(sample).events.entry(label("event")).or_default() += number;
        } else if name == of::CACHE_ENTRIES.0.name {
            let entries = &mut self.content(sample).entries;
            *entries = number.max(*entries);
        } else if name == of::CACHE_BYTES.0.name {
            let bytes = &mut self.content(sample).bytes;
            *bytes = number.max(*bytes);
        } else {
            return false;
        }
        true
    }

    fn content(&mut self, sample: &Sample) -> &mut Content {
        self.contents.entry(sample.label("content").to_owned()).or_default()
    }

    /// After the last sample.
    pub fn finish(&mut self) {
        let mean =
            |rates: Option<&Vec<f64>>| rates.map(|rates| rates.iter().sum::<f64>() / rates.len() as f64);
        self.expected_hit_rate = mean(self.rates.get("expected"));
        self.measured_hit_rate = mean(self.rates.get("measured"));
    }

    /// For people; nothing where no cache was used.
    pub fn lines(&self) -> Vec<String> {
        let mut table = Table::new(&HEADS);
        let mut is_used = false;
        for (name, content) in self.contents.iter().filter(|(_, content)| content.was_used()) {
            is_used = true;
            table.row(content.row(name));
        }
        if !is_used {
            return Vec::new();
        }
        let mut lines = vec![format!("\n{table}")];
        if self.warmed > 0 {
            let rate = |rate: Option<f64>| rate.map_or_else(|| "unknown".into(), percent);
            lines.push(format!(
                "warmed: {} entries; hit rate for products expected {}, measured since {}",
                count(self.warmed),
                rate(self.expected_hit_rate),
                rate(self.measured_hit_rate)
            ));
        }
        let of = |reason: &str| self.level2_failures.get(reason).copied().unwrap_or(0);
        if of("error") + of("away") > 0 {
            let (failed, skipped) = (count(of("error")), count(of("away")));
            lines.push(format!(
                "second cache level: {failed} calls failed, {skipped} were not made because it was away"
            ));
        }
        lines
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use backstock_telemetry::Metrics;

    fn samples(level1: u64, entries: f64, expected: f64) -> Vec<Sample> {
        let metrics = Metrics::default();
        metrics.counter(&of::CACHE_LOOKUPS, &["product", "level1"]).add(level1);
        metrics.counter(&of::CACHE_LOOKUPS, &["product", "nobody"]).add(1);
        metrics.counter(&of::CACHE_EVENTS, &["product", "evicted"]).add(4);
        metrics.counter(&of::CACHE_LEVEL2_FAILURES, &["away"]).add(5);
        metrics.gauge(&of::CACHE_ENTRIES, &["product"]).set(entries);
        metrics.gauge(&of::CACHE_BYTES, &["product"]).set(entries * 1024.0);
        metrics.gauge(&of::CACHE_ENTRIES, &["view"]).set(0.0);
        metrics.gauge(&of::CACHE_WARMED, &[]).set(2.0);
        metrics.gauge(&of::CACHE_HIT_RATE, &["expected"]).set(expected);
        Sample::parse(&metrics.render()).unwrap()
    }

    #[test]
    fn what_the_caches_of_several_processes_did_is_summed_up() {
        let mut cached = Cached::default();
        for sample in samples(3, 7.0, 0.5).iter().chain(&samples(5, 2.0, 0.7)) {
            assert!(cached.add(sample));
        }
        cached.finish();
        let product = &cached.contents["product"];
        assert_eq!((product.lookups["level1"], product.lookups["nobody"], product.entries), (8, 2, 7));
        assert_eq!((cached.warmed, cached.measured_hit_rate), (4, None));
        assert!((cached.expected_hit_rate.unwrap() - 0.6).abs() < 1e-9);
        let text = cached.lines().join("\n");
        assert!(
            text.contains("80.0 %") && text.contains("expected 60.0 %, measured since unknown"),
            "{text}"
        );
        assert!(text.contains("10 were not made") && !text.contains("view"), "{text}");
    }

    #[test]
    fn a_cache_that_nobody_used_is_not_shown() {
        let mut cached = Cached::default();
        let metrics = Metrics::default();
        metrics.gauge(&of::CACHE_ENTRIES, &["product"]).set(0.0);
        Sample::parse(&metrics.render()).unwrap().iter().for_each(|sample| assert!(cached.add(sample)));
        assert!(cached.lines().is_empty());
    }
}
