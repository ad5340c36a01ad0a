//! Which slots are to be fired now. Pure.

use super::schedule::Schedule;
use backstock_queue::Timestamp;
use std::time::Duration;

/// What happens to slots that passed while no scheduler ran. A slot counts as missed when it is older than
/// [`crate::Options::grace`]; younger ones always run, so that a change of leaders loses none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Misfire {
    /// Nothing.
    Skip,
    /// The last of them runs, unless a younger slot stands for it.
    #[default]
    Once,
    /// All of them run, in order.
    All {
        /// Only the latest so many, at most [`Misfire::MAX`].
        max: usize,
        /// Only those at most this old.
        window: Duration,
    },
}

impl Misfire {
    /// Most missed slots that can be made up for.
    pub const MAX: usize = 1000;
}

/// What is to be done about the slots later than a cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// To be fired, in order.
    pub fire: Vec<Timestamp>,
    /// Missed and not to be fired: move the cursor here. Only when nothing is to be fired.
    pub skip_to: Option<Timestamp>,
}

/// The slots in `cursor..=now` that `policy` lets run.
pub(crate) fn due(
    schedule: &Schedule,
    policy: Misfire,
    cursor: Timestamp,
    now: Timestamp,
    grace: Duration,
) -> Due {
    let before_grace = Timestamp(now.minus(grace).as_millis().saturating_sub(1)).max(cursor);
    let mut fire = match policy {
        Misfire::All { max, window } => {
            let oldest = Timestamp(now.minus(window).as_millis().saturating_sub(1));
            latest(schedule, cursor.max(oldest), before_grace, max)
        }
        Misfire::Skip | Misfire::Once => Vec::new(),
    };
    let next = |slot: &Timestamp| schedule.next_after(*slot).filter(|next| *next <= now);
    fire.extend(std::iter::successors(next(&before_grace), next).take(Misfire::MAX));
    if !fire.is_empty() {
        return Due { fire, skip_to: None };
    }
    match (schedule.last_between(cursor, now), policy) {
        (Some(missed), Misfire::Once) => Due { fire: vec![missed], skip_to: None },
        (missed, _) => Due { fire, skip_to: missed },
    }
}

/// The latest `max` slots in `after..=until` (without `after`), in order.
fn latest(schedule: &Schedule, after: Timestamp, until: Timestamp, max: usize) -> Vec<Timestamp> {
    let before = |slot: &Timestamp| schedule.last_between(after, Timestamp(slot.as_millis() - 1));
    let mut slots: Vec<_> = std::iter::successors(schedule.last_between(after, until), before)
        .take(max.min(Misfire::MAX))
        .collect();
    slots.reverse();
    slots
}

#[cfg(test)]
mod tests {
    use super::{Due, Misfire, due};
    use crate::cron::Schedule;
    use backstock_queue::Timestamp;
    use std::time::Duration;

    const HOUR: i64 = 3_600_000;
    const GRACE: Duration = Duration::from_mins(1);
    const ALL: Misfire = Misfire::All { max: 3, window: Duration::from_hours(5) };

    /// Due slots of an hourly entry, in hours.
    fn hourly(policy: Misfire, cursor: i64, now: i64) -> (Vec<i64>, Option<i64>) {
        let schedule = Schedule::parse("@hourly", "UTC").unwrap();
        let Due { fire, skip_to } = due(&schedule, policy, Timestamp(cursor), Timestamp(now), GRACE);
        let hours = |slot: Timestamp| slot.as_millis() / HOUR;
        (fire.into_iter().map(hours).collect(), skip_to.map(hours))
    }

    #[test]
    fn a_slot_within_the_grace_runs_under_every_policy() {
        for policy in [Misfire::Skip, Misfire::Once, ALL] {
            assert_eq!(hourly(policy, HOUR, 2 * HOUR - 1), (vec![], None));
            assert_eq!(hourly(policy, HOUR, 2 * HOUR), (vec![2], None));
            assert_eq!(hourly(policy, HOUR, 2 * HOUR + 60_000), (vec![2], None));
            assert_eq!(hourly(policy, 2 * HOUR, 2 * HOUR), (vec![], None));
        }
    }

    #[test]
    fn missed_slots_are_skipped_run_once_or_all_run_as_the_policy_says() {
        let late = 9 * HOUR + 60_001;
        assert_eq!(hourly(Misfire::Skip, HOUR, late), (vec![], Some(9)));
        assert_eq!(hourly(Misfire::Once, HOUR, late), (vec![9], None));
        assert_eq!(hourly(ALL, HOUR, late), (vec![7, 8, 9], None));
        assert_eq!(hourly(ALL, 8 * HOUR, late), (vec![9], None));
        let short = Misfire::All { max: 3, window: Duration::from_mins(90) };
        assert_eq!(hourly(short, HOUR, late), (vec![8, 9], None));
        let tiny = Misfire::All { max: 3, window: Duration::from_mins(1) };
        assert_eq!(hourly(tiny, HOUR, late), (vec![], Some(9)));
    }

    #[test]
    fn a_young_slot_stands_for_the_missed_ones_unless_all_run() {
        assert_eq!(hourly(Misfire::Once, HOUR, 9 * HOUR), (vec![9], None));
        assert_eq!(hourly(Misfire::Skip, HOUR, 9 * HOUR), (vec![9], None));
        assert_eq!(hourly(ALL, HOUR, 9 * HOUR), (vec![6, 7, 8, 9], None));
    }

    #[test]
    fn years_of_missed_seconds_are_found_without_counting_them() {
        let schedule = Schedule::parse("* * * * * *", "Europe/Berlin").unwrap();
        let now = Timestamp(40 * 365 * 24 * HOUR);
        let due = due(&schedule, ALL, Timestamp(0), now, Duration::ZERO);
        assert_eq!(due.fire.len(), 4);
        assert_eq!(due.fire.last(), Some(&now));
    }

    #[test]
    fn a_clock_that_went_back_fires_nothing() {
        assert_eq!(hourly(ALL, 9 * HOUR, 2 * HOUR), (vec![], None));
    }
}
