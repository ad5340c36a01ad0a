//! Failures on demand, for tests: the n-th pass of any point fails, as if the process had died there.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::error::{CatalogError, Result};

/// Shared by the clones of one catalog.
#[derive(Clone, Debug)]
pub struct Faults(Arc<AtomicI64>);

impl Default for Faults {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MIN)))
    }
}

impl Faults {
    /// Lets `passes` points pass and fails at every later one until changed.
    pub fn fail_after(&self, passes: i64) {
        self.0.store(passes, Ordering::SeqCst);
    }

    /// Lets everything pass.
    pub fn never(&self) {
        self.0.store(i64::MIN, Ordering::SeqCst);
    }

    pub(super) fn hit(&self, point: &'static str) -> Result<()> {
        if self.0.load(Ordering::SeqCst) == i64::MIN || self.0.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        self.0.store(0, Ordering::SeqCst);
        Err(CatalogError::Io { at: "fault".into(), reason: point.to_owned() })
    }
}
