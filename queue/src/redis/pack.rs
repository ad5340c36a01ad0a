//! Fresh jobs that travel and are stored together: the layout is described in lua/pack.lua.

use super::wire;
use crate::{Fence, JobId, Lease, NewJob, Priority, Timestamp};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Most jobs of a pack. A claim of a few reads all of it, so more would cost more than it saves.
const JOBS: usize = 128;
/// Most jobs of a pack with fairness keys: more than others with several of them, because each has a part of its own, which
/// should not be too small.
pub(super) const KEYED_JOBS: usize = 500;
/// Most fairness keys in a pack: a byte says which.
const SHARES: usize = 255;
/// Most bytes of payload in a pack.
const BYTES: usize = 64 << 10;
/// Bytes before the length of the kind.
const FIXED: usize = 14;
/// What the head of a pack has behind its time.
const PACK: u8 = b'p';
const ASCENDING: u8 = b'a';

/// Whether nothing but kind, queue, priority and fairness key says how `job` is to be run. An empty key is a rarity.
fn is_plain(job: &NewJob) -> bool {
    let NewJob { run_at, expires_at, unique, group, fairness_key, .. } = job;
    let with_key = fairness_key.as_deref() != Some("");
    run_at.is_none() && expires_at.is_none() && unique.is_none() && group.is_none() && with_key
}

/// Whether two jobs may stand in one pack.
fn alike(one: &NewJob, next: &NewJob) -> bool {
    is_plain(one)
        && is_plain(next)
        && one.kind == next.kind
        && one.queue == next.queue
        && one.priority == next.priority
        && one.version == next.version
        && one.fairness_key.is_some() == next.fairness_key.is_some()
}

fn ids_differ(jobs: &[NewJob]) -> bool {
    let mut seen = HashSet::new();
    jobs.is_sorted_by(|one, next| one.id < next.id) || jobs.iter().all(|job| seen.insert(job.id))
}

/// Whether the ids begin with the moment they were made and each is above the one before: then the server can do without an
/// entry for each (lua/ids.lua).
fn ascend(jobs: &[NewJob]) -> bool {
    jobs.iter().all(|job| job.id.0.get_version_num() == 7) && jobs.is_sorted_by(|one, next| one.id < next.id)
}

/// Jobs of one call, which were validated, as the server takes them: packs (head and payloads) where that can be, else
/// requests.
pub(super) fn requests(jobs: &[NewJob]) -> Vec<Vec<u8>> {
    if jobs.len() < 2 || !ids_differ(jobs) {
        return jobs.iter().map(wire::request).collect();
    }
    let mut requests = Vec::new();
    for run in jobs.chunk_by(alike) {
        let mut rest = run;
        while !rest.is_empty() {
            let (some, left) = rest.split_at(fitting(rest));
            match some {
                [one] => requests.push(wire::request(one)),
                many => {
                    requests.push(head(many));
                    requests.push(many.iter().map(|job| job.payload.as_slice()).collect::<Vec<_>>().concat());
                }
            }
            rest = left;
        }
    }
    requests
}

/// How many of the first jobs one pack takes; at least one.
fn fitting(jobs: &[NewJob]) -> usize {
    let (mut bytes, mut keys) = (0, HashSet::new());
    let mut count = 0;
    for job in jobs.iter().take(KEYED_JOBS) {
        bytes += job.payload.len();
        keys.insert(&job.fairness_key);
        if bytes > BYTES || keys.len() > SHARES || count == JOBS * keys.len() {
            break;
        }
        count += 1;
    }
    count.max(1)
}

/// The head without its time.
fn head(jobs: &[NewJob]) -> Vec<u8> {
    let first = &jobs[0];
    let shares = shares(jobs);
    let length = FIXED + 4 + first.kind.len() + first.queue.len() + shares.len() + jobs.len() * 20;
    let mut bytes = Vec::with_capacity(length);
    bytes.push(if ascend(jobs) { ASCENDING } else { PACK });
    bytes.extend((jobs.len() as u16).to_be_bytes());
    bytes.push(b'0' + first.priority as u8);
    bytes.extend(first.version.to_be_bytes());
    wire::short(&mut bytes, first.kind.as_bytes());
    wire::short(&mut bytes, first.queue.as_bytes());
    bytes.extend(u16::try_from(shares.len()).unwrap_or_default().to_be_bytes());
    bytes.extend(shares);
    for job in jobs {
        bytes.extend(job.id.0.as_bytes());
    }
    let mut end = 0_u32;
    for job in jobs {
        end += job.payload.len() as u32;
        bytes.extend(end.to_be_bytes());
    }
    bytes
}

/// The fairness keys of jobs that have one, and a byte a job, which it is; nothing of others.
fn shares(jobs: &[NewJob]) -> Vec<u8> {
    /// A fairness key, the place of its first job, how many it has.
    type Share<'a> = (&'a str, u16, u16);
    let (mut shares, mut known, mut which) = (Vec::<Share<'_>>::new(), HashMap::new(), Vec::new());
    for (place, job) in (0_u16..).zip(jobs) {
        let Some(key) = &job.fairness_key else { return Vec::new() };
        let number = *known.entry(key.as_str()).or_insert_with(|| {
            shares.push((key, place, 0));
            shares.len() - 1
        });
        shares[number].2 += 1;
        which.push(number as u8 + 1);
    }
    let mut bytes = Vec::new();
    for (key, first, many) in shares {
        wire::short(&mut bytes, key.as_bytes());
        bytes.extend(first.to_be_bytes());
        bytes.extend(many.to_be_bytes());
    }
    bytes.extend(which);
    bytes
}

/// What a claim says of jobs of a pack before their ids, ends and payloads.
#[derive(Debug)]
pub(super) struct Head<'a> {
    fixed: &'a [u8; FIXED],
    kind: &'a [u8],
    queue: &'a [u8],
}

impl<'a> Head<'a> {
    /// `None` when the bytes are no head.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (fixed, rest) = bytes.split_first_chunk::<FIXED>()?;
        if fixed[8] != PACK && fixed[8] != ASCENDING {
            return None;
        }
        let (kind, rest) = wire::take_short(rest)?;
        let (queue, rest) = wire::take_short(rest)?;
        rest.is_empty().then_some(Self { fixed, kind, queue })
    }

    /// The leases on its jobs, under the fence given and those that follow; `ends` has one more entry than `ids`: before
    /// the ends of the payloads where the first begins. Or, when they do not follow each other, two for each: where it
    /// begins and ends. What lies outside of `payloads` is read as nothing.
    pub(super) fn lease(
        &self,
        ids: &[u8],
        ends: &[u8],
        payloads: &[u8],
        (fence, deadline): (Fence, Timestamp),
        leases: &mut Vec<Lease>,
    ) {
        let (kind, queue) = (wire::lossy(self.kind), wire::lossy(self.queue));
        let at = self.fixed.first_chunk().map_or(Timestamp(0), |at| Timestamp(i64::from_be_bytes(*at)));
        let (ids, ends) = (ids.as_chunks::<16>().0, ends.as_chunks::<4>().0);
        let begin = ends.first().map_or(0, |begin| u32::from_be_bytes(*begin));
        let place = |end: [u8; 4]| u32::from_be_bytes(end).saturating_sub(begin) as usize;
        let step = if ends.len() == 2 * ids.len() { 2 } else { 1 };
        for ((index, id), ends) in (0..).zip(ids).zip(ends.windows(2).step_by(step)) {
            let payload = payloads.get(place(ends[0])..place(ends[1])).unwrap_or_default();
            leases.push(Lease {
                job: JobId(Uuid::from_bytes(*id)),
                fence: Fence(fence.0 + index),
                kind: kind.clone(),
                version: u16::from_be_bytes([self.fixed[12], self.fixed[13]]),
                queue: queue.clone(),
                priority: Priority::from_level(self.fixed[11].wrapping_sub(b'0')),
                payload: payload.to_vec(),
                attempt: 1,
                crashes: 0,
                group: None,
                enqueued_at: at,
                due_at: at,
                deadline,
            });
        }
    }
}

/// The tokens (due at, order of arrival) of the jobs that a token of a list of fresh jobs may stand for: of a keyed pack, those
/// of other shares lie between them.
pub(super) fn tokens(token: &[u8]) -> impl Iterator<Item = [u8; 16]> {
    let (due, rest) = token.split_first_chunk::<8>().map_or(([0; 8], token), |(due, rest)| (*due, rest));
    let number = |at: usize| {
        rest.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |number| u64::from_be_bytes(*number))
    };
    let first = number(0);
    let many = match rest.len() {
        19.. => number(8).saturating_add(KEYED_JOBS as u64).saturating_sub(first),
        18 => u64::from(rest[16]) * 256 + u64::from(rest[17]),
        _ => 1,
    };
    (first..first.saturating_add(many.min(KEYED_JOBS as u64))).map(move |seq| {
        let mut token = [0; 16];
        token[..8].copy_from_slice(&due);
        token[8..].copy_from_slice(&seq.to_be_bytes());
        token
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::lab::{job, jobs};
    use proptest::prelude::*;

    fn sizes(jobs: &[NewJob]) -> Vec<usize> {
        let mut requests = requests(jobs).into_iter();
        let mut sizes = Vec::new();
        while let Some(request) = requests.next() {
            if request[0] == PACK || request[0] == ASCENDING {
                requests.next().unwrap();
                sizes.push(usize::from(u16::from_be_bytes([request[1], request[2]])));
            } else {
                sizes.push(1);
            }
        }
        sizes
    }

    #[test]
    fn only_plain_jobs_alike_that_follow_each_other_are_packed() {
        assert_eq!(sizes(&jobs("a", 300)), [128, 128, 44]);
        let other = job("b").prioritized(Priority::Low);
        let mixed =
            [jobs("a", 2), vec![other], jobs("c", 1), vec![job("d").with_fairness_key("k")], jobs("e", 3)];
        assert_eq!(sizes(&mixed.concat()), [2, 1, 1, 1, 3]);
    }

    #[test]
    fn jobs_with_fairness_keys_are_packed_by_themselves_in_their_order() {
        let keyed = |name: &str, key: &str| job(name).with_fairness_key(key);
        let jobs =
            [keyed("a", "k"), keyed("b", "l"), keyed("c", "k"), keyed("d", ""), keyed("e", "k"), job("f")];
        assert_eq!(sizes(&jobs), [3, 1, 1, 1]);
        let expected = [b"\x01k\0\0\0\x02\x01l\0\x01\0\x01".as_slice(), &[1, 2, 1]].concat();
        assert_eq!(shares(&jobs[..3]), expected);
        let many: Vec<_> = (0..700).map(|at| keyed(&at.to_string(), &(at % 50).to_string())).collect();
        assert_eq!(sizes(&many), [500, 200]);
        let alone: Vec<_> = (0..200).map(|at| keyed(&at.to_string(), "k")).collect();
        assert_eq!(sizes(&alone), [128, 72]);
        let other: Vec<_> = (0..700).map(|at| keyed(&at.to_string(), &at.to_string())).collect();
        assert_eq!(sizes(&other), [255, 255, 190]);
    }

    #[test]
    fn jobs_with_the_same_id_are_not_packed() {
        assert_eq!(sizes(&[job("a"), job("b"), job("a")]), [1, 1, 1]);
    }

    #[test]
    fn large_payloads_stand_alone() {
        let large = |name: &str| NewJob { payload: vec![b'1'; BYTES], ..job(name) };
        assert_eq!(sizes(&[large("a"), large("b"), job("c"), job("d")]), [1, 1, 2]);
    }

    proptest! {
        #[test]
        fn what_is_packed_is_leased(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 2..60)) {
            let payload = |(number, payload): (usize, &Vec<u8>)| NewJob { payload: payload.clone(), ..job(&number.to_string()) };
            let jobs: Vec<NewJob> = payloads.iter().enumerate().map(payload).collect();
            let [head, payloads] = requests(&jobs).try_into().unwrap();
            let stored = [vec![0; 8], head].concat();
            let (head, rest) = stored.split_at(FIXED + 2 + jobs[0].kind.len() + jobs[0].queue.len());
            let (shares, rest) = rest.split_at(2);
            prop_assert_eq!(shares, [0; 2]);
            let (ids, ends) = rest.split_at(16 * jobs.len());
            // A claim tells where the first payload begins.
            let ends = [&[0; 4], ends].concat();
            let mut leases = Vec::new();
            Head::read(head).unwrap().lease(ids, &ends, &payloads, (Fence(512), Timestamp(9)), &mut leases);
            prop_assert_eq!(leases.len(), jobs.len());
            for (index, (lease, job)) in leases.iter().zip(&jobs).enumerate() {
                prop_assert_eq!((lease.job, lease.fence.0), (job.id, 512 + index as u64));
                prop_assert_eq!((&lease.payload, &lease.kind, &lease.queue), (&job.payload, &job.kind, &job.queue));
            }
        }

        #[test]
        fn what_is_scattered_in_a_pack_is_leased(
            payloads in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..9), any::<bool>()), 2..60),
        ) {
            let stored = [[0; 8].as_slice(), b"p\0\x01", b"2\0\x01", b"\x01k\x01q"].concat();
            let (mut ids, mut spans, mut text, mut expected) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for (payload, taken) in payloads {
                let begin = text.len() as u32;
                text.extend(&payload);
                if taken {
                    ids.extend(job("a").id.0.as_bytes());
                    spans.extend([begin.to_be_bytes(), (text.len() as u32).to_be_bytes()].concat());
                    expected.push(payload);
                }
            }
            let from = spans.first_chunk().map_or(0, |begin| u32::from_be_bytes(*begin) as usize);
            let mut leases = Vec::new();
            Head::read(&stored).unwrap().lease(&ids, &spans, &text[from..], (Fence(512), Timestamp(9)), &mut leases);
            let found: Vec<_> = leases.into_iter().map(|lease| lease.payload).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn bytes_of_any_kind_are_read_without_panic(mut parts in prop::array::uniform4(prop::collection::vec(any::<u8>(), 0..60))) {
            if let Some(magic) = parts[0].get_mut(8) {
                *magic = b'p';
            }
            if let Some(head) = Head::read(&parts[0]) {
                head.lease(&parts[1], &parts[2], &parts[3], (Fence(1), Timestamp(1)), &mut Vec::new());
            }
            tokens(&parts[3]).take(10).for_each(drop);
        }
    }
}
