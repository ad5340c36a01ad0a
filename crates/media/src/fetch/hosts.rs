//! What is known of each host: how many requests run, how often it failed, until when it is left alone.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Failures in a row after which a host is left alone.
const PATIENCE: u32 = 5;
/// How long at first; twice as long each further time.
const FIRST_REST: Duration = Duration::from_secs(30);
/// The longest.
const LONGEST_REST: Duration = Duration::from_mins(10);

/// One circuit breaker and one gate a host. Closed: requests pass. Open: they do not, until the rest is over; then one
/// goes ahead, and its success closes the breaker, its failure opens it for longer.
#[derive(Debug)]
pub(super) struct Hosts {
    most_at_once: usize,
    states: Mutex<HashMap<String, State>>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    waiting: usize,
    failures: u32,
    resting_until: Option<Instant>,
}

/// How a request ended, as far as its host is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The host answered.
    Well,
    /// It did not, or said that it is unwell.
    Badly,
    /// It asked to be left alone for so long.
    Asked(Duration),
}

impl Hosts {
    pub(super) fn new(most_at_once: usize) -> Self {
        Self { most_at_once: most_at_once.max(1), states: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits for a free place; [`Hosts::leave`] must follow.
    ///
    /// # Errors
    /// How long the host is still left alone.
    pub(super) fn enter(&self, host: &str, now: impl Fn() -> Instant) -> Result<(), Duration> {
        let mut states = self.lock();
        states.entry(host.to_owned()).or_default().waiting += 1;
        loop {
            let state = states.entry(host.to_owned()).or_default();
            if let Some(rest) = state.resting_until.and_then(|until| until.checked_duration_since(now()))
                && !rest.is_zero()
            {
                state.waiting -= 1;
                return Err(rest);
            }
            // Behind a rest, one goes ahead.
            let places = if state.failures >= PATIENCE { 1 } else { self.most_at_once };
            if state.running < places {
                state.waiting -= 1;
                state.running += 1;
                return Ok(());
            }
            states = self.changed.wait(states).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends what [`Hosts::enter`] began. Returns how long the host is left alone, if it asked for it.
    pub(super) fn leave(&self, host: &str, ended: Ended, now: Instant) -> Option<Duration> {
        let mut states = self.lock();
        let state = states.entry(host.to_owned()).or_default();
        state.running = state.running.saturating_sub(1);
        let rest = match ended {
            Ended::Well => {
                (state.failures, state.resting_until) = (0, None);
                None
            }
            Ended::Badly => {
                state.failures = state.failures.saturating_add(1);
                let times = state.failures.checked_sub(PATIENCE);
                times.map(|times| FIRST_REST.saturating_mul(1 << times.min(10)).min(LONGEST_REST))
            }
            Ended::Asked(wait) => Some(wait.min(LONGEST_REST)),
        };
        if let Some(rest) = rest {
            state.resting_until = now.checked_add(rest);
        }
        if state.running == 0 && state.waiting == 0 && state.failures == 0 && state.resting_until.is_none() {
            states.remove(host);
        }
        drop(states);
        self.changed.notify_all();
        if let Ended::Asked(_) = ended { rest } else { None }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn fail(hosts: &Hosts, times: u32, now: Instant) {
        for _ in 0..times {
            hosts.enter("h", || now).unwrap();
            hosts.leave("h", Ended::Badly, now);
        }
    }

    #[test]
    fn a_host_that_keeps_failing_is_left_alone_for_longer_and_longer() {
        let (hosts, start) = (Hosts::new(2), Instant::now());
        fail(&hosts, PATIENCE - 1, start);
        assert_eq!(hosts.enter("h", || start), Ok(()), "once more");
        hosts.leave("h", Ended::Badly, start);
        assert_eq!(hosts.enter("h", || start), Err(FIRST_REST));
        assert_eq!(hosts.enter("other", || start), Ok(()), "others are not concerned");
        let later = start + FIRST_REST;
        fail(&hosts, 1, later);
        assert_eq!(hosts.enter("h", || later), Err(2 * FIRST_REST));
        fail(&hosts, 1, later + 2 * FIRST_REST);
        for turn in 0..20 {
            fail(&hosts, 1, later + turn * LONGEST_REST + Duration::from_mins(5));
        }
    }

    #[test]
    fn one_success_forgives_everything() {
        let (hosts, start) = (Hosts::new(2), Instant::now());
        fail(&hosts, PATIENCE, start);
        let later = start + FIRST_REST;
        hosts.enter("h", || later).unwrap();
        hosts.leave("h", Ended::Well, later);
        fail(&hosts, PATIENCE - 1, later);
        assert_eq!(hosts.enter("h", || later), Ok(()));
    }

    #[test]
    fn who_asks_for_peace_gets_it_but_not_for_ever() {
        let (hosts, now) = (Hosts::new(2), Instant::now());
        hosts.enter("h", || now).unwrap();
        let week = Duration::from_hours(24 * 7);
        assert_eq!(hosts.leave("h", Ended::Asked(week), now), Some(LONGEST_REST));
        assert_eq!(hosts.enter("h", || now), Err(LONGEST_REST));
    }

    #[test]
    fn no_more_than_allowed_run_at_once_and_nothing_is_kept_of_good_hosts() {
        let (hosts, running, most) = (Hosts::new(2), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        hosts.enter("h", Instant::now).unwrap();
                        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        running.fetch_sub(1, Ordering::SeqCst);
                        hosts.leave("h", Ended::Well, Instant::now());
                    }
                });
            }
        });
        assert!(most.into_inner() <= 2);
        assert!(hosts.states.lock().unwrap().is_empty());
    }
}
