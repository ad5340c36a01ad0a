//! The claimable jobs of one priority of one queue, by fairness key, and whose turn it is.

use super::{index::At, jobs::Entry};
use crate::KindRange;
use crate::order::fair::{Turns, share};
use std::collections::{BTreeMap, BTreeSet, HashMap};

#[derive(Debug, Default)]
pub(super) struct Band {
    turns: Turns,
    shares: BTreeMap<String, Share>,
    /// Shares that had no job left at some moment of this call.
    emptied: Vec<String>,
}

/// The jobs of one key, by kind and version: unknown kinds cost a claim nothing.
#[derive(Debug)]
struct Share {
    turn: u64,
    jobs: HashMap<String, BTreeMap<u16, BTreeSet<At>>>,
}

/// The oldest job of a share that a worker may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub(super) key: &'a str,
    pub(super) turn: u64,
    pub(super) at: At,
}

impl Band {
    /// The head of every share that has a job of a kind and version in `kinds`.
    pub(super) fn heads(&self, kinds: &[KindRange]) -> impl Iterator<Item = Head<'_>> {
        let heads = move |(key, share): (_, &Share)| Some((key, share.turn, share.head(kinds)?));
        self.shares.iter().filter_map(heads).map(|(key, turn, at): (&String, _, _)| Head { key, turn, at })
    }

    /// The oldest job of all.
    pub(super) fn oldest(&self) -> Option<At> {
        let sets = self.shares.values().flat_map(|share| share.jobs.values()).flat_map(BTreeMap::values);
        sets.filter_map(BTreeSet::first).min().copied()
    }

    /// A job of `key` is served.
    pub(super) fn serve(&mut self, key: &str) {
        if let Some(share) = self.shares.get_mut(key) {
            share.turn = self.turns.serve(share.turn);
        }
    }

    pub(super) fn add(&mut self, job: &Entry) {
        let key = share(job.record.fairness_key.as_deref());
        if !self.shares.contains_key(key) {
            let share = Share { turn: self.turns.join(), jobs: HashMap::new() };
            self.shares.insert(key.to_owned(), share);
        }
        if let Some(share) = self.shares.get_mut(key) {
            share.add(job);
        }
    }

    pub(super) fn remove(&mut self, job: &Entry) {
        let key = share(job.record.fairness_key.as_deref());
        let Some(share) = self.shares.get_mut(key) else { return };
        share.remove(job);
        if share.jobs.is_empty() {
            self.emptied.push(key.to_owned());
        }
    }

    /// At the end of a call: forgets the shares that it left without a job.
    pub(super) fn forget_emptied(&mut self) {
        for key in std::mem::take(&mut self.emptied) {
            if self.shares.get(&key).is_some_and(|share| share.jobs.is_empty()) {
                self.shares.remove(&key);
            }
        }
    }
}

impl Share {
    fn head(&self, kinds: &[KindRange]) -> Option<At> {
        let known = kinds.iter().filter_map(|range| Some((self.jobs.get(&range.kind)?, range.max_version)));
        known
            .flat_map(|(versions, max)| versions.range(..=max))
            .filter_map(|(_, set)| set.first())
            .min()
            .copied()
    }

    fn add(&mut self, job: &Entry) {
        let at = (job.record.due_at, job.seq);
        if !self.jobs.contains_key(&job.record.kind) {
            self.jobs.insert(job.record.kind.clone(), BTreeMap::new());
        }
        if let Some(versions) = self.jobs.get_mut(&job.record.kind) {
            versions.entry(job.record.version).or_default().insert(at);
        }
    }

    fn remove(&mut self, job: &Entry) {
        let Some(versions) = self.jobs.get_mut(&job.record.kind) else { return };
        if let Some(set) = versions.get_mut(&job.record.version) {
            set.remove(&(job.record.due_at, job.seq));
            if set.is_empty() {
                versions.remove(&job.record.version);
            }
        }
        if versions.is_empty() {
            self.jobs.remove(&job.record.kind);
        }
    }
}
