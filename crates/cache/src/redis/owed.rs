//! What Redis was not told while it was away.

use std::collections::VecDeque;

use crate::{Invalidation, Kind};

/// Most that is remembered one by one; beyond that, whole kinds.
const MOST: usize = 1024;

/// Invalidations to be delivered before Redis is asked again. Bounded: too many become an invalidation of their kinds.
#[derive(Debug, Default)]
pub(super) struct Owed {
    kinds: [bool; Kind::ALL.len()],
    others: VecDeque<Invalidation>,
}

impl Owed {
    pub(super) fn add(&mut self, what: &Invalidation) {
        match what {
            Invalidation::Kind(_) | Invalidation::Everything => self.owe_kinds(what),
            _ if self.is_covered(what) || self.others.contains(what) => {}
            _ if self.others.len() < MOST => self.others.push_back(what.clone()),
            _ => {
                self.owe_kinds(what);
                for what in std::mem::take(&mut self.others) {
                    self.owe_kinds(&what);
                }
            }
        }
        let kinds = self.kinds;
        self.others.retain(|other| !covered(kinds, other));
    }

    /// What is owed, kinds first; it stays owed until [`Owed::paid`].
    pub(super) fn all(&self) -> Vec<Invalidation> {
        let kinds = Kind::ALL.into_iter().filter(|kind| self.kinds[kind.index()]).map(Invalidation::Kind);
        kinds.chain(self.others.iter().cloned()).collect()
    }

    /// These were delivered.
    pub(super) fn paid(&mut self, delivered: &[Invalidation]) {
        for what in delivered {
            match what {
                Invalidation::Kind(kind) => self.kinds[kind.index()] = false,
                other => self.others.retain(|owed| owed != other),
            }
        }
    }

    fn owe_kinds(&mut self, what: &Invalidation) {
        for kind in Kind::ALL.into_iter().filter(|kind| what.concerns(*kind)) {
            self.kinds[kind.index()] = true;
        }
    }

    fn is_covered(&self, what: &Invalidation) -> bool {
        covered(self.kinds, what)
    }
}

/// Whether forgetting these kinds forgets it, too.
fn covered(kinds: [bool; Kind::ALL.len()], what: &Invalidation) -> bool {
    Kind::ALL.into_iter().filter(|kind| what.concerns(*kind)).all(|kind| kinds[kind.index()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    fn entry(kind: Kind, id: usize) -> Invalidation {
        Invalidation::Entry(Key::new(kind, 1, id.to_string()))
    }

    #[test]
    fn what_is_owed_stays_until_it_is_paid() {
        let mut owed = Owed::default();
        owed.add(&entry(Kind::Product, 1));
        owed.add(&entry(Kind::Product, 1));
        owed.add(&Invalidation::Tag("acme".into()));
        let all = owed.all();
        assert_eq!(all, [entry(Kind::Product, 1), Invalidation::Tag("acme".into())]);
        owed.paid(&all[..1]);
        assert_eq!(owed.all(), all[1..]);
    }

    #[test]
    fn a_kind_covers_its_entries_but_no_tags() {
        let mut owed = Owed::default();
        owed.add(&entry(Kind::Product, 1));
        owed.add(&entry(Kind::View, 1));
        owed.add(&Invalidation::Tag("acme".into()));
        owed.add(&Invalidation::Kind(Kind::Product));
        owed.add(&entry(Kind::Product, 2));
        let product = Invalidation::Kind(Kind::Product);
        assert_eq!(owed.all(), [product, entry(Kind::View, 1), Invalidation::Tag("acme".into())]);
    }

    #[test]
    fn too_many_become_their_kinds() {
        let mut owed = Owed::default();
        for id in 0..=MOST {
            owed.add(&entry(Kind::Product, id));
        }
        assert_eq!(owed.all(), [Invalidation::Kind(Kind::Product)]);
        for id in 0..MOST {
            owed.add(&entry(Kind::View, id));
        }
        owed.add(&Invalidation::Tag("acme".into()));
        assert_eq!(owed.all(), Kind::ALL.map(Invalidation::Kind));
    }
}
