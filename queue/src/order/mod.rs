//! Which priority is served next: the pure rule behind [`PriorityOrder`], shared by every store.
//!
//! A store keeps, for each priority, its claimable jobs oldest first (by due time, then order of arrival) and asks
//! here whose turn it is. The head of a band is the job of that band that has waited longest, so four due times
//! are all there is to know. Which job of the band is served then is the business of [`fair`]: with several fairness
//! keys it need not be the head, which only decides how urgent the band has become. Jobs of a key that its limits
//! hold back are not claimable, so they make no band more urgent.

pub mod fair;

use crate::{Priority, PriorityOrder, Timestamp};
use std::time::Duration;

/// Due times of the oldest claimable job of each priority, critical first; `None` where there is none.
pub type Heads = [Option<Timestamp>; 4];

/// The priority whose oldest job is next; `None` when there are no jobs.
///
/// Strict: the lowest level after aging; between equals the one that is due longer, then the more urgent one.
/// Weighted: `draw`, uniform over all 64-bit numbers, falls into the weights of the levels that have work.
pub fn next_band(heads: &Heads, order: PriorityOrder, now: Timestamp, draw: u64) -> Option<Priority> {
    match order {
        PriorityOrder::Strict { aging } => waiting(heads)
            .min_by_key(|&(priority, due_at)| (aged_level(priority, due_at, aging, now), due_at, priority))
            .map(|(priority, _)| priority),
        PriorityOrder::Weighted { weights } => drawn(heads, weights, draw),
    }
}

fn waiting(heads: &Heads) -> impl Iterator<Item = (Priority, Timestamp)> + '_ {
    Priority::ALL.into_iter().zip(heads).filter_map(|(priority, head)| Some((priority, (*head)?)))
}

/// How urgent a job of `priority`, due since `due_at`, is now: 0 for as urgent as critical, to 3. One step up for every
/// whole `aging` waited; `aging` zero is no aging.
pub fn aged_level(priority: Priority, due_at: Timestamp, aging: Duration, now: Timestamp) -> u8 {
    let steps = now.since(due_at).as_millis().checked_div(aging.as_millis()).unwrap_or(0);
    (priority as u8).saturating_sub(u8::try_from(steps).unwrap_or(u8::MAX))
}

fn drawn(heads: &Heads, weights: [u32; 4], draw: u64) -> Option<Priority> {
    let weight = |priority: Priority| u64::from(weights[priority as usize]);
    let total: u64 = waiting(heads).map(|(priority, _)| weight(priority)).sum();
    let mut ticket = ((u128::from(draw) * u128::from(total)) >> 64) as u64;
    for (priority, _) in waiting(heads) {
        if total > 0 && ticket < weight(priority) {
            return Some(priority);
        }
        ticket = ticket.saturating_sub(weight(priority));
    }
    // Only levels of weight zero have work: the most urgent of them.
    waiting(heads).next().map(|(priority, _)| priority)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Draws;
    use proptest::prelude::*;

    const MINUTE: i64 = 60_000;
    const STRICT: PriorityOrder = PriorityOrder::Strict { aging: Duration::from_mins(1) };
    const PLAIN: PriorityOrder = PriorityOrder::Strict { aging: Duration::ZERO };

    fn at(millis: i64) -> Timestamp {
        Timestamp(millis)
    }

    /// The priorities of the next jobs in the order of serving, at most `max`. `bands` holds for each priority the due
    /// times of its claimable jobs, oldest first (the first `max` of them are enough). Taking from the front of each
    /// band as often as it is named gives the jobs to lease.
    fn plan(
        bands: [&[Timestamp]; 4],
        order: PriorityOrder,
        now: Timestamp,
        draw: u64,
        max: usize,
    ) -> Vec<Priority> {
        let draws = Draws::seeded(draw);
        let mut taken = [0_usize; 4];
        let mut plan = Vec::new();
        while plan.len() < max {
            let mut heads: Heads = [None; 4];
            for level in 0..4 {
                heads[level] = bands[level].get(taken[level]).copied();
            }
            let Some(next) = next_band(&heads, order, now, draws.next()) else { break };
            taken[next as usize] += 1;
            plan.push(next);
        }
        plan
    }

    #[test]
    fn nothing_waits_nothing_is_next() {
        assert_eq!(next_band(&[None; 4], STRICT, at(0), 7), None);
        assert_eq!(next_band(&[None; 4], PriorityOrder::Weighted { weights: [1; 4] }, at(0), 7), None);
    }

    #[test]
    fn the_more_urgent_goes_first() {
        let heads = [None, Some(at(5)), Some(at(0)), Some(at(0))];
        assert_eq!(next_band(&heads, STRICT, at(10), 0), Some(Priority::High));
    }

    #[test]
    fn a_job_that_waited_three_agings_counts_as_critical() {
        let heads = [Some(at(3 * MINUTE)), None, None, Some(at(0))];
        assert_eq!(next_band(&heads, STRICT, at(3 * MINUTE), 0), Some(Priority::Low));
        assert_eq!(next_band(&heads, STRICT, at(3 * MINUTE - 1), 0), Some(Priority::Critical));
        assert_eq!(next_band(&heads, PLAIN, at(99 * MINUTE), 0), Some(Priority::Critical));
    }

    #[test]
    fn a_weight_of_zero_is_served_when_the_others_are_empty() {
        let order = PriorityOrder::Weighted { weights: [0, 3, 0, 0] };
        let busy = [Some(at(0)), Some(at(0)), None, None];
        for draw in [0, 1, u64::MAX / 2, u64::MAX] {
            assert_eq!(next_band(&busy, order, at(0), draw), Some(Priority::High));
        }
        assert_eq!(next_band(&[Some(at(0)), None, None, None], order, at(0), 9), Some(Priority::Critical));
    }

    #[test]
    fn weights_are_kept_over_many_draws() {
        let due = [at(0); 1500];
        let bands = [&due[..]; 4];
        let order = PriorityOrder::Weighted { weights: [8, 4, 2, 1] };
        let plan = plan(bands, order, at(0), 42, 1500);
        let count = |priority| plan.iter().filter(|&&taken| taken == priority).count();
        for (priority, expected) in Priority::ALL.into_iter().zip([800_usize, 400, 200, 100]) {
            assert!(count(priority).abs_diff(expected) < 60, "{priority:?}: {}", count(priority));
        }
    }

    proptest! {
        #[test]
        fn a_plan_takes_what_there_is_and_no_more(
            lens in prop::array::uniform4(0_usize..20), max in 0_usize..60, draw: u64,
            weights in prop::array::uniform4(0_u32..4), weighted: bool,
        ) {
            let due = [at(0); 20];
            let bands = lens.map(|len| &due[..len]);
            let order = if weighted { PriorityOrder::Weighted { weights } } else { STRICT };
            let plan = plan(bands, order, at(0), draw, max);
            prop_assert_eq!(plan.len(), max.min(lens.iter().sum()));
            for (priority, len) in Priority::ALL.into_iter().zip(lens) {
                prop_assert!(plan.iter().filter(|&&taken| taken == priority).count() <= len);
            }
        }
    }
}
