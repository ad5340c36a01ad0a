//! How long an entry lives.

use std::time::Duration;

/// Largest deviation from the configured lifetime, in thousandths.
const JITTER_PERMILLE: u64 = 100;

/// `ttl` ± 10 %, by the key's hash: the same key always gets the same lifetime.
pub(crate) fn jittered(ttl: Duration, hash: u64) -> Duration {
    let permille = 1000 - JITTER_PERMILLE + hash % (2 * JITTER_PERMILLE + 1);
    let nanos = ttl.as_nanos().saturating_mul(u128::from(permille)) / 1000;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_spread_reaches_both_ends() {
        let ttl = Duration::from_secs(1000);
        let lives: Vec<_> = (0..=200).map(|hash| jittered(ttl, hash).as_secs()).collect();
        assert_eq!((lives.iter().min(), lives.iter().max()), (Some(&900), Some(&1100)));
    }

    proptest! {
        #[test]
        fn a_lifetime_is_within_a_tenth(ttl_ms in 0u64..10_000_000, hash: u64) {
            let lives = jittered(Duration::from_millis(ttl_ms), hash);
            prop_assert!(lives >= Duration::from_micros(ttl_ms * 900) && lives <= Duration::from_micros(ttl_ms * 1100));
        }
    }
}
