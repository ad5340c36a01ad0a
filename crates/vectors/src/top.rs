//! The k best of a stream of scores.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// A score of a row; greater is better, of equal scores the smaller rank of the row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scored {
    pub(crate) score: f32,
    pub(crate) row: u32,
}

impl Eq for Scored {}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then_with(|| other.row.cmp(&self.row))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Keeps the `k` best scores. Ties at the edge are kept, so that the caller can break them by key.
pub(crate) struct Top {
    k: usize,
    heap: BinaryHeap<Reverse<Scored>>,
    tied: Vec<Scored>,
}

impl Top {
    pub(crate) fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::with_capacity(k.min(4096) + 1), tied: Vec::new() }
    }

    #[inline]
    pub(crate) fn offer(&mut self, score: f32, row: u32) {
        if self.heap.len() < self.k {
            self.heap.push(Reverse(Scored { score, row }));
            return;
        }
        let Some(Reverse(worst)) = self.heap.peek().copied() else { return };
        match score.total_cmp(&worst.score) {
            Ordering::Less => {}
            Ordering::Equal => self.tied.push(Scored { score, row }),
            Ordering::Greater => {
                self.heap.pop();
                self.heap.push(Reverse(Scored { score, row }));
                if self.heap.peek().is_some_and(|w| w.0.score.total_cmp(&worst.score).is_gt()) {
                    self.tied.clear();
                } else {
                    self.tied.push(worst);
                }
            }
        }
    }

    /// The best and whatever ties with the worst of them, in no order.
    pub(crate) fn into_candidates(self) -> Vec<Scored> {
        let mut all: Vec<Scored> = self.heap.into_iter().map(|Reverse(s)| s).collect();
        all.extend(self.tied);
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_candidates_hold_the_best_and_every_tie(scores in prop::collection::vec(0u8..6, 0..60), k in 0usize..12) {
            let mut top = Top::new(k);
            for (row, score) in scores.iter().enumerate() {
                top.offer(f32::from(*score), row as u32);
            }
            let mut sorted: Vec<f32> = scores.iter().map(|s| f32::from(*s)).collect();
            sorted.sort_by(|a, b| b.total_cmp(a));
            let cut = k.checked_sub(1).and_then(|i| sorted.get(i.min(sorted.len().saturating_sub(1))));
            let want = cut.map_or(0, |cut| sorted.iter().filter(|s| *s >= cut).count());
            prop_assert_eq!(top.into_candidates().len(), want);
        }
    }
}
