//! How much to claim: a pure rule.

use std::time::Duration;

/// How fast the lane's calls go through jobs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// A mean that forgets; `None` until a call ended.
    seconds_per_job: Option<f64>,
    /// How long the store takes to answer: a mean that forgets.
    seconds_per_turn: f64,
}

impl Pace {
    /// Jobs are claimed ahead for twice as long as the store takes to answer and this, so that the places are not empty
    /// while it is asked…
    const MARGIN: f64 = 0.000_5;
    /// …but not for longer than this: what is claimed ahead waits here while others could run it.
    const HORIZON: f64 = 0.020;

    /// Learns from a call.
    pub fn observe(&mut self, jobs: usize, took: Duration) {
        let sample = took.as_secs_f64().max(1e-7) / jobs.max(1) as f64;
        let mean = self.seconds_per_job.map_or(sample, |mean| mean + (sample - mean) / 4.0);
        self.seconds_per_job = Some(mean);
    }

    /// Learns how long the store took to answer.
    pub fn talked(&mut self, took: Duration) {
        self.seconds_per_turn += (took.as_secs_f64() - self.seconds_per_turn) / 8.0;
    }

    /// Forgets: nothing is claimed ahead until another call has ended.
    pub fn forget(&mut self) {
        self.seconds_per_job = None;
    }

    /// How many jobs to hold beyond what free places take: none for long jobs, at most `most`.
    pub fn ahead(&self, places: usize, most: usize) -> usize {
        let Some(seconds) = self.seconds_per_job else { return 0 };
        let horizon = (2.0 * self.seconds_per_turn + Self::MARGIN).min(Self::HORIZON);
        ((horizon * places as f64 / seconds) as usize).min(most)
    }
}

/// What decides how many jobs to ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    /// Calls that may run at a time.
    pub places: usize,
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
    /// There may be jobs more urgent than those at hand.
    pub urgent: bool,
}

impl Demand {
    /// Jobs to ask for; zero is not worth a call of the store.
    pub fn jobs(&self) -> usize {
        let missing = self.free.saturating_sub(self.calls_at_hand);
        let needed = (missing as f64 * self.jobs_per_call).ceil() as usize;
        let spare = self.jobs_at_hand.saturating_sub((self.free as f64 * self.jobs_per_call) as usize);
        let ahead = self.ahead.saturating_sub(spare);
        let stocked = self.ahead > 0 && self.jobs_at_hand > 0;
        if self.urgent && stocked && self.jobs_at_hand < self.ahead + 4 * self.places {
            // Even with a full stock; what comes and is no more urgent makes it a little larger.
            return (needed + ahead).max(self.places).min(self.most);
        }
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

    const IDLE: Demand = Demand {
        places: 4,
        free: 4,
        calls_at_hand: 0,
        jobs_at_hand: 0,
        jobs_per_call: 1.0,
        ahead: 0,
        most: 500,
        urgent: false,
    };

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
        pace.observe(1000, Duration::from_millis(1));
        assert_eq!(pace.ahead(8, 500), 500);
        pace.forget();
        assert_eq!(pace.ahead(8, 500), 0);
    }

    #[test]
    fn the_stock_lasts_while_a_slow_store_is_asked_and_is_small_at_a_fast_one() {
        let mut pace = Pace::default();
        pace.observe(1, Duration::from_millis(1));
        assert_eq!(pace.ahead(10, 500), 5);
        for _ in 0..100 {
            pace.talked(Duration::from_millis(4));
        }
        assert_eq!(pace.ahead(10, 500), 84);
        for _ in 0..100 {
            pace.talked(Duration::from_secs(4));
        }
        assert_eq!(pace.ahead(10, 500), 200, "20 ms at most");
    }

    #[test]
    fn urgent_jobs_are_asked_for_even_with_a_full_stock_but_not_for_ever() {
        let stocked = Demand { free: 0, ahead: 5, jobs_at_hand: 5, calls_at_hand: 5, urgent: true, ..IDLE };
        assert_eq!(stocked.jobs(), 4);
        assert_eq!(Demand { urgent: false, ..stocked }.jobs(), 0);
        assert_eq!(Demand { jobs_at_hand: 21, calls_at_hand: 21, ..stocked }.jobs(), 0);
        assert_eq!(Demand { ahead: 0, jobs_at_hand: 0, calls_at_hand: 0, ..stocked }.jobs(), 0, "long jobs");
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
            let demand = Demand {
                free, calls_at_hand: free - 1, jobs_at_hand: free - 1, jobs_per_call, ahead, most, ..IDLE
            };
            prop_assert!(demand.jobs() >= 1 && demand.jobs() <= most);
        }
    }
}
