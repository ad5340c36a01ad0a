//! Fair shares: which fairness key is served next inside one priority of one queue. Round robin as virtual time, the
//! pure rule shared by every store.
//!
//! A key is active while it has claimable jobs in that priority, of whatever kind. Every active key has a turn:
//! * it becomes active at [`Turns::join`], one after the last turn served: nobody is owed the time it had nothing;
//! * the active key with the least turn is next, between equals the one whose bytes come first ([`next`]); keys that
//!   their limits hold back, or that have no job of a kind the worker knows, are passed over and keep their turn;
//! * serving one job moves it on by [`Turns::serve`];
//! * a key that a call leaves without claimable jobs is forgotten (a claim, a cancellation, an expiry, a replacement;
//!   one that got another claimable job in the same call was never gone).
//!
//! So a key that waits sees every other key at most twice before it is served, and two keys that both have work from
//! the beginning never differ by more than one job. With one key, or none, this is first in, first out.
//! The same rule is known as round robin over flows in self-clocked fair queueing (Golestani, 1994), all jobs of equal
//! length.

/// The virtual time of one priority of one queue: the last turn served. Only differences matter: while no active key
/// is behind [`Turns::join`], it may start again from zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turns(pub u64);

impl Turns {
    /// The turn of a key that becomes active.
    pub const fn join(self) -> u64 {
        self.0.saturating_add(1)
    }

    /// Serves one job of a key whose turn was `turn`; its next turn.
    pub const fn serve(&mut self, turn: u64) -> u64 {
        if turn > self.0 {
            self.0 = turn;
        }
        self.join()
    }
}

/// The share that a job belongs to: jobs without a key, or with an empty one, form one of their own.
pub fn share(fairness_key: Option<&str>) -> &str {
    fairness_key.unwrap_or_default()
}

/// Whose turn it is among active keys that may be served, each with its turn.
pub fn next<'k>(keys: impl IntoIterator<Item = (u64, &'k str)>) -> Option<&'k str> {
    keys.into_iter().min().map(|(_, key)| key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    const KEYS: [&str; 5] = ["", "a", "b", "c", "d"];

    #[derive(Clone, Debug)]
    enum Event {
        Arrive { key: usize, jobs: u32 },
        Hold { key: usize },
        Release { key: usize },
        Serve,
    }

    #[derive(Default)]
    struct Band {
        turns: Turns,
        /// Turn and jobs of each active key.
        active: BTreeMap<&'static str, (u64, u32)>,
        held: BTreeSet<&'static str>,
    }

    impl Band {
        fn arrive(&mut self, key: &'static str, jobs: u32) {
            if jobs > 0 {
                self.active.entry(key).or_insert((self.turns.join(), 0)).1 += jobs;
            }
        }

        fn may_be_served(&self, key: &str) -> bool {
            self.active.contains_key(key) && !self.held.contains(key)
        }

        fn serve(&mut self) -> Option<&'static str> {
            let free = self.active.iter().filter(|(key, _)| !self.held.contains(*key));
            let key = next(free.map(|(key, (turn, _))| (*turn, *key)))?;
            let (key, (turn, jobs)) = self.active.remove_entry(key)?;
            let turn = self.turns.serve(turn);
            if jobs > 1 {
                self.active.insert(key, (turn, jobs - 1));
            }
            Some(key)
        }
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let key = 0..KEYS.len();
        let event = prop_oneof![
            3 => (key.clone(), 1..4_u32).prop_map(|(key, jobs)| Event::Arrive { key, jobs }),
            1 => key.clone().prop_map(|key| Event::Hold { key }),
            1 => key.prop_map(|key| Event::Release { key }),
            6 => Just(Event::Serve),
        ];
        prop::collection::vec(event, 1..200)
    }

    #[test]
    fn keys_take_turns() {
        let mut band = Band::default();
        band.arrive("b", 3);
        band.arrive("a", 2);
        band.arrive("", 1);
        let served: Vec<_> = std::iter::from_fn(|| band.serve()).collect();
        assert_eq!(served, ["", "a", "b", "a", "b", "b"]);
    }

    #[test]
    fn who_comes_later_is_not_owed_the_past() {
        let mut band = Band::default();
        band.arrive("a", 100);
        for _ in 0..50 {
            assert_eq!(band.serve(), Some("a"));
        }
        band.arrive("b", 100);
        let served: Vec<_> = (0..4).filter_map(|_| band.serve()).collect();
        assert_eq!(served, ["a", "b", "a", "b"]);
    }

    #[test]
    fn the_last_turn_does_not_overflow() {
        let mut turns = Turns(u64::MAX);
        assert_eq!(turns.serve(u64::MAX), u64::MAX);
    }

    proptest! {
        #[test]
        fn whenever_a_key_may_be_served_one_is(events in events()) {
            let mut band = Band::default();
            for event in events {
                match event {
                    Event::Arrive { key, jobs } => band.arrive(KEYS[key], jobs),
                    Event::Hold { key } => drop(band.held.insert(KEYS[key])),
                    Event::Release { key } => drop(band.held.remove(KEYS[key])),
                    Event::Serve => {
                        let any = KEYS.iter().any(|key| band.may_be_served(key));
                        prop_assert_eq!(band.serve().is_some(), any);
                    }
                }
            }
        }

        /// Held keys may come back with turns from long ago, which they are owed; so none is held here.
        #[test]
        fn a_key_that_waits_sees_every_other_at_most_twice(events in events()) {
            let mut band = Band::default();
            let mut seen: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
            for event in events {
                match event {
                    Event::Arrive { key, jobs } => band.arrive(KEYS[key], jobs),
                    Event::Hold { .. } | Event::Release { .. } => {}
                    Event::Serve => {
                        let Some(served) = band.serve() else { continue };
                        seen.remove(served);
                        for waiting in KEYS.into_iter().filter(|key| *key != served && band.may_be_served(key)) {
                            let times = seen.entry(waiting).or_default().entry(served).or_default();
                            *times += 1;
                            prop_assert!(*times <= 2, "{} waits while {} is served", waiting, served);
                        }
                        seen.retain(|key, _| band.may_be_served(key));
                    }
                }
            }
        }

        #[test]
        fn two_keys_that_always_have_work_get_the_same(events in events()) {
            let mut band = Band::default();
            band.arrive("x", 1000);
            band.arrive("y", 1000);
            let mut served = BTreeMap::from([("x", 0_i32), ("y", 0)]);
            for event in events {
                match event {
                    Event::Arrive { key, jobs } => band.arrive(KEYS[key], jobs),
                    Event::Hold { key } => drop(band.held.insert(KEYS[key])),
                    Event::Release { key } => drop(band.held.remove(KEYS[key])),
                    Event::Serve => {
                        if let Some(key) = band.serve() {
                            *served.entry(key).or_default() += 1;
                        }
                        prop_assert!((served["x"] - served["y"]).abs() <= 1, "{:?}", served);
                    }
                }
            }
        }
    }
}
