//! How much to claim: a pure rule.

use std::time::Duration;

/// How fast the lane's calls go through jobs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// A mean that forgets; `None` until a call ended.
    seconds_per_job: Option<f64>,
}

impl Pace {
    /// Jobs are claimed ahead for this long, so that the places are not empty while the store is asked.
    const HORIZON: Duration = Duration::from_millis(20);

    /// Learns from a call.
    pub fn observe(&mut self, jobs: usize, took: Duration) {
        let sample = took.as_secs_f64().max(1e-7) / jobs.max(1) as f64;
        let mean = self.seconds_per_job.map_or(sample, |mean| mean + (sample - mean) / 4.0);
        self.seconds_per_job = Some(mean);
    }

    /// Forgets: nothing is claimed ahead until another call has ended.
    pub fn forget(&mut self) {
        self.seconds_per_job = None;
    }

    /// How many jobs to hold beyond what free places take: none for long jobs, at most `most`.
    pub fn ahead(&self, places: usize, most: usize) -> usize {
        let Some(seconds) = self.seconds_per_job else { return 0 };
        ((Self::HORIZON.as_secs_f64() * places as f64 / seconds) as usize).min(most)
    }
}

/// What decides how many jobs to ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    /// Calls that could start.
    pub free: usize,
    /// Calls that the jobs at hand make.
    pub calls_at_hand: usize,
    /// Jobs at hand.
    pub jobs_at_hand: usize,
    /// Claimed jobs that make a call.
    pub jobs_per_call: f64,
    /// Jobs to hold beyond the free places.
    pub ahead: usize,
    /// Most jobs of one claim.
    pub most: usize,
}

impl Demand {
    /// Jobs to ask for; zero is not worth a call of the store.
    pub fn jobs(&self) -> usize {
        let missing = self.free.saturating_sub(self.calls_at_hand);
        let needed = (missing as f64 * self.jobs_per_call).ceil() as usize;
        let spare = self.jobs_at_hand.saturating_sub((self.free as f64 * self.jobs_per_call) as usize);
        let ahead = self.ahead.saturating_sub(spare);
        if missing == 0 && ahead * 2 < self.ahead {
            return 0;
        }
        (needed + ahead).min(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::{Demand, Pace};
    use proptest::prelude::*;
    use std::time::Duration;

    const IDLE: Demand =
        Demand { free: 4, calls_at_hand: 0, jobs_at_hand: 0, jobs_per_call: 1.0, ahead: 0, most: 500 };

    #[test]
    fn free_places_times_batch_size_are_asked_for() {
        assert_eq!(IDLE.jobs(), 4);
        assert_eq!(Demand { jobs_per_call: 64.0, ..IDLE }.jobs(), 256);
    }

    #[test]
    fn what_is_at_hand_is_not_asked_for_again() {
        assert_eq!(Demand { calls_at_hand: 3, jobs_at_hand: 3, ..IDLE }.jobs(), 1);
        assert_eq!(Demand { calls_at_hand: 4, jobs_at_hand: 4, ..IDLE }.jobs(), 0);
    }

    #[test]
    fn long_jobs_are_not_claimed_ahead_and_short_ones_are() {
        let mut pace = Pace::default();
        assert_eq!(pace.ahead(8, 500), 0);
        pace.observe(1, Duration::from_secs(2));
        assert_eq!(pace.ahead(8, 500), 0);
        pace = Pace::default();
        pace.observe(100, Duration::from_millis(1));
        assert_eq!(pace.ahead(8, 500), 500);
        pace.forget();
        assert_eq!(pace.ahead(8, 500), 0);
    }

    #[test]
    fn a_nearly_full_stock_is_not_topped_up_job_by_job() {
        let busy = Demand { free: 0, ahead: 100, ..IDLE };
        assert_eq!(Demand { jobs_at_hand: 60, calls_at_hand: 60, ..busy }.jobs(), 0);
        assert_eq!(Demand { jobs_at_hand: 40, calls_at_hand: 40, ..busy }.jobs(), 60);
    }

    proptest! {
        #[test]
        fn a_free_place_without_a_call_always_asks(
            free in 1_usize..100, jobs_per_call in 1.0_f64..500.0, ahead in 0_usize..500, most in 1_usize..500,
        ) {
            let demand = Demand { free, calls_at_hand: free - 1, jobs_at_hand: free - 1, jobs_per_call, ahead, most };
            prop_assert!(demand.jobs() >= 1 && demand.jobs() <= most);
        }
    }
}
