//! A distribution in three numbers.

use serde_json::{Value, json};

/// Milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Percentiles {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl Percentiles {
    /// Not numbers when there are no samples, so that no bar is met by nothing.
    pub fn of(mut millis: Vec<f64>) -> Self {
        millis.sort_by(f64::total_cmp);
        let at = |share: f64| millis.get(((millis.len().max(1) - 1) as f64 * share) as usize).copied();
        let at = |share| at(share).unwrap_or(f64::NAN);
        Self { p50: at(0.5), p99: at(0.99), max: at(1.0) }
    }

    pub fn json(&self) -> Value {
        json!({"p50": self.p50, "p99": self.p99, "max": self.max})
    }
}
