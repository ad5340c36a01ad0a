//! A part of level 1, under one lock.

use std::borrow::Borrow;
use std::collections::hash_map::RandomState;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use indexmap::IndexSet;

use super::frequency::{Frequency, REQUEST};
use super::rank::{Rank, Standing};
use super::{Look, View};
use crate::entry::Entry;
use crate::{EvictionPolicy, Key};

/// An entry in the table, found by its key.
#[derive(Debug)]
struct Slot(Entry);

impl Hash for Slot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key.hash(state);
    }
}

impl PartialEq for Slot {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for Slot {}

impl Borrow<Key> for Slot {
    fn borrow(&self) -> &Key {
        &self.0.key
    }
}

/// Entries in a row, so that some can be drawn at random, and what is asked for among them.
#[derive(Debug)]
pub(super) struct Shard {
    entries: IndexSet<Slot, RandomState>,
    frequency: Frequency,
    /// Where the search for dead entries goes on.
    hand: usize,
}

impl Shard {
    /// With counts for about `keys` keys.
    pub(super) fn new(keys: usize) -> Self {
        Self { entries: IndexSet::default(), frequency: Frequency::new(keys), hand: 0 }
    }

    /// The entry of a key, alive or not; counted as asked for.
    pub(super) fn get(&mut self, key: &Key, now: u64) -> Option<Entry> {
        let entry = &self.entries.get(key)?.0;
        let age = self.frequency.age();
        entry.set_heat(entry.heat(age).saturating_add(REQUEST), age);
        entry.touch(now);
        let entry = Arc::clone(entry);
        self.frequency.asked(self.entries.len());
        Some(entry)
    }

    pub(super) fn peek(&self, key: &Key) -> Option<&Entry> {
        self.entries.get(key).map(|slot| &slot.0)
    }

    /// A request for a key that is not there.
    pub(super) fn missed(&mut self, key: &Key) {
        let hash = key.stable_hash();
        self.frequency.raise(hash, self.frequency.of(hash) + REQUEST);
        self.frequency.asked(self.entries.len());
    }

    /// How often a key that is not there was asked for.
    pub(super) fn known(&self, key: &Key) -> u32 {
        self.frequency.of(key.stable_hash())
    }

    /// Gives a newcomer what is known of its key, at least `expected`.
    pub(super) fn introduce(&self, entry: &Entry, expected: u32) {
        let age = self.frequency.age();
        let known = self.known(&entry.key);
        let before = self.peek(&entry.key).map_or(0, |old| old.heat(age));
        entry.set_heat(known.max(before).max(expected), age);
    }

    pub(super) fn rank(&self, policy: EvictionPolicy, entry: &Entry, standing: Standing) -> Rank {
        Rank::new(policy, entry, standing, self.frequency.age())
    }

    /// Puts an entry in. Returns the one whose place it takes.
    pub(super) fn insert(&mut self, entry: Entry) -> Option<Entry> {
        self.entries.replace(Slot(entry)).map(|old| old.0)
    }

    /// Takes out the entry of a key, if it is the one `meant`.
    pub(super) fn remove(&mut self, key: &Key, meant: impl FnOnce(&Entry) -> bool) -> Option<Entry> {
        let (at, slot) = self.entries.get_full(key)?;
        if meant(&slot.0) { self.take(at) } else { None }
    }

    /// Takes out all that `go`.
    pub(super) fn remove_all(&mut self, go: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let gone: Vec<Entry> = self.iter().filter(|entry| go(entry)).map(Arc::clone).collect();
        if gone.len() == self.entries.len() {
            self.entries = IndexSet::default();
        } else if !gone.is_empty() {
            self.entries.retain(|slot| !go(&slot.0));
        }
        gone
    }

    /// Takes out an entry, and remembers how often it was asked for.
    pub(super) fn evict(&mut self, entry: &Entry) -> Option<Entry> {
        let gone = self.remove(&entry.key, |present| Arc::ptr_eq(present, entry))?;
        self.frequency.raise(gone.key.stable_hash(), gone.heat(self.frequency.age()));
        Some(gone)
    }

    /// Looks at the next two entries in the row and takes out those that are dead: while entries come, no dead one stays
    /// for long.
    pub(super) fn sweep_on(&mut self, view: &View<'_>) -> Vec<Entry> {
        let mut gone = Vec::new();
        for _ in 0..2 {
            self.hand = if self.hand < self.entries.len() { self.hand } else { 0 };
            match self.entries.get_index(self.hand) {
                Some(slot) if view.look(&slot.0) == Look::Dead => gone.extend(self.take(self.hand)),
                _ => self.hand += 1,
            }
        }
        gone
    }

    /// As many as `number` entries, spread over the row from a place that `draw` says, with what is said of them.
    pub(super) fn sample(&self, number: usize, draw: u64) -> impl Iterator<Item = &Entry> {
        let length = self.entries.len();
        let number = number.min(length);
        let (start, step) = (draw as usize % length.max(1), length / number.max(1));
        (0..number).filter_map(move |at| Some(&self.entries.get_index((start + at * step) % length)?.0))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|slot| &slot.0)
    }

    fn take(&mut self, at: usize) -> Option<Entry> {
        let gone = self.entries.swap_remove_index(at).map(|slot| slot.0);
        // A row that was long once does not keep its room for ever.
        if self.entries.capacity() > 64 && self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to(self.entries.len() * 2);
        }
        gone
    }
}
