//! Keeps an almost empty delivery from emptying the catalog.

use super::error::{CatalogError, Result};
use super::report::SyncMode;

/// A delivery may always drop this many products, whatever the share.
const ALWAYS_ALLOWED: u64 = 5;

/// Whether `missing` of `total` products are archived: never by a merge, by a full sync if the guard lets it.
pub(super) fn guard(mode: SyncMode, missing: u64, total: u64) -> Result<bool> {
    let SyncMode::Full { max_missing_percent } = mode else { return Ok(false) };
    let over = missing * 100 > total * u64::from(max_missing_percent);
    if over && missing > ALWAYS_ALLOWED {
        return Err(CatalogError::MassDelete { missing, total, limit_percent: max_missing_percent });
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_needs_both_a_share_and_a_number() {
        let full = |percent| SyncMode::Full { max_missing_percent: percent };
        assert!(guard(full(10), 5, 6).is_ok());
        assert!(guard(full(10), 6, 60).is_ok());
        assert!(guard(full(10), 7, 60).is_err());
        assert!(guard(full(100), 60, 60).is_ok());
        assert!(guard(SyncMode::Merge, 60, 60).is_ok());
    }
}
