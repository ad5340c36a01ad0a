//! The conformance suite on a private server: one server a test process, one prefix a bed.

use super::{RedisOptions, RedisStore};
use crate::conformance::{Bed, Through, lab, model};
use crate::{Faults, Faulty, ManualClock, Retrying, Store, WorkerId};
use async_trait::async_trait;
use backstock_testbed::RedisServer;
use std::sync::{Arc, LazyLock, Mutex};

static SERVER: LazyLock<RedisServer> =
    LazyLock::new(|| RedisServer::start().expect("a private Redis for tests"));

pub(crate) struct ServerBed {
    url: String,
    prefix: String,
    clock: Arc<ManualClock>,
    store: Mutex<Option<Arc<RedisStore>>>,
}

impl ServerBed {
    async fn new(url: String) -> Self {
        let prefix = uuid::Uuid::now_v7().simple().to_string();
        let clock = Arc::new(ManualClock::new(lab::START));
        let bed = Self { url, prefix, clock, store: Mutex::new(None) };
        bed.reopen().await;
        bed
    }

    /// The store, with what only this module sees of it.
    pub(crate) fn own(&self) -> Arc<RedisStore> {
        Arc::clone(self.store.lock().unwrap().as_ref().unwrap())
    }

    async fn open(&self) -> Arc<RedisStore> {
        let options = RedisOptions {
            prefix: self.prefix.clone(),
            clock: Some(Arc::clone(&self.clock) as Arc<dyn crate::Clock>),
            death_looks: 1,
            job_overhead: 0,
            ..RedisOptions::default()
        };
        Arc::new(RedisStore::open(&self.url, options).await.unwrap())
    }
}

#[async_trait]
impl Bed for ServerBed {
    fn store(&self) -> Arc<dyn Store> {
        self.own() as Arc<dyn Store>
    }

    fn clock(&self) -> Arc<ManualClock> {
        Arc::clone(&self.clock)
    }

    /// Moves the worker into a process of its own, and ends that: its connection breaks.
    async fn kill(&self, worker: &WorkerId) {
        let doomed = self.open().await;
        doomed.check_in(&lab::info(&worker.0, lab::PATIENCE)).await.unwrap();
        let name = doomed.bell.name().to_owned();
        drop(doomed);
        let own = self.own();
        while own.connections().await.unwrap().contains(&name) {
            tokio::task::yield_now().await;
        }
    }

    async fn reopen(&self) -> Arc<dyn Store> {
        *self.store.lock().unwrap() = None;
        let store = self.open().await;
        *self.store.lock().unwrap() = Some(Arc::clone(&store));
        store
    }

    async fn another(&self) -> Arc<dyn Store> {
        self.open().await
    }
}

pub(crate) async fn bed() -> ServerBed {
    ServerBed::new(SERVER.url()).await
}

crate::conformance!(bed);
crate::conformance_bytes!(bed);
crate::conformance_durable!(bed);
crate::conformance_shared!(bed);
crate::conformance_fair!(bed);
crate::conformance_adopts!(bed);
crate::conformance_fair_durable!(bed);

#[test]
fn random_sequences_agree_with_the_naive_model() {
    model::check(bed, 60);
}

#[tokio::test]
async fn a_known_id_is_not_refused_for_its_group_among_very_many() {
    let bed = bed().await;
    let store = bed.own();
    store.enqueue(vec![lab::job("known")]).await.unwrap();
    let stranger = |name: &str| lab::job(name).in_group(lab::group_id("never"));
    let mut jobs = lab::jobs("a", 600);
    jobs.push(stranger("known"));
    let last = store.enqueue(jobs.clone()).await.unwrap().pop();
    assert_eq!(last, Some(crate::Enqueued::Existing(lab::id("known"))));
    jobs.push(stranger("b"));
    let error = store.enqueue(jobs).await.unwrap_err().to_string();
    assert!(error.contains(&lab::id("b").to_string()), "{error}");
}

#[tokio::test]
async fn nothing_is_left_after_an_erasure() {
    let bed = bed().await;
    let store = bed.open().await;
    let key = |name: &str| crate::NewJob { fairness_key: Some(name.to_owned()), ..lab::job(name) };
    let unique = lab::job("u").unique_by(crate::Unique::until_done("u"));
    store
        .enqueue(vec![key("a"), key("b"), unique, lab::job("later").at(lab::START.plus(lab::ms(5)))])
        .await
        .unwrap();
    store.open_group(lab::group("g", lab::jobs("member", 3))).await.unwrap();
    store.enqueue(lab::jobs("packed", 10)).await.unwrap();
    store.check_in(&lab::info("w", lab::PATIENCE)).await.unwrap();
    let leases = store.claim(&lab::Lab::request(4)).await.unwrap().leases;
    let end = |outcome| crate::Settlement::new(leases[0].key(), outcome);
    store.settle(vec![end(crate::Outcome::Discard { error: "no".into() })]).await.unwrap();
    store.erase().await.unwrap();
    let mut keys = redis::cmd("KEYS");
    keys.arg(format!("{{{}}}*", bed.prefix));
    let left = store.answer(store.link.command(&keys).await.unwrap()).list().unwrap();
    assert!(left.is_empty(), "{left:?}");
}

/// Entries of a hash or sorted set.
async fn count(store: &RedisStore, command: &str, key: &str) -> i64 {
    let mut asked = redis::cmd(command);
    asked.arg(store.link.key(key));
    store.answer(store.link.command(&asked).await.unwrap()).number().unwrap()
}

fn numbered(numbers: std::ops::Range<usize>, step: usize) -> Vec<crate::NewJob> {
    numbers.step_by(step).map(|number| lab::job(&format!("a-{number}"))).collect()
}

#[tokio::test]
async fn ascending_ids_need_no_entry_each() {
    let bed = bed().await;
    let (store, lab) = (bed.own(), lab::Lab::new(bed).await);
    lab.put_all(numbered(0..20, 1)).await;
    lab.put_all(numbered(20..40, 1)).await;
    assert_eq!((count(&store, "HLEN", "ids").await, count(&store, "ZCARD", "ranges").await), (0, 2));
    for number in 0..40 {
        let name = format!("a-{number}");
        assert_eq!(lab.record(&name).await.id, lab::id(&name));
        assert_eq!(lab.put(lab::job(&name)).await, crate::Enqueued::Existing(lab::id(&name)));
    }
    let leases = lab.take(crate::Claim::MAX).await;
    for lease in &leases {
        lab.complete(lease).await;
    }
    lab.advance(lab::ms(1));
    let all = crate::Retention { max_age: std::time::Duration::ZERO, ..crate::Retention::default() };
    assert_eq!(store.prune(&all, 500).await.unwrap().jobs, 40);
    assert_eq!(count(&store, "ZCARD", "ranges").await, 0);
    assert_eq!(lab.put(lab::job("a-7")).await, crate::Enqueued::New(lab::id("a-7")));
    assert_eq!(store.examine(false).await.unwrap().findings, []);
}

/// Two producers at the same moment, whose ids lie between each other's, and one of them sends again what it sent.
#[tokio::test]
async fn ids_between_those_of_another_producer_are_known_again() {
    let bed = bed().await;
    let (store, lab) = (bed.own(), lab::Lab::new(bed).await);
    let (even, odd) = (numbered(0..20, 2), numbered(1..20, 2));
    lab.put_all(even.clone()).await;
    lab.put_all(odd.clone()).await;
    assert_eq!((count(&store, "HLEN", "ids").await, count(&store, "ZCARD", "ranges").await), (10, 1));
    for (known, more) in [(even, numbered(20..30, 1)), (odd, numbered(30..40, 1))] {
        let answers = lab.put_all([known.clone(), more.clone()].concat()).await;
        let expected = known.iter().map(|job| crate::Enqueued::Existing(job.id));
        let expected = expected.chain(more.iter().map(|job| crate::Enqueued::New(job.id)));
        assert_eq!(answers, expected.collect::<Vec<_>>());
    }
    assert_eq!(lab.drain().await.len(), 40);
    assert_eq!(store.examine(false).await.unwrap().findings, []);
}

/// Five keys in a row, of which a claim takes two each: five pieces of one pack.
#[tokio::test]
async fn jobs_scattered_over_a_pack_are_seen_as_they_ran() {
    let lab = lab::Lab::new(bed().await).await;
    let of =
        |key: &str| lab::jobs(key, 8).into_iter().map(|job| job.with_fairness_key(key)).collect::<Vec<_>>();
    lab.put_all(["a", "b", "c", "d", "e"].map(of).concat()).await;
    let leases = lab.take(10).await;
    let expected = ["a-0", "b-0", "c-0", "d-0", "e-0", "a-1", "b-1", "c-1", "d-1", "e-1"];
    assert_eq!(lab::names(&leases), expected);
    let started = lab.now();
    lab.advance(lab::ms(5));
    let complete = |lease: &crate::Lease| crate::Settlement::new(lease.key(), crate::Outcome::Complete);
    let settled = lab.store.settle(leases[1..8].iter().rev().map(complete).collect()).await.unwrap();
    assert_eq!(settled, [crate::Settled::Applied; 7]);
    for (lease, name) in leases.iter().zip(expected).skip(1).take(7) {
        let record = lab.record(name).await;
        assert_eq!((record.state, record.fence), (crate::JobState::Completed, lease.fence), "{name}");
        assert_eq!((record.started_at, record.finished_at), (Some(started), Some(lab.now())), "{name}");
        assert_eq!(record.fairness_key.as_deref(), Some(&name[..1]));
    }
    let running = lab.record("e-1").await;
    assert_eq!((running.state, running.fence), (crate::JobState::Running, leases[9].fence));
    assert_eq!(running.worker, Some(lab::worker("w")));
    assert_eq!(lab.store.examine(false).await.unwrap().findings, []);
    lab.advance(lab::LEASE);
    assert_eq!(lab.store.rescue(3, 500).await.unwrap().available.len(), 3);
    assert_eq!(lab.take(500).await.len(), 33);
    assert_eq!(lab.store.examine(false).await.unwrap().findings, []);
}

#[tokio::test]
async fn nothing_leads_to_the_lease_of_an_adopted_job_that_has_ended() {
    let bed = bed().await;
    let store = bed.own();
    for worker in ["settles", "loses", "leaves"] {
        store.check_in(&lab::info(worker, lab::PATIENCE)).await.unwrap();
    }
    let running = |name: &str, worker: &str| crate::JobRecord {
        state: crate::JobState::Running,
        fence: crate::outside_fence(lab::START),
        worker: Some(lab::worker(worker)),
        started_at: Some(lab::START),
        ..crate::adopt::record_of(lab::job(name), lab::START)
    };
    let jobs = [("a", "settles"), ("b", "loses"), ("c", "leaves")].map(|(job, worker)| running(job, worker));
    store.adopt(jobs.to_vec(), lab::LEASE).await.unwrap();
    let mut aliases = redis::cmd("HLEN");
    aliases.arg(format!("{{{}}}:adopted", bed.prefix));
    let count = async || store.link.command(&aliases).await.unwrap();
    assert_eq!(count().await, redis::Value::Int(3));
    let end = crate::Settlement::new(
        crate::LeaseKey { job: jobs[0].id, fence: jobs[0].fence },
        crate::Outcome::Complete,
    );
    store.settle(vec![end]).await.unwrap();
    assert_eq!(count().await, redis::Value::Int(2));
    store.check_out(&lab::worker("leaves")).await.unwrap();
    bed.kill(&lab::worker("loses")).await;
    assert_eq!(store.rescue(3, 500).await.unwrap().available.len(), 2);
    assert_eq!(count().await, redis::Value::Int(0));
}

mod behind_a_bad_line {
    use super::{Arc, Bed, Faults, Faulty, Retrying, Through, model};

    async fn bed() -> impl Bed {
        let faulty = |store| Retrying::new(Arc::new(Faulty::new(store, Faults::HIDDEN, 7)));
        Through::new(super::bed().await, faulty)
    }

    crate::conformance!(bed);
    crate::conformance_bytes!(bed);
    crate::conformance_fair!(bed);

    #[test]
    fn random_sequences_agree_with_the_naive_model() {
        model::check(bed, 20);
    }
}

/// On three nodes, where one owns all keys of a bed.
mod on_a_cluster {
    use super::{LazyLock, ServerBed, model};
    use backstock_testbed::RedisCluster;

    static CLUSTER: LazyLock<RedisCluster> =
        LazyLock::new(|| RedisCluster::start(3).expect("a private Redis Cluster for tests"));

    async fn bed() -> ServerBed {
        ServerBed::new(CLUSTER.urls().join(",")).await
    }

    crate::conformance!(bed, together);
    crate::conformance_bytes!(bed, together);
    crate::conformance_durable!(bed, together);
    crate::conformance_shared!(bed, together);
    crate::conformance_fair!(bed, together);
    crate::conformance_adopts!(bed, together);
    crate::conformance_fair_durable!(bed, together);

    #[test]
    fn random_sequences_agree_with_the_naive_model() {
        model::check(bed, 20);
    }
}
