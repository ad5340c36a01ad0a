//! The last ids of something, up to a number.

use crate::JobId;
use foldhash::fast::RandomState;
use std::collections::{HashSet, VecDeque};

/// Remembers the last ids it was told.
#[derive(Debug)]
pub(super) struct Recent {
    ids: HashSet<JobId, RandomState>,
    order: VecDeque<JobId>,
    most: usize,
}

impl Recent {
    pub(super) fn of(most: usize) -> Self {
        Self { ids: HashSet::default(), order: VecDeque::new(), most }
    }

    /// Whether it was told lately.
    pub(super) fn has(&self, id: JobId) -> bool {
        self.ids.contains(&id)
    }

    /// Remembers `id`, and forgets the oldest.
    pub(super) fn add(&mut self, id: JobId) {
        if self.ids.insert(id) {
            self.order.push_back(id);
            if self.order.len() > self.most
                && let Some(oldest) = self.order.pop_front()
            {
                self.ids.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_are_remembered() {
        let id = |number| JobId(uuid::Uuid::from_u128(number));
        let mut recent = Recent::of(2);
        for number in [1, 2, 2, 3] {
            recent.add(id(number));
        }
        assert_eq!([1, 2, 3].map(|number| recent.has(id(number))), [false, true, true]);
        assert_eq!(recent.order.len(), recent.ids.len());
    }
}
