//! The pure rule from the number of an attempt to the next delay.

use std::time::Duration;

/// Exponential backoff with full jitter: a delay drawn uniformly from zero to `min(cap, base * factor^(attempt - 1))`.
///
/// Source of the rule: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included; 1 means no retry. Default 8.
    pub max_attempts: u32,
    /// Ceiling of the first delay. Default 1 s.
    pub base: Duration,
    /// Growth of the ceiling from one attempt to the next. Default 2.
    pub factor: u32,
    /// Highest ceiling. Default 10 minutes.
    pub cap: Duration,
}

impl RetryPolicy {
    /// 8 attempts, ceilings 1 s, 2 s, 4 s … up to 10 minutes.
    pub const DEFAULT: Self =
        Self { max_attempts: 8, base: Duration::from_secs(1), factor: 2, cap: Duration::from_mins(10) };
    /// One attempt.
    pub const NEVER: Self = Self { max_attempts: 1, base: Duration::ZERO, factor: 1, cap: Duration::ZERO };

    /// Whether a job whose `attempt`-th attempt (from 1) failed gets another.
    pub const fn allows_another(&self, attempt: u32) -> bool {
        attempt < self.max_attempts
    }

    /// The longest delay after the `attempt`-th attempt (from 1).
    pub fn ceiling(&self, attempt: u32) -> Duration {
        let growth = self.factor.checked_pow(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.base.checked_mul(growth).map_or(self.cap, |delay| delay.min(self.cap))
    }

    /// The delay after the `attempt`-th attempt: the share `draw / 2^64` of the ceiling, in whole milliseconds.
    ///
    /// ```
    /// # use backstock_queue::RetryPolicy;
    /// # use std::time::Duration;
    /// let policy = RetryPolicy::DEFAULT;
    /// assert_eq!(policy.delay(3, u64::MAX / 2), Duration::from_millis(1999));
    /// assert!(policy.delay(30, u64::MAX) <= policy.cap);
    /// ```
    pub fn delay(&self, attempt: u32, draw: u64) -> Duration {
        let ceiling = self.ceiling(attempt).as_millis();
        let share = (ceiling * u128::from(draw)) >> 64;
        Duration::from_millis(u64::try_from(share).unwrap_or(u64::MAX))
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}
