//! A rate: so many jobs in so much time.
//!
//! The generic cell rate algorithm (GCRA) of ITU-T Recommendation I.371, as virtual scheduling, in whole microseconds:
//! one number a key, no background refill, and the moment of the next job is known exactly.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

/// At most `jobs` in `per`: that many at once, then one every `per / jobs`. Over any time `t`, at most `jobs` plus one
/// for each `per / jobs` in `t` (so up to twice `jobs` in one `per` that begins with a burst).
///
/// Written `100/s`, `5/10m`, `1/250ms` ([`FromStr`], [`fmt::Display`], serde).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Rate {
    /// How many.
    pub jobs: NonZeroU32,
    /// In how much time; whole milliseconds, from 1 ms to [`Rate::MAX_PER`].
    pub per: Duration,
}

/// Why a rate cannot be.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum RateError {
    /// Not a rate.
    #[error("{0:?} is not a rate; write jobs/time, as in 100/s, 5/10m or 1/250ms (ms, s, m, h or d)")]
    Spelling(String),
    /// The time is out of bounds.
    #[error("the time of a rate is from 1 ms to 31 d, in whole milliseconds, not {0:?}")]
    Per(Duration),
    /// More than one job a microsecond.
    #[error("a rate of {0} is above one job a microsecond: leave it out instead")]
    TooFast(String),
}

/// Theoretical arrival time of a key: when its next job is due if it used its rate evenly; microseconds since the Unix
/// epoch. A key without one, or whose moment has passed, is idle: it has its full burst, and its state may be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tat(pub i64);

impl Tat {
    /// Whether the key is idle at `now`.
    pub const fn is_idle(self, now: Timestamp) -> bool {
        self.0 <= micros(now)
    }
}

impl Rate {
    /// Longest time of a rate.
    pub const MAX_PER: Duration = Duration::from_hours(24 * 31);

    /// Whether it can be kept.
    ///
    /// # Errors
    /// The time is out of bounds, or jobs come faster than one a microsecond.
    pub fn check(&self) -> Result<(), RateError> {
        let whole = self.per.subsec_nanos().is_multiple_of(1_000_000);
        if self.per.is_zero() || self.per > Self::MAX_PER || !whole {
            return Err(RateError::Per(self.per));
        }
        if u128::from(self.jobs.get()) > self.per.as_micros() {
            return Err(RateError::TooFast(self.to_string()));
        }
        Ok(())
    }

    /// Microseconds between two jobs at an even pace, rounded up so that the rate is never exceeded.
    pub fn interval(&self) -> i64 {
        let interval = self.per.as_micros().div_ceil(u128::from(self.jobs.get()));
        i64::try_from(interval).unwrap_or(i64::MAX).max(1)
    }

    /// How far ahead of the even pace a key may be, in microseconds.
    fn tolerance(&self) -> i64 {
        self.interval().saturating_mul(i64::from(self.jobs.get() - 1))
    }

    /// The first moment at which a key in this state may start a job; in the past when it may now.
    pub fn free_at(&self, tat: Tat) -> Timestamp {
        let at = tat.0.saturating_sub(self.tolerance());
        Timestamp(at.div_euclid(1000).saturating_add(i64::from(at.rem_euclid(1000) > 0)))
    }

    /// The latest state in which a key may start a job at `now`.
    pub fn latest(&self, now: Timestamp) -> Tat {
        Tat(micros(now).saturating_add(self.tolerance()))
    }

    /// The state after a job that starts at `now`.
    pub fn start(&self, tat: Option<Tat>, now: Timestamp) -> Tat {
        let from = tat.map_or(micros(now), |tat| tat.0.max(micros(now)));
        Tat(from.saturating_add(self.interval()))
    }
}

const fn micros(at: Timestamp) -> i64 {
    at.0.saturating_mul(1000)
}

/// Units of time, longest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.per.as_millis()).unwrap_or(u64::MAX);
        let fits = |(_, unit): &&(&str, u64)| millis > 0 && millis.is_multiple_of(*unit);
        let (name, unit) = UNITS.iter().find(fits).copied().unwrap_or(("ms", 1));
        match millis / unit {
            1 => write!(f, "{}/{name}", self.jobs),
            count => write!(f, "{}/{count}{name}", self.jobs),
        }
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let wrong = || RateError::Spelling(text.chars().take(40).collect());
        let (jobs, per) = text.split_once('/').ok_or_else(wrong)?;
        let jobs = jobs.trim().parse().map_err(|_| wrong())?;
        let per = per.trim();
        let digits = per.bytes().take_while(u8::is_ascii_digit).count();
        let (count, unit) = per.split_at(digits);
        let count: u64 = if count.is_empty() { 1 } else { count.parse().map_err(|_| wrong())? };
        let unit = UNITS.iter().find(|(name, _)| *name == unit.trim()).ok_or_else(wrong)?.1;
        let rate = Self { jobs, per: Duration::from_millis(count.checked_mul(unit).ok_or_else(wrong)?) };
        rate.check()?;
        Ok(rate)
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

impl TryFrom<String> for Rate {
    type Error = RateError;

    fn try_from(text: String) -> Result<Self, RateError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    /// The moments, in milliseconds, at which a key that always has work starts its jobs when somebody looks every
    /// millisecond.
    fn starts(rate: Rate, until: i64) -> Vec<i64> {
        let mut tat = None;
        let mut starts = Vec::new();
        for now in 0..until {
            while tat.is_none_or(|tat| rate.free_at(tat) <= Timestamp(now)) {
                tat = Some(rate.start(tat, Timestamp(now)));
                starts.push(now);
            }
        }
        starts
    }

    #[test]
    fn a_burst_goes_at_once_and_then_one_at_a_time() {
        assert_eq!(starts(rate("3/30ms"), 45), [0, 0, 0, 10, 20, 30, 40]);
        assert_eq!(starts(rate("1/10ms"), 25), [0, 10, 20]);
    }

    #[test]
    fn an_interval_that_does_not_divide_is_rounded_up() {
        assert_eq!(rate("3/s").interval(), 333_334);
        assert_eq!(starts(rate("3/10ms"), 11), [0, 0, 0, 4, 7]);
    }

    #[test]
    fn who_was_idle_has_the_full_burst_again() {
        let rate = rate("2/20ms");
        let tat = rate.start(Some(rate.start(None, Timestamp(0))), Timestamp(0));
        assert_eq!((rate.free_at(tat), tat.is_idle(Timestamp(19))), (Timestamp(10), false));
        assert!(tat.is_idle(Timestamp(20)));
        assert_eq!(rate.start(Some(tat), Timestamp(20)), rate.start(None, Timestamp(20)));
    }

    #[test]
    fn a_rate_reads_back_as_it_is_written() {
        for (text, written) in [
            ("100/s", "100/s"),
            ("100/1s", "100/s"),
            (" 5 / 600s", "5/10m"),
            ("1/250ms", "1/250ms"),
            ("7/24h", "7/d"),
        ] {
            assert_eq!(rate(text).to_string(), written);
            assert_eq!(rate(written), rate(text));
        }
    }

    #[test]
    fn what_is_not_a_rate_is_refused() {
        for text in [
            "",
            "/",
            "5",
            "0/s",
            "-1/s",
            "5/",
            "5/0s",
            "5/1y",
            "5/s/s",
            "x/s",
            "5/99999999999999999999s",
            "1/32d",
        ] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        assert_eq!("1001/ms".parse::<Rate>(), Err(RateError::TooFast("1001/ms".into())));
        assert_eq!(
            "18446744073709551615/s".parse::<Rate>(),
            Err(RateError::Spelling("18446744073709551615/s".into()))
        );
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let slow = rate("4294967295/31d");
        for now in [Timestamp(i64::MAX), Timestamp(i64::MIN), Timestamp(0)] {
            let tat = slow.start(None, now);
            let _ = (
                slow.start(Some(tat), now),
                slow.free_at(tat),
                slow.free_at(Tat(i64::MIN)),
                tat.is_idle(now),
            );
        }
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_has_more_than_the_burst_and_the_pace(jobs in 1..6_u32, per in 1..40_u64) {
            let rate = Rate { jobs: NonZeroU32::new(jobs).unwrap(), per: Duration::from_millis(per) };
            let starts = starts(rate, 200);
            for (at, from) in starts.iter().enumerate() {
                for (count, to) in starts[at..].iter().enumerate() {
                    let paced = (to - from) * 1000 / rate.interval();
                    prop_assert!(count as i64 <= i64::from(jobs - 1) + paced);
                }
            }
        }

        #[test]
        fn over_long_times_the_rate_is_reached(jobs in 1..6_u32, per in 5..40_u64) {
            let rate = Rate { jobs: NonZeroU32::new(jobs).unwrap(), per: Duration::from_millis(per) };
            let expected = 2_000 * 1000 / rate.interval();
            prop_assert!(starts(rate, 2_000).len() as i64 >= expected);
        }
    }
}
