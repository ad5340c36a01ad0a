//! Who leaves first.

use crate::EvictionPolicy;
use crate::entry::Body;

/// Place in the order of leaving: the least leaves first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    standing: Standing,
    /// By the policy.
    worth: u64,
    used_at: u64,
    sequence: u64,
}

/// What can be said of an entry whatever the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// Nobody is served it.
    Dead,
    /// There are entries of a later version of its kind: soon nobody will ask for it.
    Past,
    Present,
}

impl Rank {
    /// That of an entry, at an age of the counts.
    pub(super) fn new(policy: EvictionPolicy, entry: &Body, standing: Standing, age: u32) -> Self {
        let worth = match policy {
            // Requests that a byte of it answers.
            EvictionPolicy::Lfu => (u64::from(entry.heat(age)) << 32) / entry.weight.max(1),
            EvictionPolicy::Lru => entry.used_at(),
            EvictionPolicy::Fifo => 0,
            EvictionPolicy::Ttl => entry.ends_at,
        };
        let used_at = if policy == EvictionPolicy::Lfu { entry.used_at() } else { 0 };
        Self { standing, worth, used_at, sequence: entry.sequence }
    }

    /// Whether a newcomer is worth having instead of `other`. A policy that counts wants it to be asked for more often;
    /// the others let it in.
    pub(super) fn displaces(&self, policy: EvictionPolicy, other: &Self) -> bool {
        policy != EvictionPolicy::Lfu || (self.standing, self.worth) > (other.standing, other.worth)
    }

    /// Whether, under LFU, somebody asked for so often would displace this one even if he weighed no more than `least`.
    pub(super) fn might_yield(&self, heat: u32, least: u64) -> bool {
        self.standing != Standing::Present || (u64::from(heat) << 32) / least.max(1) > self.worth
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::entry::{Birth, Span};
    use crate::held::Held;
    use crate::{Key, Kind, Tags};

    fn entry(sequence: u64, used_at: u64, heat: u32, lives: u64) -> Body {
        let key = Key::new(Kind::Product, 1, sequence.to_string());
        let span = Span { fresh: Duration::from_nanos(lives), stale: Duration::ZERO };
        let birth = Birth { now: Duration::ZERO, sequence, generation: 0 };
        let entry = Body::new(&key, Some(Held::Raw(Bytes::from_static(b"x"))), Tags::default(), span, birth);
        entry.touch(used_at);
        entry.set_heat(heat, 0);
        entry
    }

    fn order(policy: EvictionPolicy, entries: &[Body], standing: impl Fn(&Body) -> Standing) -> Vec<u64> {
        let mut ranked: Vec<_> = entries
            .iter()
            .map(|entry| (Rank::new(policy, entry, standing(entry), 0), entry.sequence))
            .collect();
        ranked.sort();
        ranked.into_iter().map(|(_, sequence)| sequence).collect()
    }

    #[test]
    fn each_policy_gives_up_what_it_values_least() {
        let all = [entry(1, 40, 2, 300), entry(2, 10, 9, 200), entry(3, 30, 5, 100), entry(4, 20, 2, 400)];
        let order = |policy| order(policy, &all, |_| Standing::Present);
        assert_eq!(order(EvictionPolicy::Lru), [2, 4, 3, 1]);
        assert_eq!(order(EvictionPolicy::Lfu), [4, 1, 3, 2]);
        assert_eq!(order(EvictionPolicy::Fifo), [1, 2, 3, 4]);
        assert_eq!(order(EvictionPolicy::Ttl), [3, 2, 1, 4]);
    }

    #[test]
    fn whatever_the_policy_what_is_of_no_use_goes_first() {
        let all = [entry(1, 1, 9, 9), entry(2, 9, 9, 9), entry(3, 10, 10, 10)];
        let standing = |entry: &Body| match entry.sequence {
            1 => Standing::Present,
            2 => Standing::Past,
            _ => Standing::Dead,
        };
        for policy in [EvictionPolicy::Lru, EvictionPolicy::Lfu, EvictionPolicy::Fifo, EvictionPolicy::Ttl] {
            assert_eq!(order(policy, &all, standing), [3, 2, 1], "{policy:?}");
        }
    }

    #[test]
    fn whoever_displaces_an_entry_might_have_been_known_to() {
        let present = |heat| (entry(1, 1, heat, 9), heat);
        for (old, heat) in [0, 3, 8, 20].map(present) {
            let old_rank = Rank::new(EvictionPolicy::Lfu, &old, Standing::Present, 0);
            for new_heat in 0..40 {
                let new = Rank::new(EvictionPolicy::Lfu, &entry(2, 2, new_heat, 9), Standing::Present, 0);
                let displaces = new.displaces(EvictionPolicy::Lfu, &old_rank);
                assert_eq!(displaces, new_heat > heat);
                assert!(!displaces || old_rank.might_yield(new_heat, old.weight / 2));
            }
            assert!(!old_rank.might_yield(0, old.weight));
        }
    }
}
