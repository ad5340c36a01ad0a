//! All series of a process.

use crate::catalogue::{Counters, Family, Gauges, Histograms};
use crate::value::{Counter, Gauge, Histogram};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The series of a process. Getting one takes a lock, using it does not: keep what you get.
#[derive(Debug, Default)]
pub struct Metrics {
    tables: Mutex<Tables>,
    /// Labels of every series.
    common: Vec<(&'static str, String)>,
}

#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub counters: Table<Counter>,
    pub gauges: Table<Gauge>,
    pub histograms: Table<Histogram>,
}

/// By metric name, then by label values.
pub(crate) type Table<T> = BTreeMap<&'static str, (&'static Family, BTreeMap<Vec<String>, T>)>;

impl Metrics {
    /// Most series of one metric. Further label values share one series, whose labels all read `other`: label values
    /// may come from data, and must not fill the memory.
    pub const MAX_SERIES: usize = 1000;

    /// Whose series all carry these labels besides their own: several processes that are scraped as one (files in one
    /// folder) must not show the same series.
    pub fn labelled(common: &[(&'static str, &str)]) -> Self {
        let common = common.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { tables: Mutex::default(), common }
    }

    /// The counter of `metric` with these label values. Missing values are empty, further ones are ignored.
    pub fn counter(&self, metric: &'static Counters, labels: &[&str]) -> Counter {
        series(&mut self.lock().counters, &metric.0, labels)
    }

    /// The gauge of `metric` with these label values, as for [`Metrics::counter`].
    pub fn gauge(&self, metric: &'static Gauges, labels: &[&str]) -> Gauge {
        series(&mut self.lock().gauges, &metric.0, labels)
    }

    /// The histogram of `metric` with these label values, as for [`Metrics::counter`].
    pub fn histogram(&self, metric: &'static Histograms, labels: &[&str]) -> Histogram {
        series(&mut self.lock().histograms, &metric.0, labels)
    }

    /// Drops the series of a gauge before new ones are set, so that what is gone is not shown for ever.
    pub fn clear(&self, metric: &'static Gauges) {
        self.lock().gauges.remove(metric.0.name);
    }

    /// All series that were ever asked for, in the Prometheus text format (version 0.0.4), by name and labels.
    pub fn render(&self) -> String {
        crate::render::render(&self.lock(), &self.common)
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn series<T: Clone + Default>(table: &mut Table<T>, family: &'static Family, labels: &[&str]) -> T {
    let (_, series) = table.entry(family.name).or_insert_with(|| (family, BTreeMap::new()));
    let values = |index: usize| labels.get(index).copied().unwrap_or_default().to_owned();
    let mut key: Vec<String> = (0..family.labels.len()).map(values).collect();
    if series.len() >= Metrics::MAX_SERIES && !series.contains_key(&key) {
        key.fill("other".into());
    }
    series.entry(key).or_default().clone()
}

#[cfg(test)]
mod tests {
    use super::Metrics;
    use crate::catalogue::{CALL_TIME, CLAIMED, JOBS, LATENESS, PICKUP, WORKERS};
    use std::time::Duration;

    #[test]
    fn series_are_rendered_as_prometheus_text() {
        let metrics = Metrics::default();
        metrics.counter(&CLAIMED, &["import"]).add(2);
        metrics.counter(&CLAIMED, &["import"]).add(3);
        metrics.counter(&CLAIMED, &["a\"b\\c\nd"]).raise_to(7);
        metrics.gauge(&WORKERS, &[]).set(2.0);
        metrics.gauge(&LATENESS, &["import"]).set(0.25);
        let expected = r#"# HELP backstock_jobs_claimed_total Jobs leased by this process.
# TYPE backstock_jobs_claimed_total counter
backstock_jobs_claimed_total{queue="a\"b\\c\nd"} 7
backstock_jobs_claimed_total{queue="import"} 5
# HELP backstock_queue_lateness_seconds How long the oldest due job has waited.
# TYPE backstock_queue_lateness_seconds gauge
backstock_queue_lateness_seconds{queue="import"} 0.25
# HELP backstock_workers Workers that are alive.
# TYPE backstock_workers gauge
backstock_workers 2
"#;
        assert_eq!(metrics.render(), expected);
    }

    #[test]
    fn common_labels_stand_in_every_series_and_counted_milliseconds_are_shown_as_seconds() {
        let metrics = Metrics::labelled(&[("worker", "w\"1")]);
        metrics.gauge(&WORKERS, &[]).set(1.0);
        metrics.counter(&CALL_TIME, &["q", "k"]).raise_to(1_250);
        metrics.histogram(&PICKUP, &["q"]).record(Duration::ZERO);
        let text = metrics.render();
        assert!(text.contains("backstock_workers{worker=\"w\\\"1\"} 1\n"), "{text}");
        let time = "backstock_call_seconds_total{queue=\"q\",kind=\"k\",worker=\"w\\\"1\"} 1.25\n";
        assert!(text.contains(time), "{text}");
        assert!(text.contains("_bucket{queue=\"q\",worker=\"w\\\"1\",le=\"0.001\"} 1\n"), "{text}");
    }

    #[test]
    fn buckets_are_cumulative_and_in_seconds() {
        let metrics = Metrics::default();
        let pickup = metrics.histogram(&PICKUP, &["q"]);
        for millis in [0, 1, 2, 1_500, 700_000] {
            pickup.record(Duration::from_millis(millis));
        }
        let text = metrics.render();
        for (bound, count) in [("0.001", 2), ("0.002", 3), ("1", 3), ("2", 4), ("600", 4), ("+Inf", 5)] {
            let line = format!("backstock_job_pickup_seconds_bucket{{queue=\"q\",le=\"{bound}\"}} {count}\n");
            assert!(text.contains(&line), "{line} in {text}");
        }
        assert!(text.contains("backstock_job_pickup_seconds_sum{queue=\"q\"} 701.503\n"), "{text}");
        assert!(text.contains("backstock_job_pickup_seconds_count{queue=\"q\"} 5\n"), "{text}");
        pickup.take_over(&[4, 1], 9);
        assert!(metrics.render().contains("backstock_job_pickup_seconds_count{queue=\"q\"} 5\n"));
        assert!(metrics.render().contains("le=\"0.001\"} 4\n"));
    }

    #[test]
    fn label_values_beyond_the_limit_share_one_series() {
        let metrics = Metrics::default();
        for queue in 0..Metrics::MAX_SERIES + 500 {
            metrics.counter(&CLAIMED, &[&queue.to_string()]).add(1);
        }
        let text = metrics.render();
        assert_eq!(text.lines().count(), Metrics::MAX_SERIES + 1 + 2);
        assert!(text.contains("{queue=\"other\"} 500\n"));
    }

    #[test]
    fn a_cleared_gauge_shows_only_what_was_set_since() {
        let metrics = Metrics::default();
        metrics.gauge(&JOBS, &["old", "running"]).set(1.0);
        metrics.clear(&JOBS);
        metrics.gauge(&JOBS, &["new", "running"]).set(1.0);
        assert!(!metrics.render().contains("old") && metrics.render().contains("new"));
    }
}
