//! Counts jobs as the store's counters should.

use super::wire;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

type Bytes = Vec<u8>;
/// Queue, priority and share of a list of fresh jobs.
pub(super) type Line = (String, char, String);

/// What the jobs that were seen add up to.
#[derive(Debug, Default)]
pub(super) struct Census {
    seen: HashSet<u64>,
    /// By key and field.
    counters: HashMap<String, HashMap<Bytes, i64>>,
    queues: BTreeSet<String>,
    fresh: BTreeMap<Line, HashSet<Bytes>>,
    shelved: BTreeMap<char, HashSet<Bytes>>,
    /// Open and stored members, by group.
    members: HashMap<Bytes, (i64, i64)>,
    /// Sealed, pending, children, rows, done, parent, by group.
    groups: BTreeMap<Bytes, [Bytes; 6]>,
}

/// A counter that is not what it should be.
#[derive(Debug)]
pub(super) struct Correction {
    key: Bytes,
    field: Bytes,
    is: Bytes,
    should: Bytes,
}

impl Correction {
    pub(super) fn new(key: &str, field: &[u8], is: impl Into<Bytes>, should: i64) -> Self {
        Self {
            key: key.into(),
            field: field.to_vec(),
            is: is.into(),
            should: should.to_string().into_bytes(),
        }
    }

    pub(super) fn args(&self) -> [&[u8]; 4] {
        [&self.key, &self.field, &self.is, &self.should]
    }
}

impl Census {
    /// Counts jobs: order of arrival, record, bytes, of each.
    pub(super) fn count(&mut self, facts: &[Bytes]) {
        for fact in facts.chunks_exact(3) {
            let Some(seq) = fact[0].first_chunk::<8>() else { continue };
            let Some(job) = wire::Stored::read(&fact[1]) else { continue };
            if self.seen.insert(u64::from_be_bytes(*seq)) {
                let bytes = String::from_utf8_lossy(&fact[2]).parse().unwrap_or(0);
                self.add(&fact[0], &job.traits(), bytes);
            }
        }
    }

    fn add(&mut self, seq: &[u8], job: &wire::Traits, bytes: i64) {
        let wire::Traits { state, place, prio, .. } = *job;
        let queue = &job.queue;
        self.queues.insert(queue.clone());
        self.one(&format!("q:{queue}:count"), &[state], 1);
        let share = job.share.as_bytes();
        match state {
            b'A' => {
                let prio = char::from(prio);
                self.one(&format!("q:{queue}:k{prio}"), share, 1);
                if place == b'Z' {
                    self.one(&format!("q:{queue}:n{prio}"), &job.breed, 1);
                } else {
                    let token = [&job.due, seq].concat();
                    let line = (queue.clone(), prio, job.share.clone());
                    self.fresh.entry(line).or_default().insert(token);
                }
            }
            b'R' if !share.is_empty() => self.one(&format!("q:{queue}:running"), share, 1),
            b'C' | b'X' | b'D' | b'Q' => {
                let sums = if matches!(state, b'C' | b'X') { "done" } else { "dead" };
                self.one("meta", format!("{sums}_jobs").as_bytes(), 1);
                self.one("meta", format!("{sums}_bytes").as_bytes(), bytes);
                let ended = match state {
                    b'C' => 'c',
                    b'X' => 'x',
                    _ => 'd',
                };
                self.shelved.entry(ended).or_default().insert([seq, &job.finished].concat());
            }
            _ => {}
        }
        if let Some(group) = &job.group {
            let (open, stored) = self.members.entry(group.clone()).or_default();
            *open += i64::from(!matches!(state, b'C' | b'X' | b'D' | b'Q'));
            *stored += 1;
        }
    }

    fn one(&mut self, key: &str, field: &[u8], by: i64) {
        *self.counters.entry(key.to_owned()).or_default().entry(field.to_vec()).or_default() += by;
    }

    pub(super) fn note_groups(&mut self, facts: &[Bytes]) {
        for fact in facts.chunks_exact(7) {
            let fields = std::array::from_fn(|at| fact[at + 1].clone());
            self.groups.insert(fact[0].clone(), fields);
        }
    }

    pub(super) fn jobs(&self) -> u64 {
        self.seen.len() as u64
    }

    pub(super) fn queues(&self) -> Vec<String> {
        self.queues.iter().cloned().collect()
    }

    pub(super) fn fresh(&self) -> BTreeMap<Line, HashSet<Bytes>> {
        self.fresh.clone()
    }

    pub(super) fn shelved(&self) -> BTreeMap<char, HashSet<Bytes>> {
        self.shelved.clone()
    }

    /// What differs in one hash of counters.
    pub(super) fn compare(&self, key: &str, stored: &[(Bytes, Bytes)]) -> Vec<Correction> {
        let mut should: BTreeMap<&[u8], i64> = BTreeMap::new();
        should.extend(self.counters.get(key).into_iter().flatten().map(|(field, n)| (field.as_slice(), *n)));
        let mut wrong = Vec::new();
        let mut known = HashSet::new();
        for (field, is) in stored {
            if known.insert(field.as_slice()) {
                let should = should.remove(field.as_slice()).unwrap_or(0);
                if number(is) != Some(should) {
                    wrong.push(Correction::new(key, field, is.clone(), should));
                }
            }
        }
        let missing = should.into_iter().filter(|(_, n)| *n != 0);
        wrong.extend(missing.map(|(field, n)| Correction::new(key, field, "", n)));
        wrong
    }

    /// The sums of the retention; and the last order of arrival, which must not be given twice.
    pub(super) fn compare_meta(&self, stored: &[(Bytes, Bytes)]) -> Vec<Correction> {
        let sums = ["done_jobs", "done_bytes", "dead_jobs", "dead_bytes"];
        let mut ours: Vec<(Bytes, Bytes)> = stored.to_vec();
        ours.retain(|(field, _)| sums.iter().any(|sum| sum.as_bytes() == field.as_slice()));
        let mut wrong = self.compare("meta", &ours);
        let seq = stored.iter().find(|(field, _)| field == b"seq").map(|(_, seq)| seq.clone());
        let last = self.seen.iter().max().map_or(0, |last| *last as i64);
        if seq.as_deref().and_then(number).unwrap_or(0) < last {
            wrong.push(Correction::new("meta", b"seq", seq.unwrap_or_default(), last));
        }
        wrong
    }

    fn children(&self, id: &Bytes) -> i64 {
        let open = |[_, _, _, _, done, parent]: &&[Bytes; 6]| done.is_empty() && parent == id;
        self.groups.values().filter(open).count() as i64
    }

    pub(super) fn compare_groups(&self) -> Vec<Correction> {
        let mut wrong = Vec::new();
        let parents: HashSet<&Bytes> = self.groups.values().map(|group| &group[5]).collect();
        for (id, [_, pending, children, rows, _, _]) in &self.groups {
            let (open, stored) = self.members.get(id).copied().unwrap_or_default();
            let below = if parents.contains(id) { self.children(id) } else { 0 };
            let key = [b"g:", id.as_slice()].concat();
            let should = [("pending", pending, open), ("children", children, below), ("rows", rows, stored)];
            for (field, is, should) in should {
                if number(is) != Some(should) {
                    let mut one = Correction::new("", field.as_bytes(), is.clone(), should);
                    one.key.clone_from(&key);
                    wrong.push(one);
                }
            }
        }
        wrong
    }

    /// Sealed groups without open members and children that have not ended.
    pub(super) fn stuck(&self) -> Vec<Bytes> {
        let open = |id: &Bytes| self.members.get(id).map_or(0, |members| members.0) + self.children(id);
        let stuck =
            |(id, group): &(&Bytes, &[Bytes; 6])| group[0] == b"1" && group[4].is_empty() && open(id) == 0;
        self.groups.iter().filter(stuck).map(|(id, _)| id.clone()).collect()
    }
}

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
