//! How much level 1 gives back when memory is short, and how large it may be then.

use std::time::Duration;

/// What the cache does when memory is short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemoryPolicy {
    /// Frees half of it at a time.
    Aggressive,
    /// Frees a quarter of it at a time.
    Conservative,
    /// Frees what is missing, at most three quarters, and only a little once it shows that others use the memory.
    #[default]
    Adaptive,
}

/// Memory at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// In use and not to be had back by dropping file caches, in bytes.
    pub used: u64,
    /// Where it ends, in bytes; above zero.
    pub limit: u64,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relief {
    /// Bytes that level 1 should free now.
    pub free_bytes: u64,
    /// Most that it may hold until the next look, in bytes.
    pub ceiling_bytes: u64,
}

/// Share of the limit above which memory is short.
const HIGH: f64 = 0.90;
/// Share below which it is plentiful again.
const LOW: f64 = 0.80;
/// Time for what was freed to show.
const PAUSE: Duration = Duration::from_secs(10);
/// Below this share of its bound the cache has nothing left to give.
const FLOOR: f64 = 1.0 / 64.0;
const ADAPTIVE_MOST: f64 = 0.75;
const ADAPTIVE_LEAST: f64 = 0.05;

/// Looks at readings and decides. Above 90 % of the limit it frees and lets level 1 grow no more; not again for 10 s,
/// because freed memory shows late. Below 80 % level 1 may grow back, by a quarter a look.
#[derive(Clone, Debug)]
pub struct MemoryPressure {
    policy: MemoryPolicy,
    max_bytes: u64,
    ceiling_bytes: u64,
    last: Option<Freed>,
}

/// The last time something was freed.
#[derive(Clone, Copy, Debug)]
struct Freed {
    at: Duration,
    bytes: u64,
    used_before: u64,
}

impl MemoryPressure {
    /// For a cache that may hold `max_bytes` when memory is plentiful.
    pub fn new(policy: MemoryPolicy, max_bytes: u64) -> Self {
        Self { policy, max_bytes, ceiling_bytes: max_bytes, last: None }
    }

    /// One look at the memory while the cache holds `held` bytes; `now` by a clock that never goes back.
    pub fn look(&mut self, now: Duration, reading: Reading, held: u64) -> Relief {
        let share = reading.used as f64 / reading.limit.max(1) as f64;
        let mut free_bytes = 0;
        if share >= HIGH {
            let resting = self.last.is_some_and(|last| now.saturating_sub(last.at) < PAUSE);
            if !resting && held as f64 > self.max_bytes as f64 * FLOOR {
                free_bytes = ((held as f64 * self.share(reading, held)) as u64).max(1);
                self.last = Some(Freed { at: now, bytes: free_bytes, used_before: reading.used });
            }
            self.ceiling_bytes = self.ceiling_bytes.min(held - free_bytes);
        } else if share < LOW {
            self.last = None;
            let grown = self.ceiling_bytes + self.ceiling_bytes / 4 + self.max_bytes / 64;
            self.ceiling_bytes = grown.min(self.max_bytes);
        }
        Relief { free_bytes, ceiling_bytes: self.ceiling_bytes }
    }

    /// Share of what is held that goes.
    fn share(&self, reading: Reading, held: u64) -> f64 {
        match self.policy {
            MemoryPolicy::Aggressive => 0.5,
            MemoryPolicy::Conservative => 0.25,
            MemoryPolicy::Adaptive => {
                // Freed in vain: the process keeps the pages, or somebody else grows. Emptying the cache would not help.
                let in_vain = self
                    .last
                    .is_some_and(|last| reading.used > last.used_before.saturating_sub(last.bytes / 10));
                let missing = reading.used as f64 - reading.limit as f64 * LOW;
                let most = if in_vain { ADAPTIVE_LEAST } else { ADAPTIVE_MOST };
                (missing / held as f64).clamp(ADAPTIVE_LEAST, most)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1 << 20;
    const T: Duration = PAUSE;

    fn pressure(policy: MemoryPolicy) -> MemoryPressure {
        MemoryPressure::new(policy, 64 * MIB)
    }

    fn used(used: u64) -> Reading {
        Reading { used: used * MIB, limit: 1000 * MIB }
    }

    #[test]
    fn plenty_of_memory_changes_nothing() {
        let relief = pressure(MemoryPolicy::Aggressive).look(T, used(500), 60 * MIB);
        assert_eq!(relief, Relief { free_bytes: 0, ceiling_bytes: 64 * MIB });
    }

    #[test]
    fn aggressive_frees_half_and_conservative_a_quarter() {
        for (policy, freed) in [(MemoryPolicy::Aggressive, 32), (MemoryPolicy::Conservative, 16)] {
            let relief = pressure(policy).look(T, used(900), 64 * MIB);
            assert_eq!(relief.free_bytes, freed * MIB);
            assert_eq!(relief.ceiling_bytes, (64 - freed) * MIB, "and it may not grow back at once");
        }
    }

    #[test]
    fn nothing_more_is_freed_until_the_first_time_could_show() {
        let mut pressure = pressure(MemoryPolicy::Aggressive);
        pressure.look(T, used(950), 64 * MIB);
        assert_eq!(pressure.look(T + PAUSE / 2, used(950), 32 * MIB).free_bytes, 0);
        assert_eq!(pressure.look(T + PAUSE, used(950), 32 * MIB).free_bytes, 16 * MIB);
    }

    #[test]
    fn adaptive_frees_what_is_missing() {
        assert_eq!(pressure(MemoryPolicy::Adaptive).look(T, used(905), 300 * MIB).free_bytes, 105 * MIB);
        assert_eq!(
            pressure(MemoryPolicy::Adaptive).look(T, used(999), 60 * MIB).free_bytes,
            45 * MIB,
            "three quarters"
        );
    }

    #[test]
    fn adaptive_gives_little_when_giving_does_not_help() {
        let mut helps = pressure(MemoryPolicy::Adaptive);
        helps.look(T, used(950), 64 * MIB);
        assert_eq!(helps.look(T + PAUSE, used(905), 16 * MIB).free_bytes, 12 * MIB);
        let mut in_vain = pressure(MemoryPolicy::Adaptive);
        in_vain.look(T, used(950), 64 * MIB);
        let again = in_vain.look(T + PAUSE, used(955), 16 * MIB);
        assert_eq!(again.free_bytes, (16.0 * MIB as f64 * ADAPTIVE_LEAST) as u64);
    }

    #[test]
    fn an_almost_empty_cache_is_left_alone() {
        assert_eq!(pressure(MemoryPolicy::Aggressive).look(T, used(999), MIB / 2).free_bytes, 0);
    }

    #[test]
    fn it_grows_back_step_by_step_once_memory_is_plentiful() {
        let mut pressure = pressure(MemoryPolicy::Aggressive);
        pressure.look(T, used(950), 64 * MIB);
        assert_eq!(
            pressure.look(T, used(850), 32 * MIB).ceiling_bytes,
            32 * MIB,
            "between the marks it stays"
        );
        assert_eq!(pressure.look(T, used(700), 32 * MIB).ceiling_bytes, 41 * MIB);
        for _ in 0..4 {
            pressure.look(T, used(700), 32 * MIB);
        }
        assert_eq!(pressure.look(T, used(700), 32 * MIB).ceiling_bytes, 64 * MIB);
    }

    proptest! {
        #[test]
        fn no_more_is_freed_than_is_held_and_the_ceiling_stays_within_the_bound(
            policy in prop::sample::select(vec![MemoryPolicy::Aggressive, MemoryPolicy::Conservative, MemoryPolicy::Adaptive]),
            looks in prop::collection::vec((0u64..2000, 0u64..100, 0u64..30), 1..40),
        ) {
            let (mut pressure, mut now) = (pressure(policy), Duration::ZERO);
            for (megabytes, held, passed) in looks {
                now += Duration::from_secs(passed);
                let relief = pressure.look(now, used(megabytes), held * MIB);
                prop_assert!(relief.free_bytes <= held * MIB);
                prop_assert!(relief.ceiling_bytes <= 64 * MIB);
            }
        }
    }
}
