//! From what the cache counts to metrics.

use backstock_cache::{KindStatistics, Statistics, WarmUp};
use backstock_telemetry::{Metrics, catalogue as of};

/// Takes over all counters of the cache and its latest warm-up.
pub fn feed(metrics: &Metrics, statistics: &Statistics, warm_up: Option<WarmUp>) {
    for (kind, counted) in statistics.iter() {
        let content = kind.name();
        for (answer, number) in answers(counted) {
            metrics.counter(&of::CACHE_LOOKUPS, &[content, answer]).raise_to(number);
        }
        for (event, number) in [
            ("loaded", counted.loads.saturating_sub(counted.load_errors)),
            ("load_failed", counted.load_errors),
            ("renewed", counted.renewals),
            ("inserted", counted.inserts),
            ("evicted", counted.evictions),
            ("invalidated", counted.invalidations),
        ] {
            metrics.counter(&of::CACHE_EVENTS, &[content, event]).raise_to(number);
        }
        metrics.gauge(&of::CACHE_ENTRIES, &[content]).set(counted.entries as f64);
        metrics.gauge(&of::CACHE_BYTES, &[content]).set(counted.bytes as f64);
    }
    metrics.counter(&of::CACHE_LEVEL2_FAILURES, &["error"]).raise_to(statistics.level2_errors);
    metrics.counter(&of::CACHE_LEVEL2_FAILURES, &["away"]).raise_to(statistics.level2_skipped);
    let Some(warm_up) = warm_up else { return };
    metrics.gauge(&of::CACHE_WARMED, &[]).set(warm_up.report.warmed as f64);
    metrics.clear(&of::CACHE_HIT_RATE);
    for (basis, rate) in [("expected", warm_up.expected_hit_rate), ("measured", warm_up.measured_hit_rate)] {
        if let Some(rate) = rate {
            metrics.gauge(&of::CACHE_HIT_RATE, &[basis]).set(rate);
        }
    }
}

/// Every look-up under one answer. Counters of one kind may be a moment apart.
fn answers(counted: &KindStatistics) -> [(&'static str, u64); 5] {
    let KindStatistics { hits, stale_hits, waits, misses, level2_hits, .. } = *counted;
    [
        ("level1", hits.saturating_sub(stale_hits + waits)),
        ("stale", stale_hits),
        ("waited", waits),
        ("level2", level2_hits),
        ("nobody", misses.saturating_sub(level2_hits)),
    ]
}

/// One of everything, for the test that no metric is forgotten.
#[cfg(test)]
pub fn feed_sample(metrics: &Metrics) {
    use backstock_cache::{StopReason, WarmReport};
    let report =
        WarmReport { warmed: 1, from_level2: 0, bytes: 9, skipped: 0, stopped: StopReason::Finished };
    let warm_up = WarmUp { report, expected_hit_rate: Some(0.5), lookups: 4, measured_hit_rate: Some(0.75) };
    feed(metrics, &Statistics::default(), Some(warm_up));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lookup_has_one_answer() {
        let counted = KindStatistics {
            hits: 10,
            stale_hits: 2,
            waits: 3,
            misses: 7,
            level2_hits: 4,
            ..KindStatistics::default()
        };
        let answers = answers(&counted);
        assert_eq!(answers.map(|(_, number)| number), [5, 2, 3, 4, 3]);
        assert_eq!(answers.iter().map(|(_, number)| number).sum::<u64>(), 17);
    }

    #[test]
    fn rates_stand_beside_each_other() {
        let metrics = Metrics::default();
        feed_sample(&metrics);
        let text = metrics.render();
        for line in [
            "backstock_cache_hit_ratio{basis=\"expected\"} 0.5",
            "backstock_cache_hit_ratio{basis=\"measured\"} 0.75",
            "backstock_cache_lookups_total{content=\"product\",answer=\"level1\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
