//! Random sequences of calls, compared step by step with a model too simple to be wrong.

mod naive;
mod step;

use super::{Bed, Lab, lab};
use crate::{JobRecord, Lease, Page, Retention, Settled, Settlement, WorkerId};
use naive::Naive;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::future::Future;
use std::time::Duration;
use step::{Op, Step};

/// Runs `cases` random sequences against stores made by `bed`; the shortest sequence that fails is in the panic.
pub fn check<B: Bed, F: Future<Output = B>>(bed: impl Fn() -> F, cases: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    let outcome = TestRunner::new(config).run(&step::sequences(), |steps| {
        runtime.block_on(async { Pair::new(bed().await).await.run(steps).await })
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

type Verdict = Result<(), TestCaseError>;

/// Fails the case, with both sides, unless they are equal.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, store: &T, model: &T) -> Verdict {
    if store == model {
        return Ok(());
    }
    Err(TestCaseError::fail(format!("{what}\n store: {store:#?}\n model: {model:#?}")))
}

/// A store and its model, side by side.
struct Pair {
    lab: Lab,
    model: Naive,
    /// Whether the store keeps limits of fairness keys.
    fair: bool,
    /// All leases ever given, lost ones, too.
    leases: Vec<Lease>,
    /// Names of the two workers of the moment; a name is never used again.
    workers: [String; 2],
    born: usize,
}

impl Pair {
    async fn new(bed: impl Bed) -> Self {
        let lab = Lab::new(bed).await;
        let fair = lab.store.capabilities().fair;
        let model = Naive::new(lab.now(), WorkerId("w".into()), fair);
        let mut pair = Self { lab, model, fair, leases: Vec::new(), workers: Default::default(), born: 0 };
        pair.hire(0).await;
        pair.hire(1).await;
        pair
    }

    async fn hire(&mut self, index: usize) {
        self.born += 1;
        self.workers[index] = format!("w-{}", self.born);
        self.lab.check_in(&self.workers[index]).await;
        self.model.check_in(lab::worker(&self.workers[index]));
    }

    async fn run(mut self, steps: Vec<Step>) -> Verdict {
        for Step { advance_ms, op } in steps {
            self.lab.advance(Duration::from_millis(advance_ms));
            // A claim must cope with due work that nobody promoted; all other calls may see the difference.
            if !matches!(op, Op::Claim { .. }) {
                self.lab.promote().await;
            }
            self.model.turn_to(self.lab.now());
            self.model.meet_keys();
            let told = format!("{op:?}");
            self.apply(op).await.map_err(|error| TestCaseError::fail(format!("{told}: {error}")))?;
            self.lab.promote().await;
            self.model.turn_to(self.lab.now());
            self.model.meet_keys();
            self.compare().await.map_err(|error| TestCaseError::fail(format!("after {told}: {error}")))?;
        }
        let examined = self.lab.store.examine(false).await.unwrap();
        same("flaws after all", &examined.findings, &Vec::new())?;
        same("parts that could not be judged", &examined.unsure, &Vec::new())
    }

    async fn apply(&mut self, op: Op) -> Verdict {
        let now = self.lab.now();
        let store = &self.lab.store;
        match op {
            Op::Enqueue(specs) => {
                let jobs = step::jobs(&specs, now);
                let answer = store.enqueue(jobs.clone()).await.ok();
                same("answers", &answer, &self.model.enqueue(jobs))
            }
            Op::Bulk { first, keys } => {
                let jobs = step::bulk(first, &keys);
                let answer = store.enqueue(jobs.clone()).await.ok();
                same("answers", &answer, &self.model.enqueue(jobs))
            }
            Op::Complete { first, many, backwards } => self.complete(first, many, backwards).await,
            Op::OpenGroup(spec) => {
                let group = step::group(&spec, now);
                let answer = store.open_group(group.clone()).await.is_ok();
                same("opened", &answer, &self.model.open_group(group))
            }
            Op::Seal(group) => {
                store.seal_group(step::group_id(group)).await.unwrap();
                self.model.seal(step::group_id(group));
                Ok(())
            }
            Op::Claim { worker, queue, kinds, max, aging_ms } => {
                self.claim(worker, queue, &step::KINDS[..kinds], (max, aging_ms)).await
            }
            Op::Settle { lease, outcome, follow_on, tally } => {
                let Some(lease) = pick(&self.leases, lease) else { return Ok(()) };
                let settlement = Settlement {
                    lease: lease.key(),
                    outcome,
                    follow_on: step::jobs(&follow_on, now),
                    tally: vec![("n".to_owned(), tally)],
                };
                let applied = store.settle(vec![settlement.clone()]).await.unwrap() == [Settled::Applied];
                same("applied", &applied, &self.model.settle(settlement))
            }
            Op::Renew { lease } => {
                let Some(key) = pick(&self.leases, lease).map(Lease::key) else { return Ok(()) };
                let answer = store.renew(&[key], lab::LEASE).await.unwrap()[0];
                same("renewal", &answer, &self.model.renew(key, lab::LEASE))
            }
            Op::Kill { worker } => self.replace_worker(worker, true).await,
            Op::CheckOut { worker } => self.replace_worker(worker, false).await,
            Op::Rescue { max_crashes } => self.rescue(max_crashes).await,
            Op::Cancel(target) => {
                let filter = target.filter();
                same("cancelled", &store.cancel(&filter).await.unwrap(), &self.model.cancel(&filter))
            }
            Op::Replay { target, limit, per_second, priority } => {
                let replay = step::replay(&target, limit, per_second, priority);
                same("replayed", &store.replay(&replay).await.unwrap(), &self.model.replay(&replay))
            }
            Op::Prune { max_age_ms } => self.prune(max_age_ms).await,
            Op::Pause(queue) => {
                store.pause(step::QUEUES[queue]).await.unwrap();
                self.model.pause(step::QUEUES[queue], true);
                Ok(())
            }
            Op::Resume(queue) => {
                store.resume(step::QUEUES[queue]).await.unwrap();
                self.model.pause(step::QUEUES[queue], false);
                Ok(())
            }
            Op::Limit { queue, limits } => {
                if self.fair {
                    store.set_limits(step::QUEUES[queue], limits).await.unwrap();
                    self.model.set_limits(step::QUEUES[queue], limits);
                }
                Ok(())
            }
            Op::Fire { slot, spec } => {
                let slot = crate::Timestamp(slot);
                let jobs = step::jobs(&[spec], now);
                let answer = store.fire("entry", slot, jobs.clone()).await.ok();
                same("fired", &answer, &self.model.fire("entry", slot, jobs))
            }
        }
    }

    /// A worker dies or leaves; another comes.
    async fn replace_worker(&mut self, index: usize, dies: bool) -> Verdict {
        let leaver = lab::worker(&self.workers[index]);
        if dies {
            self.lab.kill(&self.workers[index]).await;
            self.model.kill(&leaver);
            self.rescue(3).await?;
        } else {
            self.lab.store.check_out(&leaver).await.unwrap();
            self.model.check_out(&leaver);
        }
        self.hire(index).await;
        Ok(())
    }

    async fn claim(
        &mut self,
        worker: usize,
        queue: usize,
        kinds: &[&str],
        (max, aging_ms): (usize, u64),
    ) -> Verdict {
        let known = |kind: &&str| crate::KindRange { kind: (*kind).to_owned(), max_version: 1 };
        let claim = crate::Claim {
            worker: lab::worker(&self.workers[worker]),
            queue: step::QUEUES[queue].to_owned(),
            kinds: kinds.iter().map(known).collect(),
            order: crate::PriorityOrder::Strict { aging: Duration::from_millis(aging_ms) },
            ..Lab::request(max)
        };
        let leases = self.lab.claim(&claim).await.leases;
        let expected = self.model.claim(&claim, Duration::from_millis(aging_ms), &leases);
        for lease in &leases {
            let before = self.leases.iter().filter(|old| old.job == lease.job).map(|old| old.fence).max();
            same("the fence grows", &before.is_none_or(|before| lease.fence > before), &true)?;
        }
        same("leases", &leases, &expected)?;
        self.leases.extend(leases);
        Ok(())
    }

    async fn complete(&mut self, first: proptest::sample::Index, many: usize, backwards: bool) -> Verdict {
        let from = first.index(self.leases.len() + 1);
        let completed = |lease: &Lease| Settlement::new(lease.key(), crate::Outcome::Complete);
        let mut all: Vec<Settlement> = self.leases[from..].iter().take(many).map(completed).collect();
        if backwards {
            all.reverse();
        }
        let settled = self.lab.store.settle(all.clone()).await.unwrap();
        let applied: Vec<bool> = settled.iter().map(|settled| *settled == Settled::Applied).collect();
        same("completed", &applied, &all.into_iter().map(|one| self.model.settle(one)).collect())
    }

    async fn rescue(&mut self, max_crashes: u32) -> Verdict {
        let mut rescued = self.lab.store.rescue(max_crashes, 500).await.unwrap();
        rescued.available.sort();
        rescued.quarantined.sort();
        same("rescued", &rescued, &self.model.rescue(max_crashes))
    }

    /// Prunes until nothing is left to do: jobs first, then the groups they leave behind.
    async fn prune(&mut self, max_age_ms: u64) -> Verdict {
        let max_age = Duration::from_millis(max_age_ms);
        let all = u64::MAX;
        let retention = Retention { max_age, max_bytes: all, dead_max_age: 3 * max_age, dead_max_bytes: all };
        let mut jobs = 0;
        for _ in 0..3 {
            jobs += self.lab.store.prune(&retention, 500).await.unwrap().jobs;
        }
        same("pruned", &jobs, &self.model.prune(&retention))
    }

    async fn compare(&self) -> Verdict {
        let page = Page { offset: 0, limit: 500 };
        let store = &self.lab.store;
        let jobs: Vec<JobRecord> = self.lab.all().await.into_iter().map(comparable).collect();
        let expected: Vec<JobRecord> = self.model.jobs().into_iter().map(comparable).collect();
        same("number of jobs", &jobs.len(), &expected.len())?;
        for (job, expected) in jobs.iter().zip(&expected) {
            same("job", job, expected)?;
        }
        same("groups", &store.groups(page).await.unwrap(), &self.model.groups())?;
        same("queues", &store.queues().await.unwrap(), &self.model.queues())?;
        same("fired", &store.last_fired().await.unwrap(), &self.model.fired())?;
        let workers = store.workers().await.unwrap();
        let workers: Vec<_> = workers.into_iter().map(|worker| (worker.id, worker.running)).collect();
        same("workers", &workers, &self.model.workers())
    }
}

/// One of the last leases: most of them held, some lost.
fn pick(leases: &[Lease], index: proptest::sample::Index) -> Option<&Lease> {
    let last = &leases[leases.len().saturating_sub(6)..];
    (!last.is_empty()).then(|| index.get(last))
}

/// Without what a store words or numbers as it likes.
fn comparable(mut record: JobRecord) -> JobRecord {
    record.last_error = record.last_error.map(|_| "some".to_owned());
    record.fence = crate::Fence(u64::from(record.fence.0 > 0));
    record
}
