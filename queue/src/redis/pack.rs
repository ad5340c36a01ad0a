//! Plain fresh jobs that travel and are stored together: the layout is described in lua/pack.lua.

use super::wire;
use crate::{Fence, JobId, Lease, NewJob, Priority, Timestamp};
use std::collections::HashSet;
use uuid::Uuid;

/// Most jobs of a pack. A claim of a few reads all of it, so more would cost more than it saves.
const JOBS: usize = 128;
/// Most bytes of payload in a pack.
const BYTES: usize = 64 << 10;
/// Bytes before the length of the kind.
const FIXED: usize = 14;

/// Whether nothing but kind, queue and priority says how `job` is to be run.
fn is_plain(job: &NewJob) -> bool {
    let NewJob { run_at, expires_at, unique, group, fairness_key, .. } = job;
    run_at.is_none() && expires_at.is_none() && unique.is_none() && group.is_none() && fairness_key.is_none()
}

/// Whether two jobs may stand in one pack.
fn alike(one: &NewJob, next: &NewJob) -> bool {
    is_plain(one)
        && is_plain(next)
        && one.kind == next.kind
        && one.queue == next.queue
        && one.priority == next.priority
        && one.version == next.version
}

fn ids_differ(jobs: &[NewJob]) -> bool {
    let mut seen = HashSet::new();
    jobs.is_sorted_by(|one, next| one.id < next.id) || jobs.iter().all(|job| seen.insert(job.id))
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
    let mut bytes = 0;
    let fits = |job: &&NewJob| {
        bytes += job.payload.len();
        bytes <= BYTES
    };
    jobs.iter().take(JOBS).take_while(fits).count().max(1)
}

/// The head without its time.
fn head(jobs: &[NewJob]) -> Vec<u8> {
    let first = &jobs[0];
    let mut bytes = Vec::with_capacity(FIXED + 2 + first.kind.len() + first.queue.len() + jobs.len() * 20);
    bytes.push(b'p');
    bytes.extend((jobs.len() as u16).to_be_bytes());
    bytes.push(b'0' + first.priority as u8);
    bytes.extend(first.version.to_be_bytes());
    wire::short(&mut bytes, first.kind.as_bytes());
    wire::short(&mut bytes, first.queue.as_bytes());
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
        if fixed[8] != b'p' {
            return None;
        }
        let (kind, rest) = wire::take_short(rest)?;
        let (queue, rest) = wire::take_short(rest)?;
        rest.is_empty().then_some(Self { fixed, kind, queue })
    }

    /// The leases on its jobs, under the fence given and those that follow; `ends` has one more entry than `ids`: before
    /// the ends of the payloads where the first begins. What lies outside of `payloads` is read as nothing.
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
        for ((index, id), ends) in (0..).zip(ids).zip(ends.windows(2)) {
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

/// The tokens (due at, order of arrival) of the jobs that a token of the list of fresh jobs stands for.
pub(super) fn tokens(token: &[u8]) -> impl Iterator<Item = [u8; 16]> {
    let (due, rest) = token.split_first_chunk::<8>().map_or(([0; 8], token), |(due, rest)| (*due, rest));
    let first = rest.first_chunk().map_or(0, |seq| u64::from_be_bytes(*seq));
    let many = rest.get(16..18).map_or(1, |many| u64::from(many[0]) * 256 + u64::from(many[1]));
    (first..first.saturating_add(many)).map(move |seq| {
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
            if request[0] == b'p' {
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
