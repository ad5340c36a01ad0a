//! Who leaves next when nobody asks how often or how lately an entry was read: the first come, or the first to end.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::Key;

/// A bounded set of keys in the order in which they leave.
#[derive(Debug)]
pub(crate) struct Order {
    max_bytes: u64,
    bytes: u64,
    by_end: bool,
    /// Rank and sequence number to key and weight: the first leaves first.
    queue: BTreeMap<(Duration, u64), (Key, u64)>,
    place: HashMap<Key, (Duration, u64)>,
}

/// A key that must leave, and the sequence number of the entry that is meant: a later one may stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaving {
    pub(crate) key: Key,
    pub(crate) sequence: u64,
}

impl Order {
    /// First in, first out.
    pub(crate) fn by_arrival(max_bytes: u64) -> Self {
        Self { max_bytes, bytes: 0, by_end: false, queue: BTreeMap::new(), place: HashMap::new() }
    }

    /// What ends first leaves first.
    pub(crate) fn by_end(max_bytes: u64) -> Self {
        Self { by_end: true, ..Self::by_arrival(max_bytes) }
    }

    /// Takes a key in, in place of itself if it is there, and says who must leave for it. The newcomer stays even when
    /// it is the next in order; only one that is larger than the bound is not taken in and leaves alone.
    pub(crate) fn insert(
        &mut self,
        key: &Key,
        sequence: u64,
        ends_at: Duration,
        weight: u64,
    ) -> Vec<Leaving> {
        self.forget(key);
        if weight > self.max_bytes {
            return vec![Leaving { key: key.clone(), sequence }];
        }
        let leaving = self.shrink_to(self.max_bytes - weight);
        let place = (if self.by_end { ends_at } else { Duration::ZERO }, sequence);
        self.queue.insert(place, (key.clone(), weight));
        self.place.insert(key.clone(), place);
        self.bytes += weight;
        leaving
    }

    /// An entry is gone. Nothing happens if another has taken its key since.
    pub(crate) fn remove(&mut self, key: &Key, sequence: u64) {
        if self.place.get(key).is_some_and(|place| place.1 == sequence) {
            self.forget(key);
        }
    }

    fn shrink_to(&mut self, bytes: u64) -> Vec<Leaving> {
        let mut leaving = Vec::new();
        while self.bytes > bytes
            && let Some(((_, sequence), (key, weight))) = self.queue.pop_first()
        {
            self.place.remove(&key);
            self.bytes -= weight;
            leaving.push(Leaving { key, sequence });
        }
        leaving
    }

    fn forget(&mut self, key: &Key) {
        let weight = self.place.remove(key).and_then(|place| self.queue.remove(&place));
        self.bytes -= weight.map_or(0, |(_, weight)| weight);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Kind;

    fn key(id: u64) -> Key {
        Key::new(Kind::Product, 1, id.to_string())
    }

    fn ids(leaving: &[Leaving]) -> Vec<&str> {
        leaving.iter().map(|leaving| leaving.key.id()).collect()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_come_leaves_first_whatever_is_read() {
        let mut order = Order::by_arrival(30);
        for id in 1..=3 {
            assert!(order.insert(&key(id), id, seconds(9 - id), 10).is_empty());
        }
        assert_eq!(ids(&order.insert(&key(4), 4, seconds(1), 15)), ["1", "2"]);
        assert_eq!(
            ids(&order.insert(&key(3), 5, seconds(1), 10)),
            [""; 0],
            "a newer 3 takes the place of the older"
        );
        assert_eq!(
            ids(&order.insert(&key(6), 6, seconds(1), 10)),
            ["4"],
            "3 came again and is younger than 4"
        );
    }

    #[test]
    fn the_first_to_end_leaves_first_but_never_the_newcomer() {
        let mut order = Order::by_end(30);
        order.insert(&key(1), 1, seconds(50), 10);
        order.insert(&key(2), 2, seconds(20), 10);
        order.insert(&key(3), 3, seconds(40), 10);
        assert_eq!(ids(&order.insert(&key(4), 4, seconds(1), 10)), ["2"]);
        assert_eq!(ids(&order.insert(&key(5), 5, seconds(90), 10)), ["4"]);
    }

    #[test]
    fn what_is_larger_than_the_bound_drives_nobody_out() {
        let mut order = Order::by_arrival(30);
        order.insert(&key(1), 1, seconds(1), 30);
        assert_eq!(order.insert(&key(2), 2, seconds(1), 31), [Leaving { key: key(2), sequence: 2 }]);
        assert_eq!(order.bytes, 30);
    }

    #[test]
    fn an_old_entry_that_goes_does_not_take_its_successor_along() {
        let mut order = Order::by_arrival(30);
        order.insert(&key(1), 1, seconds(1), 10);
        order.insert(&key(1), 2, seconds(1), 12);
        order.remove(&key(1), 1);
        assert_eq!(order.bytes, 12);
        order.remove(&key(1), 2);
        assert_eq!((order.bytes, order.queue.len(), order.place.len()), (0, 0, 0));
    }

    proptest! {
        #[test]
        fn the_bound_holds_and_the_sums_agree(
            by_end: bool,
            steps in prop::collection::vec((0u64..8, 1u64..40, 0u64..20, any::<bool>()), 0..80),
        ) {
            let mut order = if by_end { Order::by_end(60) } else { Order::by_arrival(60) };
            let mut live = HashMap::<u64, (u64, u64)>::new();
            for (sequence, (id, weight, end, remove)) in (0u64..).zip(steps) {
                if remove {
                    if let Some((sequence, _)) = live.remove(&id) {
                        order.remove(&key(id), sequence);
                    }
                } else {
                    live.insert(id, (sequence, weight));
                    for leaving in order.insert(&key(id), sequence, seconds(end), weight) {
                        live.remove(&leaving.key.id().parse::<u64>().unwrap());
                    }
                }
                prop_assert!(order.bytes <= 60);
                prop_assert_eq!(order.bytes, live.values().map(|(_, weight)| weight).sum::<u64>());
                prop_assert_eq!((order.queue.len(), order.place.len()), (live.len(), live.len()));
            }
        }
    }
}
