//! Jobs as bytes: the layout is described in lua/record.lua.

use crate::{
    Fence, GroupId, JobId, JobRecord, JobState, KeyLimits, Lease, NewJob, OnConflict, Priority, Rate,
    Timestamp, UniqueScope,
};
use std::{num::NonZeroU32, time::Duration};
use uuid::Uuid;

const GROUP: u8 = 1;
const UNIQUE: u8 = 2;
const EXPIRES: u8 = 4;
const FAIR: u8 = 8;
/// Bytes before the kind.
const FIXED: usize = 71;

/// A request to store `job`, which was validated: names fit into one byte of length.
pub(super) fn request(job: &NewJob) -> Vec<u8> {
    let (flags, extras) = extras(job);
    let conflict = match job.unique.as_ref().map(|unique| unique.on_conflict) {
        None | Some(OnConflict::Ignore) => b'i',
        Some(OnConflict::Replace) => b'r',
        Some(OnConflict::RunOnceMore) => b'o',
    };
    let mut bytes =
        Vec::with_capacity(FIXED + 8 + job.kind.len() + job.queue.len() + extras.len() + job.payload.len());
    bytes.extend([conflict, b'-', b'-', b'0' + job.priority as u8, flags]);
    bytes.extend(job.version.to_be_bytes());
    bytes.extend([0; 8]); // errors, crashes
    bytes.extend([0; 8]); // enqueued at
    bytes.extend(moment(job.run_at.unwrap_or_default()));
    bytes.extend([0; 24]); // fence, started at, finished at
    bytes.extend(job.id.0.as_bytes());
    short(&mut bytes, job.kind.as_bytes());
    short(&mut bytes, job.queue.as_bytes());
    bytes.extend((extras.len() as u16).to_be_bytes());
    bytes.extend(extras);
    bytes.extend(&job.payload);
    bytes
}

/// The record of an adopted job, which was checked.
pub(super) fn adopted(job: &JobRecord) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FIXED + 4 + job.kind.len() + job.queue.len() + job.payload.len());
    bytes.extend([b'j', b'A', b'-', b'0' + job.priority as u8, 0]);
    bytes.extend(job.version.to_be_bytes());
    bytes.extend(job.errors.to_be_bytes());
    bytes.extend(job.crashes.to_be_bytes());
    bytes.extend(moment(job.enqueued_at));
    bytes.extend(moment(job.due_at));
    bytes.extend(job.fence.0.to_be_bytes());
    bytes.extend(moment(job.started_at.unwrap_or_default()));
    bytes.extend([0; 8]); // finished at
    bytes.extend(job.id.0.as_bytes());
    short(&mut bytes, job.kind.as_bytes());
    short(&mut bytes, job.queue.as_bytes());
    bytes.extend([0; 2]); // extras
    bytes.extend(&job.payload);
    bytes
}

fn extras(job: &NewJob) -> (u8, Vec<u8>) {
    let (mut flags, mut bytes) = (0, Vec::new());
    if let Some(group) = job.group {
        flags |= GROUP;
        bytes.extend(group.0.as_bytes());
    }
    if let Some(expires_at) = job.expires_at {
        flags |= EXPIRES;
        bytes.extend(moment(expires_at));
    }
    if let Some(unique) = &job.unique {
        flags |= UNIQUE;
        let (scope, span) = match unique.scope {
            UniqueScope::UntilStarted => (b'S', 0),
            UniqueScope::UntilDone => (b'D', 0),
            UniqueScope::For(span) => (b'F', Timestamp(0).plus(span).0),
        };
        bytes.push(scope);
        bytes.extend(span.to_be_bytes());
        short(&mut bytes, unique.key.as_bytes());
    }
    if let Some(key) = &job.fairness_key {
        flags |= FAIR;
        short(&mut bytes, key.as_bytes());
    }
    (flags, bytes)
}

pub(super) fn short(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.push(text.len() as u8);
    bytes.extend(text);
}

/// Eight bytes that sort as the moments do. There are none before 1970.
pub(super) fn moment(at: Timestamp) -> [u8; 8] {
    at.0.max(0).to_be_bytes()
}

/// The bytes a settlement or renewal shows: fence, then id.
pub(super) fn lease_key(key: crate::LeaseKey) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&key.fence.0.to_be_bytes());
    bytes[8..].copy_from_slice(key.job.0.as_bytes());
    bytes
}

/// A block of a shelf (lua/shelf.lua): when its jobs ended, and their places in the order of arrival.
pub(super) fn block(bytes: &[u8]) -> Option<(u64, impl Iterator<Item = u64>)> {
    let (ended, runs) = bytes.split_first_chunk::<8>()?;
    let run = |run: &[u8; 10]| {
        let (first, n) = run.split_first_chunk::<8>().map_or((0, 0), |(first, n)| {
            (u64::from_be_bytes(*first), u64::from(n[0]) * 256 + u64::from(n[1]))
        });
        first..first.saturating_add(n)
    };
    Some((u64::from_be_bytes(*ended), runs.as_chunks::<10>().0.iter().flat_map(run)))
}

/// A stored job, read piece by piece.
#[derive(Debug)]
pub(super) struct Stored<'a> {
    bytes: &'a [u8],
    kind: &'a [u8],
    queue: &'a [u8],
    extras: &'a [u8],
    payload: &'a [u8],
}

impl<'a> Stored<'a> {
    /// `None` when the bytes are not a job of ours.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        if *bytes.first()? != b'j' {
            return None;
        }
        let (kind, rest) = take_short(bytes.get(FIXED..)?)?;
        let (queue, rest) = take_short(rest)?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (extras, payload) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        Some(Self { bytes, kind, queue, extras, payload })
    }

    fn number<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.bytes[at - 1..at - 1 + N]);
        bytes
    }

    fn time(&self, at: usize) -> Timestamp {
        Timestamp(i64::from_be_bytes(self.number(at)))
    }

    fn set_time(&self, at: usize) -> Option<Timestamp> {
        Some(self.time(at)).filter(|time| time.0 != 0)
    }

    fn id(&self) -> JobId {
        JobId(Uuid::from_bytes(self.number(56)))
    }

    fn priority(&self) -> Priority {
        Priority::from_level(self.bytes[3].wrapping_sub(b'0'))
    }

    fn version(&self) -> u16 {
        u16::from_be_bytes(self.number(6))
    }

    fn errors(&self) -> u32 {
        u32::from_be_bytes(self.number(8))
    }

    fn crashes(&self) -> u32 {
        u32::from_be_bytes(self.number(12))
    }

    fn has(&self, flag: u8) -> bool {
        self.bytes[4] & flag != 0
    }

    fn group(&self) -> Option<GroupId> {
        let bytes = self.has(GROUP).then(|| self.extras.first_chunk::<16>()).flatten()?;
        Some(GroupId(Uuid::from_bytes(*bytes)))
    }

    fn expires_at(&self) -> Option<Timestamp> {
        let at = if self.has(GROUP) { 16 } else { 0 };
        let bytes = self.has(EXPIRES).then(|| self.extras.get(at..)?.first_chunk::<8>()).flatten()?;
        Some(Timestamp(i64::from_be_bytes(*bytes)))
    }

    /// Unique key and fairness key.
    fn keys(&self) -> Option<(Option<String>, Option<String>)> {
        let at = if self.has(GROUP) { 16 } else { 0 } + if self.has(EXPIRES) { 8 } else { 0 };
        let mut rest = self.extras.get(at..)?;
        let mut keys = (None, None);
        if self.has(UNIQUE) {
            let (key, left) = take_short(rest.get(9..)?)?;
            keys.0 = Some(lossy(key));
            rest = left;
        }
        if self.has(FAIR) {
            keys.1 = Some(lossy(take_short(rest)?.0));
        }
        Some(keys)
    }

    /// What the counters of the store count it by.
    pub(super) fn traits(&self) -> Traits {
        let breed = [&[self.kind.len() as u8], self.kind, &self.number::<2>(6)].concat();
        Traits {
            state: self.bytes[1],
            place: self.bytes[2],
            prio: self.bytes[3],
            queue: lossy(self.queue),
            share: self.keys().and_then(|(_, fairness)| fairness).unwrap_or_default(),
            breed,
            due: self.number(24),
            finished: self.number(48),
            group: self.group().map(|group| group.0.as_bytes().to_vec()),
        }
    }

    /// The lease a claim gave on it.
    pub(super) fn lease(&self, fence: Fence, deadline: Timestamp) -> Lease {
        Lease {
            job: self.id(),
            fence,
            kind: lossy(self.kind),
            version: self.version(),
            queue: lossy(self.queue),
            priority: self.priority(),
            payload: self.payload.to_vec(),
            attempt: self.errors().saturating_add(1),
            crashes: self.crashes(),
            group: self.group(),
            enqueued_at: self.time(16),
            due_at: self.time(24),
            deadline,
        }
    }

    /// What operators see; `None` when the state is unknown.
    pub(super) fn record(&self, error: &[u8], worker: &[u8]) -> Option<JobRecord> {
        let (unique_key, fairness_key) = self.keys()?;
        Some(JobRecord {
            id: self.id(),
            kind: lossy(self.kind),
            version: self.version(),
            queue: lossy(self.queue),
            priority: self.priority(),
            state: state(self.bytes[1])?,
            payload: self.payload.to_vec(),
            errors: self.errors(),
            crashes: self.crashes(),
            fence: Fence(u64::from_be_bytes(self.number(32))),
            group: self.group(),
            fairness_key,
            unique_key,
            enqueued_at: self.time(16),
            due_at: self.time(24),
            expires_at: self.expires_at(),
            started_at: self.set_time(40),
            finished_at: self.set_time(48),
            worker: (!worker.is_empty()).then(|| crate::WorkerId(lossy(worker))),
            last_error: (self.has(16)).then(|| lossy(error)),
        })
    }
}

/// What a job is counted by: letters and bytes as they are stored.
#[derive(Debug)]
pub(super) struct Traits {
    pub(super) state: u8,
    pub(super) place: u8,
    pub(super) prio: u8,
    pub(super) queue: String,
    /// Fairness key, or nothing.
    pub(super) share: String,
    /// Kind and version.
    pub(super) breed: Vec<u8>,
    pub(super) due: [u8; 8],
    pub(super) finished: [u8; 8],
    pub(super) group: Option<Vec<u8>>,
}

/// Limits as sixteen bytes: running (4), jobs (4) and microseconds (8) of the rate, zero for none.
pub(super) fn limit_bytes(limits: KeyLimits) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&limits.running.map_or(0, NonZeroU32::get).to_be_bytes());
    if let Some(rate) = limits.rate {
        bytes[4..8].copy_from_slice(&rate.jobs.get().to_be_bytes());
        bytes[8..].copy_from_slice(&(rate.per.as_micros() as u64).to_be_bytes());
    }
    bytes
}

/// Limits from sixteen bytes; anything else is none.
pub(super) fn limits(bytes: &[u8]) -> KeyLimits {
    let number = |at: usize| {
        bytes.get(at..)?.first_chunk::<4>().and_then(|it| NonZeroU32::new(u32::from_be_bytes(*it)))
    };
    let per = bytes.get(8..).and_then(|rest| rest.first_chunk::<8>()).map(|it| u64::from_be_bytes(*it));
    let rate = number(4).zip(per).map(|(jobs, per)| Rate { jobs, per: Duration::from_micros(per) });
    KeyLimits { running: number(0), rate }
}

/// The state a letter stands for.
pub(super) fn state(letter: u8) -> Option<JobState> {
    Some(match letter {
        b'S' => JobState::Scheduled,
        b'A' => JobState::Available,
        b'R' => JobState::Running,
        b'T' => JobState::Retryable,
        b'C' => JobState::Completed,
        b'X' => JobState::Cancelled,
        b'D' => JobState::Discarded,
        b'Q' => JobState::Quarantined,
        _ => return None,
    })
}

pub(super) fn take_short(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

pub(super) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
