//! What happens to one job, as pure rules shared by every store: settlement, rescue, unique conflicts, replay.

use crate::{JobState, OnConflict, Outcome, Timestamp};

/// [`crate::JobRecord::last_error`] of a job somebody cancelled.
pub const CANCELLED: &str = "cancelled on request";
/// [`crate::JobRecord::last_error`] of a job that was not started in time.
pub const EXPIRED: &str = "expired before it started";

/// A job that leaves the hands of its worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// Its state from now on.
    pub state: JobState,
    /// When it is due; unchanged where its old place is kept.
    pub due_at: Timestamp,
    /// Whether one more attempt ended in an error.
    pub burns_attempt: bool,
    /// Whether one more worker died holding it.
    pub counts_crash: bool,
    /// New [`crate::JobRecord::last_error`]; `None` keeps the old one.
    pub error: Option<String>,
}

/// What is known of a running job when it is settled or rescued.
#[derive(Clone, Copy, Debug)]
pub struct Running {
    /// When it was due.
    pub due_at: Timestamp,
    /// Whether somebody asked to cancel it: then it ends instead of waiting again.
    pub cancel_requested: bool,
}

impl Running {
    /// After `outcome` at `now`.
    pub fn settled(self, outcome: &Outcome, now: Timestamp) -> After {
        let (state, due_at, burns_attempt, error) = match outcome {
            Outcome::Complete => (JobState::Completed, self.due_at, false, None),
            Outcome::Retry { delay, error } => {
                let due_at = now.plus(*delay);
                (again(due_at, now), due_at, true, Some(error.clone()))
            }
            Outcome::Snooze { delay } => (again(now.plus(*delay), now), now.plus(*delay), false, None),
            Outcome::Discard { error } => (JobState::Discarded, self.due_at, true, Some(error.clone())),
            Outcome::Cancel { reason } => (JobState::Cancelled, self.due_at, false, Some(reason.clone())),
            Outcome::HandBack => (JobState::Available, self.due_at, false, None),
        };
        self.unless_cancelled(After { state, due_at, burns_attempt, counts_crash: false, error })
    }

    /// After its worker died or its lease ended (`lost`), or its worker said goodbye without it. `crashes` were
    /// counted before.
    pub fn rescued(self, lost: bool, crashes: u32, max_crashes: u32) -> After {
        let crashes = crashes.saturating_add(u32::from(lost));
        let quarantined = lost && crashes >= max_crashes;
        let after = After {
            state: if quarantined { JobState::Quarantined } else { JobState::Available },
            due_at: self.due_at,
            burns_attempt: false,
            counts_crash: lost,
            error: quarantined.then(|| format!("its worker died or lost it {crashes} times")),
        };
        self.unless_cancelled(after)
    }

    fn unless_cancelled(self, after: After) -> After {
        if !self.cancel_requested || after.state.is_final() {
            return after;
        }
        let error = Some(CANCELLED.to_owned());
        After { state: JobState::Cancelled, due_at: self.due_at, error, ..after }
    }
}

/// The state of a job that has not run and is due at `due_at`.
pub fn waiting(due_at: Timestamp, now: Timestamp) -> JobState {
    if due_at <= now { JobState::Available } else { JobState::Scheduled }
}

/// The state of a job that has run and is due again at `due_at`.
fn again(due_at: Timestamp, now: Timestamp) -> JobState {
    if due_at <= now { JobState::Available } else { JobState::Retryable }
}

/// What becomes of a request whose unique key is held by a job in state `holder`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The holder stands for it: [`crate::Enqueued::Ignored`].
    Ignore,
    /// The holder takes over its content: [`crate::Enqueued::Replaced`].
    Replace,
    /// It is kept (in place of an earlier one) and enqueued by the ordinary rules once the holder is in a final
    /// state and its key is free: [`crate::Enqueued::RunOnceMore`].
    RunOnceMore,
}

/// The rule of unique conflicts. A holder that is expired must be cancelled before (its key is free then).
pub fn conflict(holder: JobState, on_conflict: OnConflict) -> Conflict {
    match on_conflict {
        OnConflict::Replace if holder != JobState::Running && !holder.is_final() => Conflict::Replace,
        OnConflict::RunOnceMore if holder == JobState::Running => Conflict::RunOnceMore,
        _ => Conflict::Ignore,
    }
}

/// When a waiting holder due at `held` is due after a request for `run_at` replaced it. "At once" keeps its old place
/// when it is due already, so that a stream of requests cannot push it back for ever.
pub fn replaced_due_at(held: Timestamp, run_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
    run_at.map_or_else(|| held.min(now), |run_at| run_at.max(now))
}

/// When the `index`-th job of one replay (from zero) is due; at most `per_second` in any second.
pub fn replayed_due_at(now: Timestamp, index: usize, per_second: Option<u32>) -> Timestamp {
    per_second.map_or(now, |rate| {
        let millis = (index as u64).saturating_mul(1000) / u64::from(rate.max(1));
        now.plus(std::time::Duration::from_millis(millis))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp(1_000);
    const DUE: Timestamp = Timestamp(900);

    fn running(cancel_requested: bool) -> Running {
        Running { due_at: DUE, cancel_requested }
    }

    #[test]
    fn only_errors_burn_attempts() {
        let delay = Duration::from_millis(5);
        let error = String::from("no");
        for (outcome, burns) in [
            (Outcome::Complete, false),
            (Outcome::Retry { delay, error: error.clone() }, true),
            (Outcome::Snooze { delay }, false),
            (Outcome::Discard { error: error.clone() }, true),
            (Outcome::Cancel { reason: error }, false),
            (Outcome::HandBack, false),
        ] {
            assert_eq!(running(false).settled(&outcome, NOW).burns_attempt, burns, "{outcome:?}");
        }
    }

    #[test]
    fn a_retry_waits_and_a_hand_back_keeps_its_place() {
        let retry = Outcome::Retry { delay: Duration::from_millis(5), error: "no".into() };
        let after = running(false).settled(&retry, NOW);
        assert_eq!((after.state, after.due_at), (JobState::Retryable, Timestamp(1_005)));
        let after = running(false).settled(&Outcome::HandBack, NOW);
        assert_eq!((after.state, after.due_at), (JobState::Available, DUE));
    }

    #[test]
    fn a_job_asked_to_stop_never_waits_again() {
        let retry = Outcome::Retry { delay: Duration::ZERO, error: "no".into() };
        for outcome in [retry, Outcome::Snooze { delay: Duration::ZERO }, Outcome::HandBack] {
            assert_eq!(running(true).settled(&outcome, NOW).state, JobState::Cancelled);
        }
        assert_eq!(running(true).settled(&Outcome::Complete, NOW).state, JobState::Completed);
        assert_eq!(running(true).rescued(true, 0, 3).state, JobState::Cancelled);
    }

    #[test]
    fn the_last_allowed_crash_quarantines_and_a_goodbye_does_not() {
        assert_eq!(running(false).rescued(true, 1, 3).state, JobState::Available);
        assert_eq!(running(false).rescued(true, 2, 3).state, JobState::Quarantined);
        assert_eq!(running(false).rescued(false, 9, 3).state, JobState::Available);
    }

    #[test]
    fn a_replay_never_exceeds_its_rate_in_any_second() {
        let due: Vec<_> = (0..50).map(|index| replayed_due_at(NOW, index, Some(7)).0).collect();
        for start in &due {
            assert!(due.iter().filter(|due| (*start..*start + 1000).contains(due)).count() <= 7);
        }
        assert_eq!(replayed_due_at(NOW, 49, None), NOW);
    }
}
