//! When a materialized view is refreshed, and within which limits. Pure: what is known goes in, what to do comes out.

use std::time::Duration;

/// Share of the time that refreshes of one view may take.
const DUTY: f64 = 0.05;
/// Not more often than this, however cheap.
const AT_LEAST: Duration = Duration::from_secs(10);
/// Not more seldom than this, however dear: once it is stale.
const AT_MOST: Duration = Duration::from_hours(6);
/// Weight of the newest measurement in the smoothed cost.
const NEWEST: f64 = 0.3;

/// What is known of the refreshes of a view.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    /// State of what it reads when the last refresh began.
    pub(super) mark: i64,
    /// Smoothed cost; zero before the first success.
    pub(super) cost: Duration,
    /// When the last try ended, in milliseconds since the Unix epoch.
    pub(super) finished_ms: i64,
    /// Failures since the last success.
    pub(super) failures: u32,
    /// Why the last try failed.
    pub(super) last_error: Option<String>,
}

/// How long a refresh may wait for its lock and how long it may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) lock: Duration,
    pub(super) statement: Duration,
}

/// Limits from the smoothed cost.
///
/// A refresh may take four times what it took, a minute at least, an hour where nothing is known; after each failure twice
/// as long, lest a view that has grown fail for ever. It may wait for its lock as long as it takes itself: beside its readers
/// it disturbs nobody meanwhile, but a plain one stops every reader that comes after it, so that waits a quarter of it and
/// never long.
pub(super) fn limits(run: Option<&Run>, concurrently: bool) -> Limits {
    let cost = run.map_or(Duration::ZERO, |run| run.cost);
    let failures = run.map_or(0, |run| run.failures);
    let statement =
        if cost.is_zero() { Duration::from_hours(1) } else { (cost * 4).max(Duration::from_mins(1)) };
    let statement = statement.saturating_mul(1 << failures.min(12)).min(AT_MOST);
    let lock = if concurrently {
        cost.clamp(Duration::from_secs(5), Duration::from_mins(1))
    } else {
        (cost / 4).clamp(Duration::from_millis(500), Duration::from_secs(5))
    };
    Limits { lock, statement }
}

/// The smoothed cost after one more measurement.
pub(super) fn smoothed(known: Option<Duration>, measured: Duration) -> Duration {
    match known {
        Some(known) if !known.is_zero() => known.mul_f64(1.0 - NEWEST) + measured.mul_f64(NEWEST),
        _ => measured,
    }
}

/// When the next refresh is due, in milliseconds since the Unix epoch: so that refreshes take [`DUTY`] of the time at
/// most, and after failures each time twice as late.
pub(super) fn next_due_ms(run: &Run) -> i64 {
    let pause = run.cost.mul_f64(1.0 / DUTY - 1.0).clamp(AT_LEAST, AT_MOST);
    let pause = pause.saturating_mul(1 << run.failures.min(12)).min(AT_MOST);
    run.finished_ms.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX))
}

/// For each of `nodes` how many steps it lies above those that read no other: views of one level do not read each other.
/// A node that reads itself in the end (which a database does not allow) gets the highest level.
pub(super) fn levels(nodes: &[i64], reads: impl Fn(i64) -> Vec<i64>) -> Vec<u32> {
    let mut levels = vec![0_u32; nodes.len()];
    for _ in 0..nodes.len() {
        let mut settled = true;
        for (at, node) in nodes.iter().enumerate() {
            let below = reads(*node).into_iter().filter_map(|read| nodes.iter().position(|n| *n == read));
            let level = below.map(|at| levels[at] + 1).max().unwrap_or(0).min(nodes.len() as u32);
            settled &= level == levels[at];
            levels[at] = level;
        }
        if settled {
            break;
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(cost: Duration, failures: u32) -> Run {
        Run { mark: 0, cost, finished_ms: 1_000, failures, last_error: None }
    }

    #[test]
    fn a_dear_view_is_refreshed_more_seldom() {
        assert_eq!(next_due_ms(&run(Duration::from_millis(5), 0)), 11_000);
        assert_eq!(next_due_ms(&run(Duration::from_secs(10), 0)), 191_000);
        assert_eq!(next_due_ms(&run(Duration::from_hours(9), 0)), 1_000 + 6 * 3_600_000);
    }

    #[test]
    fn a_failing_view_is_tried_less_and_less_often() {
        assert_eq!(next_due_ms(&run(Duration::ZERO, 1)), 21_000);
        assert_eq!(next_due_ms(&run(Duration::ZERO, 3)), 81_000);
        assert_eq!(next_due_ms(&run(Duration::ZERO, 400)), 1_000 + 6 * 3_600_000);
    }

    #[test]
    fn limits_follow_the_cost_and_spare_readers() {
        let of = |cost, failures, concurrently| {
            let limits = limits(Some(&run(Duration::from_secs(cost), failures)), concurrently);
            (limits.statement.as_secs(), limits.lock.as_millis())
        };
        assert_eq!(of(30, 0, true), (120, 30_000));
        assert_eq!(of(1, 0, true), (60, 5_000));
        assert_eq!(of(900, 0, true), (3_600, 60_000));
        assert_eq!(of(1, 0, false), (60, 500));
        assert_eq!(of(10, 0, false), (60, 2_500));
        assert_eq!(of(900, 0, false), (3_600, 5_000));
        assert_eq!(of(30, 2, true).0, 480, "what ran out of time gets more");
        assert_eq!(of(30, 99, true).0, AT_MOST.as_secs());
        assert_eq!(limits(None, false).statement, Duration::from_hours(1));
        let smooth = smoothed(Some(Duration::from_secs(10)), Duration::from_secs(20));
        assert_eq!(smooth, Duration::from_secs(13));
        assert_eq!(smoothed(None, Duration::from_secs(20)), Duration::from_secs(20));
    }

    #[test]
    fn a_view_stands_above_all_that_it_reads() {
        let reads = |node: i64| match node {
            1 => vec![2, 3],
            2 => vec![3, 99],
            _ => vec![],
        };
        assert_eq!(levels(&[1, 2, 3, 4], reads), [2, 1, 0, 0]);
        assert_eq!(levels(&[5, 6], |node| vec![11 - node]).len(), 2);
    }
}
