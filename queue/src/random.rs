//! Randomness as an argument: a seeded sequence of draws (jitter, weighted order).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// A thread-safe sequence of pseudo-random 64-bit draws (`SplitMix64`; not for secrets).
#[derive(Debug)]
pub struct Draws(AtomicU64);

impl Draws {
    /// The sequence that belongs to `seed`: the same for every run.
    pub const fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// A sequence seeded by the operating system.
    pub fn from_os() -> Self {
        Self::seeded(RandomState::new().build_hasher().finish())
    }

    /// The next draw, uniform over all 64-bit numbers.
    pub fn next(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl Default for Draws {
    fn default() -> Self {
        Self::from_os()
    }
}
