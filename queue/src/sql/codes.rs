//! How states, scopes and flags are written in the file. Never renumber.

use crate::{JobState, UniqueScope};
use std::time::Duration;

pub(super) const AVAILABLE: i64 = 1;
pub(super) const RUNNING: i64 = 2;

/// The number of a state; the partial indexes of the schema name these numbers.
pub(super) const fn state_code(state: JobState) -> i64 {
    match state {
        JobState::Scheduled => 0,
        JobState::Available => AVAILABLE,
        JobState::Running => RUNNING,
        JobState::Retryable => 3,
        JobState::Completed => 4,
        JobState::Cancelled => 5,
        JobState::Discarded => 6,
        JobState::Quarantined => 7,
    }
}

/// The state of a number; `None` when a damaged file holds another.
pub(super) fn state_of(code: i64) -> Option<JobState> {
    JobState::ALL.into_iter().find(|state| state_code(*state) == code)
}

/// Special cases of a job, so that ordinary jobs never pay for them.
pub(super) mod flag {
    /// Holds, or held, a unique key.
    pub(crate) const HOLDS: i64 = 1;
    /// The key is given up at the first start.
    pub(crate) const UNTIL_STARTED: i64 = 2;
    /// A request waits for its end, in `once_more`.
    pub(crate) const ONCE_MORE: i64 = 4;
    /// Somebody asked its worker to stop.
    pub(crate) const CANCEL: i64 = 8;
    /// Takes a slot of its key while it runs; `job_slot` names this number.
    pub(crate) const SLOT: i64 = 16;
    /// Its fairness key is the empty text, stored as none.
    pub(crate) const EMPTY_KEY: i64 = 32;
}

const UNTIL_DONE: i64 = -1;
const UNTIL_STARTED: i64 = -2;

/// The number of a scope: its milliseconds, or a negative name.
pub(super) fn scope_code(scope: UniqueScope) -> i64 {
    match scope {
        UniqueScope::UntilDone => UNTIL_DONE,
        UniqueScope::UntilStarted => UNTIL_STARTED,
        UniqueScope::For(time) => i64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX),
    }
}

/// The scope of a number.
pub(super) fn scope_of(code: i64) -> UniqueScope {
    match code {
        UNTIL_DONE => UniqueScope::UntilDone,
        UNTIL_STARTED => UniqueScope::UntilStarted,
        millis => UniqueScope::For(Duration::from_millis(millis.unsigned_abs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_scope_reads_back() {
        for state in JobState::ALL {
            assert_eq!(state_of(state_code(state)), Some(state));
        }
        for scope in
            [UniqueScope::UntilDone, UniqueScope::UntilStarted, UniqueScope::For(Duration::from_secs(7))]
        {
            assert_eq!(scope_of(scope_code(scope)), scope);
        }
        assert_eq!(state_of(8), None);
    }
}
