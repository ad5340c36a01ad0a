//! The claimable jobs of one priority as far as they were read, and whose turn it is among their keys.

use super::gate::Gate;
use crate::{Timestamp, order::fair::Turns};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One claimable job: due time, number, bytes, expiry if it was never started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Candidate(pub(super) i64, pub(super) i64, pub(super) i64, pub(super) Option<i64>);

/// Due time and number: the order inside a key.
type Age = (i64, i64);

impl Candidate {
    const fn age(&self) -> Age {
        (self.0, self.1)
    }

    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        self.3.is_some_and(|at| at <= now.0)
    }
}

/// Jobs of one key in one lane.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) lane: i64,
    pub(super) jobs: VecDeque<Candidate>,
    /// Whether there may be more behind them.
    pub(super) more: bool,
}

#[derive(Debug, Default)]
pub(super) struct Key {
    pub(super) lines: Vec<Line>,
    /// Whether it has jobs that were not read: of unknown kinds, or held back.
    pub(super) unread: bool,
    /// Whether a limit held it back when it was read.
    pub(super) held_back: bool,
    /// Its turn as stored: only when it is not behind the last one served.
    stored: Option<u64>,
    turn: u64,
}

impl Key {
    fn front(&self) -> Option<(usize, Candidate)> {
        let fronts = self.lines.iter().enumerate();
        let fronts = fronts.filter_map(|(at, line)| Some((at, *line.jobs.front()?)));
        fronts.min_by_key(|(_, job)| job.age())
    }

    /// Whether it ran out where there may be more: the last job of the claim was its own.
    fn is_open_ended(&self) -> bool {
        self.lines.iter().any(|line| line.jobs.is_empty() && line.more)
    }

    fn age(&self) -> Option<Age> {
        self.front().map(|(_, job)| job.age())
    }
}

/// What must be stored for the next claim.
#[derive(Debug, Default)]
pub(super) struct Changes<'a> {
    /// Turns to store (`Some`) or to forget, by key.
    pub(super) turns: Vec<(&'a str, Option<u64>)>,
    /// The last turn served, when it matters.
    pub(super) served: Option<u64>,
    /// Whether a turn is stored for a key that may have no more jobs.
    pub(super) unsure: bool,
}

#[derive(Debug)]
pub(super) struct Band {
    turns: Turns,
    /// By bytes; places in it stand for keys.
    names: Vec<String>,
    keys: Vec<Key>,
    /// Keys that may be served: by turn, and by their oldest job.
    by_turn: BTreeSet<(u64, usize)>,
    by_age: BTreeSet<(Age, usize)>,
    was_served: bool,
}

impl Band {
    /// `stored`: the turns of keys that are not behind `served`.
    pub(super) fn new(served: u64, stored: &BTreeMap<String, u64>, keys: BTreeMap<String, Key>) -> Self {
        let turns = Turns(served);
        let (names, mut keys): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
        let (mut by_turn, mut by_age) = (BTreeSet::new(), BTreeSet::new());
        for (at, (name, key)) in names.iter().zip(&mut keys).enumerate() {
            key.stored = stored.get(name).copied();
            key.turn = key.stored.unwrap_or_else(|| turns.join());
            if let Some(age) = key.age().filter(|_| !key.held_back) {
                by_turn.insert((key.turn, at));
                by_age.insert((age, at));
            }
        }
        Self { turns, names, keys, by_turn, by_age, was_served: false }
    }

    /// The due time of the oldest job that may be served.
    pub(super) fn head(&mut self, gate: &Gate) -> Option<Timestamp> {
        while let Some((age, at)) = self.by_age.first().copied() {
            if gate.is_open(&self.names[at]) {
                return Some(Timestamp(age.0));
            }
            self.close(at);
        }
        None
    }

    /// The job to be served next, and the place of its key.
    pub(super) fn next(&mut self, gate: &Gate) -> Option<(usize, Candidate)> {
        while let Some((_, at)) = self.by_turn.first().copied() {
            if gate.is_open(&self.names[at]) {
                return Some((at, self.keys[at].front()?.1));
            }
            self.close(at);
        }
        None
    }

    /// Serves that job. Returns the line that must be read on before anything else, if it ran out.
    pub(super) fn serve(&mut self, at: usize, gate: &mut Gate) -> Option<Wanted> {
        self.close(at);
        self.was_served = true;
        let key = &mut self.keys[at];
        key.turn = self.turns.serve(key.turn);
        gate.start(&self.names[at]);
        let (place, _) = key.front()?;
        let line = &mut key.lines[place];
        let after = line.jobs.pop_front()?.age();
        if line.jobs.is_empty() && line.more {
            return Some(Wanted { at, place, lane: line.lane, name: self.names[at].clone(), after });
        }
        self.open(at);
        None
    }

    /// Takes in what was read on.
    pub(super) fn read_on(&mut self, wanted: &Wanted, jobs: Vec<Candidate>, more: bool) {
        let line = &mut self.keys[wanted.at].lines[wanted.place];
        line.jobs.extend(jobs);
        line.more = more;
        self.open(wanted.at);
    }

    /// How many keys may be served.
    pub(super) fn open_keys(&self) -> usize {
        self.by_turn.len()
    }

    fn open(&mut self, at: usize) {
        if let Some(age) = self.keys[at].age() {
            self.by_turn.insert((self.keys[at].turn, at));
            self.by_age.insert((age, at));
        }
    }

    fn close(&mut self, at: usize) {
        self.by_turn.remove(&(self.keys[at].turn, at));
        if let Some(age) = self.keys[at].age() {
            self.by_age.remove(&(age, at));
        }
    }

    /// All jobs read.
    pub(super) fn jobs(&self) -> impl Iterator<Item = &Candidate> {
        self.keys.iter().flat_map(|key| &key.lines).flat_map(|line| &line.jobs)
    }

    /// Keys that still have jobs which the worker could do.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &str> {
        let waits = |key: &Key| key.held_back || key.age().is_some() || key.is_open_ended();
        self.names.iter().zip(&self.keys).filter(move |(_, key)| waits(key)).map(|(name, _)| name.as_str())
    }

    /// What must be stored for the next claim.
    pub(super) fn changes(&self) -> Changes<'_> {
        let mut changes = Changes::default();
        if !self.was_served {
            return changes;
        }
        for (name, key) in self.names.iter().zip(&self.keys) {
            let open_ended = key.is_open_ended();
            let active = key.unread || key.age().is_some() || open_ended;
            let turn = Some(key.turn).filter(|turn| active && *turn < self.turns.join());
            if turn.is_some() {
                changes.served = Some(self.turns.0);
                changes.unsure |= open_ended;
            }
            if turn != key.stored {
                changes.turns.push((name.as_str(), turn));
            }
        }
        changes
    }
}

/// A line to be read on, after a job.
#[derive(Debug)]
pub(super) struct Wanted {
    at: usize,
    place: usize,
    pub(super) lane: i64,
    pub(super) name: String,
    pub(super) after: Age,
}
