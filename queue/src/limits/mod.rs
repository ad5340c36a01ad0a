//! Limits of one queue, for each fairness key on its own.

mod rate;

pub use rate::{Rate, RateError, Tat};

use crate::StoreError;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// What one fairness key of a queue may have at most; kept in the store ([`crate::Store::set_limits`]). Jobs without a
/// key (or with an empty one) are not limited. A key that has all it may is passed over by claims: its jobs stay where
/// they are, the others go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyLimits {
    /// Jobs leased at once, over all workers and priorities. A lease holds its slot until it is settled or taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<NonZeroU32>,
    /// Jobs leased over time; every lease counts, that of a retry too, and none is given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
}

impl KeyLimits {
    /// No limits.
    pub const NONE: Self = Self { running: None, rate: None };

    /// Whether nothing is limited.
    pub const fn is_none(&self) -> bool {
        self.running.is_none() && self.rate.is_none()
    }

    /// Whether a store may take it; every store asks.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when the rate is out of bounds (see [`Rate::check`]).
    pub fn validate(&self) -> Result<(), StoreError> {
        let refuse = |error: RateError| StoreError::Invalid(format!("limit: {error}"));
        self.rate.map_or(Ok(()), |rate| rate.check().map_err(refuse))
    }

    /// Whether a key with `running` leased jobs may have another.
    pub fn has_slot(&self, running: u32) -> bool {
        self.running.is_none_or(|most| running < most.get())
    }
}
