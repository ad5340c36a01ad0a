//! When the ledger need not be asked: it had nothing, and nothing has happened since.

use crate::{Claim, Timestamp};
use std::collections::HashMap;
use xxhash_rust::xxh3::Xxh3;

/// Most claims remembered; beyond, all are forgotten, which costs a question each.
const MOST: usize = 1_024;

/// Claims in vain, by who asked for what.
#[derive(Debug, Default)]
pub(super) struct Rests {
    in_vain: HashMap<u128, Rest>,
    /// Changes that came through this process.
    stirred: u64,
}

/// A claim in vain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    stirred: u64,
    /// The ledger's count of wake-ups.
    wakes: u64,
    /// When to look again.
    pub(super) next_due: Option<Timestamp>,
}

/// What is known before a claim.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    key: u128,
    stirred: u64,
    wakes: u64,
}

impl Rests {
    /// The ledger may have something new.
    pub(super) fn stir(&mut self) {
        self.stirred = self.stirred.wrapping_add(1);
    }

    pub(super) fn before(&self, claim: &Claim, wakes: u64) -> Before {
        let mut key = Xxh3::new();
        let mut add = |text: &str| {
            key.update(&(text.len() as u64).to_le_bytes());
            key.update(text.as_bytes());
        };
        add(&claim.worker.0);
        add(&claim.queue);
        for range in &claim.kinds {
            add(&range.kind);
            add(&range.max_version.to_string());
        }
        Before { key: key.digest128(), stirred: self.stirred, wakes }
    }

    /// Whether the same claim was in vain and would be again.
    pub(super) fn is_vain(&self, before: Before, now: Timestamp) -> Option<Rest> {
        let rest = self.in_vain.get(&before.key)?;
        let same = rest.stirred == before.stirred && rest.wakes == before.wakes;
        (same && rest.next_due.is_none_or(|due| due > now)).then_some(*rest)
    }

    /// A claim was answered: with nothing left behind, or not.
    pub(super) fn after(&mut self, before: Before, in_vain: bool, next_due: Option<Timestamp>) {
        if !in_vain {
            self.in_vain.remove(&before.key);
            return;
        }
        if self.in_vain.len() >= MOST {
            self.in_vain.clear();
        }
        let rest = Rest { stirred: before.stirred, wakes: before.wakes, next_due };
        self.in_vain.insert(before.key, rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::Lab;

    #[test]
    fn a_claim_in_vain_is_repeated_when_something_happened_or_is_due() {
        let (claim, due) = (Lab::request(1), Some(Timestamp(9)));
        let mut rests = Rests::default();
        let is_vain = |rests: &Rests, claim: &Claim, wakes, now| {
            rests.is_vain(rests.before(claim, wakes), Timestamp(now)).map(|rest| rest.next_due) == Some(due)
        };
        assert!(!is_vain(&rests, &claim, 1, 5));
        rests.after(rests.before(&claim, 1), true, due);
        assert!(is_vain(&rests, &claim, 1, 5));
        assert!(!is_vain(&rests, &claim, 1, 9), "it is due");
        assert!(!is_vain(&rests, &claim, 2, 5), "the ledger rang");
        let other = Claim { kinds: Vec::new(), ..claim.clone() };
        assert!(!is_vain(&rests, &other, 1, 5), "it asks for something else");
        rests.stir();
        assert!(!is_vain(&rests, &claim, 1, 5), "we changed something");
    }
}
