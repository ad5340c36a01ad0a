//! The same numbers in every run.

use backstock_queue::Draws;

/// Numbers without a pattern.
pub struct Random(Draws);

impl Random {
    pub const fn seeded(seed: u64) -> Self {
        Self(Draws::seeded(seed))
    }

    pub fn below(&self, bound: u64) -> u64 {
        self.0.next() % bound.max(1)
    }

    /// 0 to 1.
    pub fn unit(&self) -> f64 {
        (self.0.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}
