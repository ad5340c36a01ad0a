//! Every metric of the product. What is not listed in [`ALL`] cannot be measured.

/// A metric with its labels; a metric has one series for each combination of label values.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// `backstock_…`, with the unit, counters with `_total` at the end.
    pub name: &'static str,
    /// Of its values.
    pub unit: Unit,
    /// One sentence for operators.
    pub help: &'static str,
    /// Names of the labels, in the order in which values are given.
    pub labels: &'static [&'static str],
}

/// Unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things; the name says which.
    Count,
    /// Seconds. Counters and histograms count whole milliseconds and show seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share, 0 to 1.
    Ratio,
}

/// Only grows.
#[derive(Debug)]
pub struct Counters(pub Family);
/// Goes up and down.
#[derive(Debug)]
pub struct Gauges(pub Family);
/// Durations by bucket ([`BUCKETS_MS`]).
#[derive(Debug)]
pub struct Histograms(pub Family);

/// Upper bounds of the buckets of every histogram, in milliseconds; the same as those of the worker pool.
pub const BUCKETS_MS: [u64; 15] =
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 60_000, 600_000];

const fn count(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Family {
    Family { name, unit: Unit::Count, help, labels }
}

const fn seconds(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Family {
    Family { name, unit: Unit::Seconds, help, labels }
}

const fn bytes(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Family {
    Family { name, unit: Unit::Bytes, help, labels }
}

const fn ratio(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Family {
    Family { name, unit: Unit::Ratio, help, labels }
}

/// Jobs in the store.
pub static JOBS: Gauges =
    Gauges(count("backstock_jobs", "Jobs in the store, by state.", &["queue", "state"]));
/// How late a queue is.
pub static LATENESS: Gauges = Gauges(seconds(
    "backstock_queue_lateness_seconds",
    "How long the oldest due job has waited.",
    &["queue"],
));
/// Queues that are paused.
pub static PAUSED: Gauges =
    Gauges(count("backstock_queue_paused", "1 while the queue is paused.", &["queue"]));
/// Live workers.
pub static WORKERS: Gauges = Gauges(count("backstock_workers", "Workers that are alive.", &[]));
/// Leadership of this process.
pub static LEADS: Gauges =
    Gauges(count("backstock_scheduler_leads", "1 while the scheduler of this process leads.", &[]));

/// Jobs taken back.
pub static RESCUED: Counters = Counters(count(
    "backstock_jobs_rescued_total",
    "Jobs taken back from dead workers and ended leases.",
    &[],
));
/// Jobs whose workers keep dying.
pub static QUARANTINED: Counters = Counters(count(
    "backstock_jobs_quarantined_total",
    "Jobs quarantined because their workers keep dying.",
    &[],
));
/// Workers found dead.
pub static DEAD_WORKERS: Counters =
    Counters(count("backstock_workers_died_total", "Workers found dead.", &[]));
/// Jobs made available.
pub static PROMOTED: Counters =
    Counters(count("backstock_jobs_promoted_total", "Jobs made available when they were due.", &[]));
/// Jobs deleted.
pub static PRUNED: Counters =
    Counters(count("backstock_jobs_pruned_total", "Finished jobs deleted beyond the retention.", &[]));

/// Jobs leased by this process.
pub static CLAIMED: Counters =
    Counters(count("backstock_jobs_claimed_total", "Jobs leased by this process.", &["queue"]));
/// Jobs settled by this process.
pub static SETTLED: Counters = Counters(count(
    "backstock_jobs_settled_total",
    "Jobs of this process by what became of them.",
    &["queue", "outcome"],
));
/// From due to started.
pub static PICKUP: Histograms =
    Histograms(seconds("backstock_job_pickup_seconds", "Time from due to started.", &["queue"]));
/// Calls that run.
pub static RUNNING: Gauges =
    Gauges(count("backstock_calls_running", "Handler calls that run in this process.", &["queue"]));
/// Jobs that wait in this process.
pub static WAITING: Gauges =
    Gauges(count("backstock_jobs_waiting", "Jobs this process has leased and not yet started.", &["queue"]));
/// Settlements under way.
pub static UNSENT: Gauges =
    Gauges(count("backstock_settlements_unsent", "Settlements the store has not confirmed yet.", &["queue"]));

/// Present batch size.
pub static BATCH_LIMIT: Gauges =
    Gauges(count("backstock_batch_limit", "Jobs one call may get now.", &["queue", "kind"]));
/// Why batches stopped growing.
pub static BATCH_STOPS: Counters = Counters(count(
    "backstock_batch_stops_total",
    "Batches by the reason why they stopped growing.",
    &["queue", "kind", "reason"],
));
/// Handler calls.
pub static CALLS: Counters =
    Counters(count("backstock_calls_total", "Handler calls that ended.", &["queue", "kind"]));
/// Jobs in handler calls.
pub static CALL_JOBS: Counters =
    Counters(count("backstock_call_jobs_total", "Jobs in handler calls that ended.", &["queue", "kind"]));
/// Jobs that failed.
pub static FAILURES: Counters = Counters(count(
    "backstock_job_failures_total",
    "Jobs in handler calls that ended in an error.",
    &["queue", "kind"],
));

/// Time in handler calls. The counter counts milliseconds.
pub static CALL_TIME: Counters = Counters(seconds(
    "backstock_call_seconds_total",
    "Time spent in handler calls that ended.",
    &["queue", "kind"],
));

/// Look-ups in the cache.
pub static CACHE_LOOKUPS: Counters = Counters(count(
    "backstock_cache_lookups_total",
    "Look-ups in the cache by who answered: level1, stale, waited, level2 or nobody.",
    &["content", "answer"],
));
/// What the cache did besides answering.
pub static CACHE_EVENTS: Counters = Counters(count(
    "backstock_cache_events_total",
    "What the cache did: loaded, load_failed, renewed, inserted, evicted, invalidated.",
    &["content", "event"],
));
/// Calls of the second level that brought nothing.
pub static CACHE_LEVEL2_FAILURES: Counters = Counters(count(
    "backstock_cache_second_level_failures_total",
    "Calls of the second cache level that failed, or were not made because it was away.",
    &["reason"],
));
/// Entries of level 1.
pub static CACHE_ENTRIES: Gauges =
    Gauges(count("backstock_cache_entries", "Entries of the first cache level.", &["content"]));
/// Their size.
pub static CACHE_BYTES: Gauges =
    Gauges(bytes("backstock_cache_bytes", "Memory of the entries of the first cache level.", &["content"]));
/// Entries of the latest warm-up.
pub static CACHE_WARMED: Gauges =
    Gauges(count("backstock_cache_warmed", "Entries added by the latest warm-up of this process.", &[]));
/// Hit rates around the latest warm-up.
pub static CACHE_HIT_RATE: Gauges = Gauges(ratio(
    "backstock_cache_hit_ratio",
    "Hit rate for products: expected by the latest warm-up, and measured since.",
    &["basis"],
));

/// All metrics.
pub static ALL: [&Family; 29] = [
    &JOBS.0,
    &LATENESS.0,
    &PAUSED.0,
    &WORKERS.0,
    &LEADS.0,
    &RESCUED.0,
    &QUARANTINED.0,
    &DEAD_WORKERS.0,
    &PROMOTED.0,
    &PRUNED.0,
    &CLAIMED.0,
    &SETTLED.0,
    &PICKUP.0,
    &RUNNING.0,
    &WAITING.0,
    &UNSENT.0,
    &BATCH_LIMIT.0,
    &BATCH_STOPS.0,
    &CALLS.0,
    &CALL_JOBS.0,
    &FAILURES.0,
    &CALL_TIME.0,
    &CACHE_LOOKUPS.0,
    &CACHE_EVENTS.0,
    &CACHE_LEVEL2_FAILURES.0,
    &CACHE_ENTRIES.0,
    &CACHE_BYTES.0,
    &CACHE_WARMED.0,
    &CACHE_HIT_RATE.0,
];

#[cfg(test)]
mod tests {
    use super::{ALL, Unit};
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_say_their_unit_and_are_listed_with_help() {
        let names: BTreeSet<_> = ALL.iter().map(|family| family.name).collect();
        assert_eq!(names.len(), ALL.len());
        for family in ALL {
            let parts = std::iter::once(&family.name).chain(family.labels);
            for part in parts {
                assert!(part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{part}");
            }
            assert!(family.name.starts_with("backstock_"), "{}", family.name);
            for (ending, unit) in
                [("_seconds", Unit::Seconds), ("_bytes", Unit::Bytes), ("_ratio", Unit::Ratio)]
            {
                let says = family.name.trim_end_matches("_total").ends_with(ending);
                assert_eq!(says, family.unit == unit, "{}", family.name);
            }
            assert!(family.help.ends_with('.') && !family.help.contains(['\n', '\\']), "{}", family.name);
        }
    }

    #[test]
    fn every_metric_of_this_file_is_listed() {
        let declared =
            include_str!("catalogue.rs").lines().filter(|line| line.starts_with("pub static ")).count();
        assert_eq!(declared, ALL.len() + 1);
    }
}
