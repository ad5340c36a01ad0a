//! What the book says about each job.

use super::{Entry, Kill};
use std::collections::{HashMap, HashSet};

/// The runs of all jobs.
#[derive(Debug, Default)]
pub struct Runs {
    /// Beginnings of each job, in the order of the book.
    begun: HashMap<u32, Vec<Entry>>,
    /// When each job was run to the end.
    ended: HashMap<u32, Vec<i64>>,
    /// Job and process of the runs that came to their end.
    complete: HashSet<(u32, u32)>,
}

impl Runs {
    pub fn of(entries: &[Entry]) -> Self {
        let mut runs = Self::default();
        for entry in entries {
            if entry.end {
                runs.ended.entry(entry.job).or_default().push(entry.at);
                runs.complete.insert((entry.job, entry.pid));
            } else {
                runs.begun.entry(entry.job).or_default().push(*entry);
            }
        }
        runs
    }

    /// Jobs that somebody ran to the end.
    pub fn ended(&self) -> usize {
        self.ended.len()
    }

    pub fn begun_twice(&self) -> usize {
        self.begun.values().filter(|runs| runs.len() > 1).count()
    }

    pub fn ended_twice(&self) -> usize {
        self.ended.values().filter(|ends| ends.len() > 1).count()
    }

    /// Jobs that ended, and began again after one of `moments`.
    pub fn ended_before_and_again(&self, moments: &[i64]) -> usize {
        let across = |(job, ends): &(&u32, &Vec<i64>)| {
            let (Some(end), Some(again)) = (ends.first(), self.begun[job].last()) else { return false };
            ends.len() > 1 && moments.iter().any(|moment| (*end..again.at).contains(moment))
        };
        self.ended.iter().filter(across).count()
    }

    /// When so many `processes` had begun a job since `moment`: all are at work again.
    pub fn at_work_again(&self, moment: i64, processes: usize) -> i64 {
        let mut first: HashMap<u32, i64> = HashMap::new();
        for run in self.begun.values().flatten().filter(|run| run.at > moment) {
            let at = first.entry(run.pid).or_insert(run.at);
            *at = run.at.min(*at);
        }
        let mut first: Vec<i64> = first.into_values().collect();
        first.sort_unstable();
        first.get(processes.saturating_sub(1)).copied().unwrap_or(i64::MAX)
    }

    /// Whether a run came to its end.
    pub fn is_complete(&self, run: &Entry) -> bool {
        self.complete.contains(&(run.job, run.pid))
    }

    /// From the kill of a worker until a job that it had begun began again, in milliseconds; of those that `counts`
    /// says yes to, given the run that was cut, the moment of the kill and that of the next run.
    pub fn again_ms(&self, kills: &[Kill], counts: impl Fn(&Entry, i64, i64) -> bool) -> Vec<f64> {
        let killed: HashMap<u32, i64> = kills.iter().map(|kill| (kill.pid, kill.at)).collect();
        let again = |pair: &[Entry]| {
            let [before, after] = pair else { return None };
            let at = *killed.get(&before.pid)?;
            counts(before, at, after.at).then_some((after.at - at) as f64)
        };
        self.begun.values().flat_map(|runs| runs.windows(2)).filter_map(again).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_or_ran_twice_is_counted() {
        let entry = |job, pid, at, end| Entry { job, pid, fence: 1, at, end };
        let runs = Runs::of(&[
            entry(1, 7, 0, false),
            entry(1, 7, 5, true),
            entry(2, 7, 1, false),
            entry(3, 7, 2, false),
            entry(3, 7, 3, true),
            entry(2, 8, 40, false),
            entry(2, 8, 41, true),
            entry(3, 8, 60, false),
            entry(3, 8, 61, true),
        ]);
        assert_eq!((runs.ended(), runs.begun_twice(), runs.ended_twice()), (3, 2, 1));
        let kills = [Kill { pid: 7, at: 10 }];
        let mut all = runs.again_ms(&kills, |_, _, _| true);
        all.sort_by(f64::total_cmp);
        assert_eq!(all, [30.0, 50.0]);
        assert_eq!(runs.again_ms(&kills, |run, _, _| !runs.is_complete(run)), [30.0]);
        assert_eq!([0, 3, 60].map(|moment| runs.ended_before_and_again(&[moment])), [0, 1, 0]);
        assert_eq!([1, 2, 3].map(|processes| runs.at_work_again(0, processes)), [1, 40, i64::MAX]);
    }
}
