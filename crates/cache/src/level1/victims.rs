//! Who leaves when memory is short: in the order of the policy, until enough is freed.

use std::cmp::Ordering;
use std::time::Duration;

use crate::{EvictionPolicy, Key};

/// An entry that could leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) key: Key,
    /// Rises with every entry made.
    pub(crate) sequence: u64,
    pub(crate) weight: u64,
    /// When it was last read or made, by the cache's clock.
    pub(crate) used_at: Duration,
    /// How often it was read.
    pub(crate) uses: u32,
    pub(crate) ends_at: Duration,
}

/// Those of `candidates` that the policy gives up first, as many as free at least `bytes`, or all.
pub(crate) fn victims(
    policy: EvictionPolicy,
    mut candidates: Vec<Candidate>,
    bytes: u64,
) -> impl Iterator<Item = Candidate> {
    candidates.sort_by(|a, b| leaves_before(policy, a, b));
    let mut freed = 0;
    candidates.into_iter().take_while(move |candidate| {
        let goes = freed < bytes;
        freed += candidate.weight;
        goes
    })
}

fn leaves_before(policy: EvictionPolicy, a: &Candidate, b: &Candidate) -> Ordering {
    let first = match policy {
        EvictionPolicy::Lfu => a.uses.cmp(&b.uses).then(a.used_at.cmp(&b.used_at)),
        EvictionPolicy::Lru => a.used_at.cmp(&b.used_at),
        EvictionPolicy::Fifo => Ordering::Equal,
        EvictionPolicy::Ttl => a.ends_at.cmp(&b.ends_at),
    };
    first.then(a.sequence.cmp(&b.sequence))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Kind;

    fn candidate(sequence: u64, used_at: u64, uses: u32, ends_at: u64) -> Candidate {
        let key = Key::new(Kind::Product, 1, sequence.to_string());
        let (used_at, ends_at) = (Duration::from_secs(used_at), Duration::from_secs(ends_at));
        Candidate { key, sequence, weight: 10, used_at, uses, ends_at }
    }

    #[test]
    fn each_policy_gives_up_what_it_values_least() {
        let all = vec![
            candidate(1, 40, 2, 300),
            candidate(2, 10, 9, 200),
            candidate(3, 30, 5, 100),
            candidate(4, 20, 2, 400),
        ];
        let order =
            |policy| victims(policy, all.clone(), u64::MAX).map(|victim| victim.sequence).collect::<Vec<_>>();
        assert_eq!(order(EvictionPolicy::Lru), [2, 4, 3, 1]);
        assert_eq!(order(EvictionPolicy::Lfu), [4, 1, 3, 2]);
        assert_eq!(order(EvictionPolicy::Fifo), [1, 2, 3, 4]);
        assert_eq!(order(EvictionPolicy::Ttl), [3, 2, 1, 4]);
    }

    proptest! {
        #[test]
        fn enough_is_freed_and_no_entry_more(weights in prop::collection::vec(1u64..50, 0..30), bytes in 0u64..900) {
            let all: Vec<_> = (0u64..).zip(&weights)
                .map(|(n, weight)| Candidate { weight: *weight, ..candidate(n, n, 0, n) })
                .collect();
            let gone: Vec<u64> = victims(EvictionPolicy::Fifo, all, bytes).map(|victim| victim.weight).collect();
            let (freed, total) = (gone.iter().sum::<u64>(), weights.iter().sum::<u64>());
            prop_assert!(freed >= bytes.min(total));
            prop_assert!(gone.last().is_none_or(|last| freed - last < bytes));
        }
    }
}
