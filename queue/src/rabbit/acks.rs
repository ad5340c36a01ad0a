//! Which deliveries of a channel are not acked yet, and with which frames they are: one for all up to a delivery costs the
//! broker as much as one for a single one.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};
use tokio::time::Instant;

/// How long what is done waits for what came before it, to be acked in one frame: calls that run side by side end out of
/// order.
const GATHER: Duration = Duration::from_millis(2);
/// The same while the gaps close by themselves: a worker that was not given a processor for a moment is soon through.
const GATHER_IN_FLOW: Duration = Duration::from_millis(30);
/// So many that were closed in order since the last look are a flow.
const FLOW: usize = 16;

#[derive(Default)]
pub(super) struct Acks {
    /// Tags that are not acked yet, ascending.
    open: VecDeque<u64>,
    /// Those among them that are done, behind others that are not, and since when: one frame may soon close them all.
    done: BTreeMap<u64, Instant>,
    /// How many were closed in order since the last look for late ones.
    closed: usize,
}

impl Acks {
    /// How many the broker waits for.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// How many of them are done behind others.
    pub(super) fn late(&self) -> usize {
        self.done.len()
    }

    /// Whether some are done behind others.
    pub(super) fn are_some_late(&self) -> bool {
        !self.done.is_empty()
    }

    /// Takes in a delivery. Tags ascend.
    pub(super) fn delivered(&mut self, tag: u64) {
        self.open.push_back(tag);
    }

    /// Takes in which deliveries are done; the tag up to which all are, if that is another now.
    pub(super) fn ended(&mut self, tags: impl Iterator<Item = u64>, now: Instant) -> Option<u64> {
        let before = self.open.len();
        let mut upto = None;
        for tag in tags {
            if self.done.is_empty() && self.open.front() == Some(&tag) {
                // In order, as they mostly are.
                upto = self.open.pop_front();
            } else if self.open.binary_search(&tag).is_ok() {
                self.done.entry(tag).or_insert(now);
            }
        }
        while let Some(first) = self.open.front()
            && let Some(done) = self.done.first_entry()
            && done.key() == first
        {
            done.remove();
            upto = self.open.pop_front();
        }
        self.closed += before - self.open.len();
        upto
    }

    /// Closes what is done behind a gap and has waited long enough.
    pub(super) fn take_late(&mut self, now: Instant) -> Vec<u64> {
        let flows = std::mem::take(&mut self.closed) >= FLOW;
        let patience = if flows { GATHER_IN_FLOW } else { GATHER };
        self.take_done(|since| now.saturating_duration_since(since) >= patience)
    }

    /// Closes everything that is done.
    pub(super) fn take_all(&mut self) -> Vec<u64> {
        self.take_done(|_| true)
    }

    fn take_done(&mut self, ripe: impl Fn(Instant) -> bool) -> Vec<u64> {
        let taken: Vec<u64> = self.done.extract_if(.., |_, since| ripe(*since)).map(|(tag, _)| tag).collect();
        if !taken.is_empty() {
            // Both ascend.
            let mut next = taken.iter().peekable();
            self.open.retain(|tag| next.next_if(|taken| *taken == tag).is_none());
        }
        taken
    }

    /// Between two looks for late ones.
    pub(super) const fn look_every() -> Duration {
        GATHER
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn delivered(count: u64) -> Acks {
        Acks { open: (1..=count).collect(), ..Acks::default() }
    }

    proptest! {
        /// As the broker reads the frames: one for many names a delivery that is open and acks all up to it.
        #[test]
        fn every_delivery_is_acked_once_and_nothing_else(
            count in 1_u64..60,
            order in prop::collection::vec((any::<u16>(), 1_usize..8, 0_u64..40, any::<bool>()), 1..80),
        ) {
            let (mut acks, mut now) = (delivered(count), Instant::now());
            let mut unsettled: Vec<u64> = (1..=count).collect();
            let mut broker: BTreeSet<u64> = (1..=count).collect();
            for (draw, size, passes, takes_all) in order {
                now += Duration::from_millis(passes);
                let mut settled = BTreeSet::new();
                for _ in 0..size.min(unsettled.len()) {
                    settled.insert(unsettled.swap_remove(usize::from(draw) % unsettled.len()));
                }
                if let Some(upto) = acks.ended(settled.into_iter(), now) {
                    prop_assert!(broker.contains(&upto), "{} is not open", upto);
                    broker.retain(|open| *open > upto);
                }
                prop_assert!(unsettled.iter().all(|tag| broker.contains(tag)));
                let late = if takes_all { acks.take_all() } else { acks.take_late(now) };
                for tag in late {
                    prop_assert!(broker.remove(&tag), "{} is not open", tag);
                }
                if takes_all {
                    prop_assert!(!acks.are_some_late());
                    prop_assert_eq!(&broker, &unsettled.iter().copied().collect());
                }
                prop_assert_eq!(&broker, &acks.open.iter().copied().collect());
            }
        }
    }

    #[test]
    fn what_is_done_behind_a_long_job_is_acked_soon() {
        let (mut acks, begun) = (delivered(10), Instant::now());
        assert_eq!(acks.ended([3, 5].into_iter(), begun), None);
        assert_eq!(acks.take_late(begun + GATHER / 2), Vec::<u64>::new());
        assert_eq!(acks.take_late(begun + GATHER), [3, 5]);
        assert_eq!(acks.ended([1, 2].into_iter(), begun), Some(2));
        assert_eq!(acks.open(), 6);
    }

    #[test]
    fn in_a_flow_a_gap_is_given_time_to_close() {
        let (mut acks, begun) = (delivered(100), Instant::now());
        let flow = FLOW as u64;
        assert_eq!(acks.ended(1..=flow, begun), Some(flow));
        assert_eq!(acks.ended(flow + 2..=flow + 40, begun), None);
        assert_eq!(acks.take_late(begun + GATHER), Vec::<u64>::new());
        assert!(acks.are_some_late());
        assert_eq!(acks.ended([flow + 1].into_iter(), begun + GATHER), Some(flow + 40));
        assert!(!acks.are_some_late());
        // Not for ever.
        acks.ended([90].into_iter(), begun);
        assert_eq!(acks.take_late(begun + GATHER_IN_FLOW), [90]);
    }
}
