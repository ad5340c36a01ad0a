//! What the processes of a data folder measured, summed up from their metrics files.

use super::cached::Cached;
use super::{Table, count, duration};
use backstock_telemetry::{MetricsFile, Sample, catalogue as of};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// Sums over processes.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Measured {
    /// Files that were read.
    pub processes: u64,
    /// Since the newest was written, in seconds.
    pub age_seconds: Option<f64>,
    /// Files that were written by something else, or cut off.
    pub unreadable: Vec<String>,
    /// Jobs taken back from dead workers and ended leases.
    pub rescued: u64,
    /// By queue.
    pub queues: BTreeMap<String, Lane>,
    /// By queue and kind.
    pub kinds: Vec<Kind>,
    /// What their caches did.
    pub cache: Cached,
}

/// One queue.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Lane {
    /// Jobs leased.
    pub claimed: u64,
    /// Jobs by what became of them.
    pub settled: BTreeMap<String, u64>,
    /// Half of the jobs were started within this many seconds after they were due; `None` above the last bucket.
    pub pickup_p50_seconds: Option<f64>,
    /// 99 of 100.
    pub pickup_p99_seconds: Option<f64>,
    #[serde(skip)]
    buckets: Buckets,
}

/// Jobs up to each bound in milliseconds; the last has none.
type Buckets = BTreeMap<u64, u64>;

/// One kind.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Kind {
    /// Its queue.
    pub queue: String,
    /// The kind.
    #[serde(rename = "kind")]
    pub name: String,
    /// Handler calls that ended.
    pub calls: u64,
    /// Jobs in them.
    pub jobs: u64,
    /// Of these, ended in an error.
    pub failures: u64,
    /// Time spent in them.
    pub seconds: f64,
    /// Jobs one call may get now: the largest of the processes.
    pub batch_limit: u64,
    /// Batches by the reason why they stopped growing.
    pub stops: BTreeMap<String, u64>,
}

impl Measured {
    /// Sums up `files`, seen at `now`.
    pub fn of(files: &[MetricsFile], now: SystemTime) -> Self {
        let mut sums = Self::default();
        let mut kinds: BTreeMap<(String, String), Kind> = BTreeMap::new();
        for file in files {
            let Ok(samples) = Sample::parse(&file.text) else {
                sums.unreadable.push(file.name.clone());
                continue;
            };
            sums.processes += 1;
            for sample in &samples {
                sums.add(sample, &mut kinds);
            }
        }
        for lane in sums.queues.values_mut() {
            lane.pickup_p50_seconds = quantile(&lane.buckets, 0.5);
            lane.pickup_p99_seconds = quantile(&lane.buckets, 0.99);
        }
        let newest = files.iter().map(|file| file.written).max();
        sums.age_seconds = newest.map(|at| now.duration_since(at).unwrap_or_default().as_secs_f64());
        sums.cache.finish();
        sums.kinds = kinds.into_values().filter(|kind| kind.calls > 0).collect();
        sums
    }

    fn add(&mut self, sample: &Sample, kinds: &mut BTreeMap<(String, String), Kind>) {
        if self.cache.add(sample) {
            return;
        }
        let number = sample.value as u64;
        let name = sample.name.as_str();
        let queue = sample.label("queue");
        if name == of::RESCUED.0.name {
            self.rescued += number;
        } else if name == of::CLAIMED.0.name {
            self.lane(queue).claimed += number;
        } else if name == of::SETTLED.0.name {
            *self.lane(queue).settled.entry(sample.label("outcome").to_owned()).or_default() += number;
        } else if name.strip_suffix("_bucket") == Some(of::PICKUP.0.name) {
            let bound =
                sample.label("le").parse().map_or(u64::MAX, |bound: f64| (bound * 1000.0).round() as u64);
            *self.lane(queue).buckets.entry(bound).or_default() += number;
        } else if sample.labels.contains_key("kind") {
            let key = (queue.to_owned(), sample.label("kind").to_owned());
            let kind = kinds.entry(key).or_insert_with_key(|(queue, name)| Kind {
                queue: queue.clone(),
                name: name.clone(),
                ..Kind::default()
            });
            kind.add(sample, number);
        }
    }

    fn lane(&mut self, queue: &str) -> &mut Lane {
        self.queues.entry(queue.to_owned()).or_default()
    }

    /// For people.
    pub fn lines(&self) -> Vec<String> {
        if self.processes == 0 {
            return Vec::new();
        }
        let age = self.age_seconds.map_or_else(String::new, |age| {
            format!(", last {} ago", duration(Duration::try_from_secs_f64(age).unwrap_or_default()))
        });
        let mut lines = vec![format!("measured by {} of the last hour{age}:", processes(self.processes))];
        lines.push(self.lanes().to_string());
        if !self.kinds.is_empty() {
            lines.push(format!("\n{}", self.handlers()));
        }
        if self.rescued > 0 {
            lines.push(format!("\njobs taken back from dead workers: {}", count(self.rescued)));
        }
        lines.extend(self.cache.lines());
        lines
    }

    fn lanes(&self) -> Table {
        let heads = [
            "QUEUE",
            ">CLAIMED",
            ">COMPLETED",
            ">RETRIED",
            ">SNOOZED",
            ">DEAD",
            ">CANCELLED",
            ">HANDED BACK",
            ">LOST",
            ">PICKUP P50",
            ">P99",
        ];
        let mut table = Table::new(&heads);
        for (name, lane) in self.queues.iter().filter(|(_, lane)| lane.claimed > 0) {
            let of = |outcome: &str| count(lane.settled.get(outcome).copied().unwrap_or(0));
            table.row([
                name.clone(),
                count(lane.claimed),
                of("completed"),
                of("retried"),
                of("snoozed"),
                of("discarded"),
                of("cancelled"),
                of("handed_back"),
                of("lost"),
                within(lane.pickup_p50_seconds),
                within(lane.pickup_p99_seconds),
            ]);
        }
        table
    }

    fn handlers(&self) -> Table {
        let heads = [
            "HANDLER",
            ">CALLS",
            ">JOBS",
            ">FAILED",
            ">A CALL",
            ">JOBS/S",
            ">BATCH LIMIT",
            "STOPPED GROWING",
        ];
        let mut table = Table::new(&heads);
        for kind in &self.kinds {
            let each = Duration::try_from_secs_f64(kind.seconds / kind.calls.max(1) as f64);
            let rate = if kind.seconds > 0.0 { kind.jobs as f64 / kind.seconds } else { 0.0 };
            let mut stops: Vec<_> = kind.stops.iter().filter(|(_, batches)| **batches > 0).collect();
            stops.sort_by_key(|(_, batches)| std::cmp::Reverse(**batches));
            let stops = stops.iter().map(|(reason, batches)| format!("{reason} {}", count(**batches)));
            table.row([
                kind.name.clone(),
                count(kind.calls),
                count(kind.jobs),
                count(kind.failures),
                millis(each.unwrap_or_default()),
                if rate > 0.0 { count(rate as u64) } else { "-".into() },
                count(kind.batch_limit),
                stops.collect::<Vec<_>>().join(", "),
            ]);
        }
        table
    }
}

impl Kind {
    fn add(&mut self, sample: &Sample, number: u64) {
        let name = sample.name.as_str();
        if name == of::CALLS.0.name {
            self.calls += number;
        } else if name == of::CALL_JOBS.0.name {
            self.jobs += number;
        } else if name == of::FAILURES.0.name {
            self.failures += number;
        } else if name == of::CALL_TIME.0.name {
            self.seconds += sample.value;
        } else if name == of::BATCH_LIMIT.0.name {
            self.batch_limit = self.batch_limit.max(number);
        } else if name == of::BATCH_STOPS.0.name {
            *self.stops.entry(sample.label("reason").to_owned()).or_default() += number;
        }
    }
}

/// The bound of the cumulative bucket that holds this share of all; `None` for nothing, and above the last bound.
fn quantile(buckets: &Buckets, share: f64) -> Option<f64> {
    let all = buckets.values().copied().max().filter(|jobs| *jobs > 0)?;
    let wanted = (all as f64 * share).ceil() as u64;
    let (bound, _) = buckets.iter().find(|(_, jobs)| **jobs >= wanted)?;
    (*bound < u64::MAX).then(|| *bound as f64 / 1000.0)
}

fn within(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".into(), |seconds| format!("≤{}", millis(Duration::from_secs_f64(seconds))))
}

fn millis(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 0.01 => format!("{:.1} ms", seconds * 1000.0),
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1000.0),
        _ => duration(time),
    }
}

fn processes(number: u64) -> String {
    if number == 1 { "1 process".into() } else { format!("{} processes", count(number)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backstock_telemetry::Metrics;

    fn file(name: &str, completed: u64, pickups_ms: &[u64]) -> MetricsFile {
        let metrics = Metrics::labelled(&[("worker", name)]);
        metrics.counter(&of::CLAIMED, &["images"]).add(completed + 1);
        metrics.counter(&of::SETTLED, &["images", "completed"]).add(completed);
        metrics.counter(&of::SETTLED, &["images", "discarded"]).add(1);
        metrics.counter(&of::RESCUED, &[]).add(2);
        metrics.counter(&of::CALLS, &["images", "cut"]).add(2);
        metrics.counter(&of::CALL_JOBS, &["images", "cut"]).add(completed);
        metrics.counter(&of::CALL_TIME, &["images", "cut"]).add(500);
        metrics.gauge(&of::BATCH_LIMIT, &["images", "cut"]).set(completed as f64);
        metrics.counter(&of::BATCH_STOPS, &["images", "cut", "queue_empty"]).add(1);
        for pickup in pickups_ms {
            metrics.histogram(&of::PICKUP, &["images"]).record(Duration::from_millis(*pickup));
        }
        MetricsFile { name: name.into(), written: SystemTime::UNIX_EPOCH, text: metrics.render() }
    }

    #[test]
    fn what_several_processes_measured_is_summed_up() {
        let broken = MetricsFile { name: "c".into(), written: SystemTime::UNIX_EPOCH, text: "x".into() };
        let files = [file("a", 10, &[1, 1, 1]), file("b", 32, &[4]), broken];
        let sums = Measured::of(&files, SystemTime::UNIX_EPOCH + Duration::from_secs(3));
        assert_eq!((sums.processes, sums.rescued, sums.age_seconds), (2, 4, Some(3.0)));
        assert_eq!(sums.unreadable, ["c"]);
        let lane = &sums.queues["images"];
        assert_eq!((lane.claimed, lane.settled["completed"], lane.settled["discarded"]), (44, 42, 2));
        assert_eq!((lane.pickup_p50_seconds, lane.pickup_p99_seconds), (Some(0.001), Some(0.005)));
        let kind = &sums.kinds[0];
        assert_eq!((kind.calls, kind.jobs, kind.batch_limit, kind.stops["queue_empty"]), (4, 42, 32, 2));
        assert!((kind.seconds - 1.0).abs() < 1e-9);
        let text = sums.lines().join("\n");
        assert!(
            text.starts_with("measured by 2 processes of the last hour, last 3.00 s ago:\nQUEUE"),
            "{text}"
        );
        assert!(
            text.contains("250 ms") && text.contains("queue_empty 2") && text.contains("≤5.0 ms"),
            "{text}"
        );
    }

    #[test]
    fn nothing_measured_is_not_shown() {
        assert!(Measured::of(&[], SystemTime::UNIX_EPOCH).lines().is_empty());
    }
}
