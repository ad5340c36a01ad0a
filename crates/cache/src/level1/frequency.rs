//! How often keys are asked for that are not there: counts of all of them in little memory, fading.

/// One request. Counts are in eighths, so that a few halvings leave something.
pub(crate) const REQUEST: u32 = 8;
/// Places that a key counts in; the least of its counts is believed.
const ROWS: usize = 4;
/// Requests for each entry after which all counts are halved.
const MEMORY: u32 = 10;
/// Fewest requests after which they are.
const SHORTEST: u32 = 256;

/// A count-min sketch that is halved again and again.
#[derive(Debug)]
pub(super) struct Frequency {
    counts: Box<[u8]>,
    asked: u32,
    age: u32,
}

impl Frequency {
    /// For about `keys` keys.
    pub(super) fn new(keys: usize) -> Self {
        let counts = vec![0; (keys * ROWS).next_power_of_two().max(64)].into();
        Self { counts, asked: 0, age: 0 }
    }

    /// How often all counts were halved.
    pub(super) fn age(&self) -> u32 {
        self.age
    }

    /// One more request, for whatever key, while there are so many entries.
    pub(super) fn asked(&mut self, entries: usize) {
        self.asked = self.asked.saturating_add(1);
        let memory = u32::try_from(entries).unwrap_or(u32::MAX).saturating_mul(MEMORY).max(SHORTEST);
        if self.asked >= memory {
            self.asked = 0;
            self.age = self.age.wrapping_add(1);
            self.counts.iter_mut().for_each(|count| *count /= 2);
        }
    }

    /// What is believed of a key: at least what it is, unless it was more than a count can hold.
    pub(super) fn of(&self, hash: u64) -> u32 {
        let counts = self.places(hash).map(|place| self.counts[place]);
        u32::from(counts.into_iter().min().unwrap_or(0))
    }

    /// A key is believed to have at least this from now on.
    pub(super) fn raise(&mut self, hash: u64, to: u32) {
        let to = u8::try_from(to).unwrap_or(u8::MAX);
        for place in self.places(hash) {
            self.counts[place] = self.counts[place].max(to);
        }
    }

    fn places(&self, hash: u64) -> [usize; ROWS] {
        let mask = self.counts.len() - 1;
        let step = (hash >> 32) | 1;
        std::array::from_fn(|row| {
            let mixed = hash.wrapping_add(step.wrapping_mul(row as u64)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            (mixed >> 29) as usize & mask
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hash(key: u64) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&key.to_le_bytes())
    }

    #[test]
    fn counts_fade_by_halves() {
        let mut frequency = Frequency::new(100);
        frequency.raise(hash(1), 5 * REQUEST);
        for _ in 0..SHORTEST {
            frequency.asked(3);
        }
        assert_eq!((frequency.age(), frequency.of(hash(1))), (1, 5 * REQUEST / 2));
        for _ in 0..MEMORY * 100 {
            frequency.asked(100);
        }
        assert_eq!(frequency.age(), 2, "the more entries, the longer the memory");
    }

    #[test]
    fn what_was_never_asked_for_is_seldom_believed_to_be() {
        let mut frequency = Frequency::new(1000);
        for key in 0..1000 {
            frequency.raise(hash(key), REQUEST);
        }
        let wrong = (1000..11_000).filter(|key| frequency.of(hash(*key)) > 0).count();
        assert!(wrong < 2_500, "{wrong} of 10,000");
    }

    proptest! {
        #[test]
        fn nobody_is_believed_to_be_rarer_than_he_is(keys in prop::collection::vec((0u64..50, 1u32..200), 0..100)) {
            let mut frequency = Frequency::new(8);
            let mut exact = std::collections::HashMap::<u64, u32>::new();
            for (key, to) in keys {
                frequency.raise(hash(key), to);
                let count = exact.entry(key).or_default();
                *count = to.max(*count);
            }
            prop_assert!(exact.iter().all(|(key, count)| frequency.of(hash(*key)) >= *count));
        }
    }
}
