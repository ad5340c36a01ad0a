//! Jobs that were delivered and not claimed yet, in the order they came, and how many there are of each kind: claims and
//! deliveries ask that all the time, and there are few kinds.

use super::{band::Fetched, message::Plain};
use crate::{KindRange, Timestamp};
use std::{collections::VecDeque, sync::Arc};

/// Kinds that are remembered although none of their jobs is here.
const IDLE: usize = 32;

#[derive(Default)]
pub(super) struct Buffer {
    jobs: VecDeque<Fetched>,
    kinds: Vec<Count>,
}

/// Jobs of one kind and version of payload.
struct Count {
    kind: Arc<str>,
    version: u16,
    jobs: usize,
}

impl Buffer {
    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// `kind` as those hold it that are here.
    pub(super) fn name(&self, kind: &str) -> Arc<str> {
        let known = self.kinds.iter().find(|count| *count.kind == *kind);
        known.map_or_else(|| kind.into(), |count| Arc::clone(&count.kind))
    }

    pub(super) fn push(&mut self, fetched: Fetched) {
        let Plain { kind, version, .. } = &fetched.job;
        if let Some(count) = self.kinds.iter_mut().find(|count| count.is_of(kind, *version)) {
            count.jobs += 1;
        } else {
            if self.kinds.len() >= IDLE {
                self.kinds.retain(|count| count.jobs > 0);
            }
            self.kinds.push(Count { kind: Arc::clone(kind), version: *version, jobs: 1 });
        }
        self.jobs.push_back(fetched);
    }

    /// How many jobs are of one of `kinds`.
    pub(super) fn ready(&self, kinds: &[KindRange]) -> usize {
        let covered = |count: &&Count| kinds.iter().any(|range| range.covers(&count.kind, count.version));
        self.kinds.iter().filter(covered).map(|count| count.jobs).sum()
    }

    /// Whether all jobs are of kinds that somebody `knows`.
    pub(super) fn is_known(&self, knows: impl Fn(&str, u16) -> bool) -> bool {
        self.kinds.iter().all(|count| count.jobs == 0 || knows(&count.kind, count.version))
    }

    /// When the first job of one of `kinds` was stored.
    pub(super) fn head(&self, kinds: &[KindRange]) -> Option<Timestamp> {
        self.jobs.iter().find(|fetched| fetched.job.is_for(kinds)).map(|fetched| fetched.job.enqueued_at)
    }

    /// Takes the first jobs of one of `kinds`, at most `most`.
    pub(super) fn take(&mut self, kinds: &[KindRange], most: usize) -> Vec<Fetched> {
        if self.ready(kinds) < self.jobs.len() {
            return self.sift(|job| job.is_for(kinds), most);
        }
        let taken: Vec<_> = self.jobs.drain(..most.min(self.jobs.len())).collect();
        self.forget(&taken);
        taken
    }

    /// Takes the first jobs that are `wanted`, at most `most`.
    pub(super) fn sift(&mut self, wanted: impl Fn(&Plain) -> bool, most: usize) -> Vec<Fetched> {
        let mut taken = Vec::new();
        let mut kept = VecDeque::with_capacity(self.jobs.len());
        for fetched in self.jobs.drain(..) {
            let take = taken.len() < most && wanted(&fetched.job);
            if take { taken.push(fetched) } else { kept.push_back(fetched) }
        }
        self.jobs = kept;
        self.forget(&taken);
        taken
    }

    fn forget(&mut self, taken: &[Fetched]) {
        for Fetched { job, .. } in taken {
            if let Some(count) = self.kinds.iter_mut().find(|count| count.is_of(&job.kind, job.version)) {
                count.jobs -= 1;
            }
        }
    }
}

impl Count {
    fn is_of(&self, kind: &Arc<str>, version: u16) -> bool {
        // Nearly always the same allocation: see `Buffer::name`.
        self.version == version && (Arc::ptr_eq(&self.kind, kind) || self.kind == *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::super::band::Hold;
    use super::*;
    use crate::{JobId, Priority};
    use proptest::prelude::*;
    use tokio::time::Instant;

    fn fetched(buffer: &Buffer, number: u64, kind: &str, version: u16) -> Fetched {
        let job = Plain {
            id: JobId(uuid::Uuid::from_u128(number.into())),
            kind: buffer.name(kind),
            version,
            queue: "q".into(),
            priority: Priority::Normal,
            payload: Vec::new(),
            enqueued_at: Timestamp(number as i64),
        };
        Fetched { job, hold: Hold { life: 1, tag: number, since: Instant::now() }, came_back: false }
    }

    proptest! {
        /// Against a list that is looked through each time.
        #[test]
        fn a_buffer_counts_and_gives_what_a_plain_list_would(
            steps in prop::collection::vec((0_u8..4, 0_u8..3, 1_u16..3, 0_usize..5), 1..60),
        ) {
            let (mut buffer, mut list) = (Buffer::default(), Vec::<(u64, String, u16)>::new());
            for (number, (step, kind, version, most)) in (1..).zip(steps) {
                let kind = format!("kind-{kind}");
                let kinds = [KindRange { kind: kind.clone(), max_version: version }];
                let covers = |job: &(u64, String, u16)| job.1 == kind && job.2 <= version;
                if step < 2 {
                    buffer.push(fetched(&buffer, number, &kind, version));
                    list.push((number, kind.clone(), version));
                } else {
                    let all = step == 3;
                    let of: Vec<KindRange> = if all {
                        list.iter().map(|(_, kind, version)| KindRange { kind: kind.clone(), max_version: *version }).collect()
                    } else {
                        kinds.to_vec()
                    };
                    let due: Vec<u64> =
                        list.iter().filter(|job| all || covers(job)).map(|job| job.0).take(most).collect();
                    let got: Vec<u64> = buffer.take(&of, most).iter().map(|one| one.hold.tag).collect();
                    prop_assert_eq!(&got, &due);
                    list.retain(|job| !due.contains(&job.0));
                }
                prop_assert_eq!(buffer.len(), list.len());
                prop_assert_eq!(buffer.ready(&kinds), list.iter().filter(|job| covers(job)).count());
                let head = list.iter().find(|job| covers(job)).map(|job| Timestamp(job.0 as i64));
                prop_assert_eq!(buffer.head(&kinds), head);
                let known = list.iter().all(covers);
                prop_assert_eq!(buffer.is_known(|kind, version| kinds[0].covers(kind, version)), known);
            }
        }
    }

    #[test]
    fn kinds_that_went_by_are_forgotten() {
        let mut buffer = Buffer::default();
        for number in 0..500 {
            buffer.push(fetched(&buffer, number, &format!("kind-{number}"), 1));
            buffer.sift(|_| true, 1);
        }
        assert!(buffer.is_empty() && buffer.kinds.len() <= IDLE);
    }
}
