use super::{Batch, Context, Handler, Item, KindInfo, One, Registry, Stop};
use crate::{
    BatchLimits, Draws, Fence, GroupId, Job, JobError, JobId, Lease, NewJob, Outcome, Priority, RetryPolicy,
    Settlement, Timestamp, UpcastError,
};
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// What the handlers below do with an item.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Order {
    Complete,
    Fail,
    Discard,
    Snooze,
    Cancel,
    RetryAfter(Duration),
    /// Leaves the item to the end of the call.
    Leave,
    Panic,
    PanicWithText(String),
    Hang,
    /// Ends the call with an error.
    Err(String),
    FollowOn,
    FollowOnAndFail,
}

#[derive(Serialize, Deserialize)]
struct Load(Order);

impl Job for Load {
    const KIND: &'static str = "load";
    const RETRY: RetryPolicy = RetryPolicy { max_attempts: 2, ..RetryPolicy::DEFAULT };
    const TIMEOUT: Duration = Duration::from_secs(9);
}

fn perform(item: &mut Item<Load>) -> Option<Result<(), JobError>> {
    match item.0.clone() {
        Order::Complete => item.complete(),
        Order::Fail => item.fail(JobError::retry("failed")),
        Order::Discard => item.fail(JobError::discard("useless")),
        Order::Snooze => item.fail(JobError::snooze(Duration::from_secs(3))),
        Order::Cancel => item.fail(JobError::cancel("unwanted")),
        Order::RetryAfter(delay) => item.fail(JobError::retry_after("throttled", delay)),
        Order::Leave => {}
        Order::Panic => panic!("lost my head"),
        Order::PanicWithText(text) => std::panic::panic_any(text),
        Order::Hang => return None,
        Order::Err(text) => return Some(Err(JobError::retry(text))),
        Order::FollowOn | Order::FollowOnAndFail => {
            item.then(NewJob::of(&Load(Order::Complete)).unwrap());
            item.tally("followed", 2);
            if matches!(item.0, Order::FollowOnAndFail) {
                item.fail(JobError::retry("failed"));
            }
        }
    }
    Some(Ok(()))
}

struct Crew(Arc<AtomicUsize>);

impl Handler for Crew {
    type Work = Batch<Load>;
    async fn handle(&self, batch: &mut Batch<Load>, _: &Context) -> Result<(), JobError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        for item in batch {
            match perform(item) {
                Some(Ok(())) => {}
                Some(error) => return error,
                None => std::future::pending().await,
            }
        }
        Ok(())
    }
}

struct Loner(Arc<AtomicUsize>);

impl Handler for Loner {
    type Work = One<Load>;
    async fn handle(&self, job: &mut One<Load>, _: &Context) -> Result<(), JobError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        match perform(job) {
            Some(end) => end,
            None => std::future::pending().await,
        }
    }
}

fn lease(payload: Vec<u8>) -> Lease {
    let at = Timestamp(1000);
    Lease {
        job: JobId::generate(),
        fence: Fence(4),
        kind: "load".into(),
        version: 1,
        queue: "default".into(),
        priority: Priority::Normal,
        payload,
        attempt: 1,
        crashes: 0,
        group: Some(GroupId::generate()),
        enqueued_at: at,
        due_at: at,
        deadline: at,
    }
}

fn leases(orders: &[Order]) -> Vec<Lease> {
    orders.iter().map(|order| lease(serde_json::to_vec(&Load(order.clone())).unwrap())).collect()
}

async fn run(registry: Registry, leases: Vec<Lease>) -> Vec<Settlement> {
    let keys: Vec<_> = leases.iter().map(Lease::key).collect();
    let kind = leases[0].kind.clone();
    let draws = Arc::new(Draws::seeded(1));
    let settlements = registry.run(&kind, leases, Context::detached(), draws).await;
    let mut settled: Vec<_> = settlements.iter().map(|settlement| settlement.lease).collect();
    let mut claimed = keys.clone();
    settled.sort();
    claimed.sort();
    assert_eq!(settled, claimed, "exactly one settlement for each lease");
    keys.iter()
        .map(|key| settlements.iter().find(|settlement| settlement.lease == *key).unwrap().clone())
        .collect()
}

async fn batch(orders: &[Order]) -> Vec<Outcome> {
    let registry = Registry::default().register(Crew(Arc::default()));
    run(registry, leases(orders)).await.into_iter().map(|settlement| settlement.outcome).collect()
}

fn error(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Retry { error, .. } | Outcome::Discard { error } => error,
        _ => panic!("not an error: {outcome:?}"),
    }
}

#[tokio::test]
async fn ok_completes_what_was_not_settled_by_hand() {
    let outcomes = batch(&[Order::Leave, Order::Fail, Order::Complete]).await;
    assert_eq!((&outcomes[0], &outcomes[2]), (&Outcome::Complete, &Outcome::Complete));
    assert_eq!(error(&outcomes[1]), "failed");
}

#[tokio::test]
async fn an_error_applies_to_what_was_not_settled_by_hand() {
    let outcomes =
        batch(&[Order::Complete, Order::Discard, Order::Leave, Order::Err("broken".into()), Order::Complete])
            .await;
    assert_eq!(outcomes[0], Outcome::Complete);
    assert_eq!(outcomes[1], Outcome::Discard { error: "useless".into() });
    for outcome in &outcomes[2..] {
        assert!(matches!(outcome, Outcome::Retry { error, .. } if error == "broken"));
    }
}

#[tokio::test]
async fn a_panic_keeps_what_was_settled() {
    for order in [Order::Panic, Order::PanicWithText("lost my head".into())] {
        let outcomes = batch(&[Order::Complete, Order::Snooze, order, Order::Leave]).await;
        assert_eq!(outcomes[0], Outcome::Complete);
        assert_eq!(outcomes[1], Outcome::Snooze { delay: Duration::from_secs(3) });
        assert_eq!(error(&outcomes[2]), "the handler panicked: lost my head");
        assert_eq!(error(&outcomes[3]), "the handler panicked: lost my head");
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_keeps_what_was_settled() {
    let began = tokio::time::Instant::now();
    let outcomes = batch(&[Order::Complete, Order::Hang, Order::Complete]).await;
    assert_eq!(began.elapsed(), Load::TIMEOUT);
    assert_eq!(outcomes[0], Outcome::Complete);
    for outcome in &outcomes[1..] {
        assert!(matches!(outcome, Outcome::Retry { .. }));
        assert!(error(outcome).contains("longer than 9s"), "{outcome:?}");
    }
}

#[tokio::test]
async fn each_error_says_what_happens_next() {
    let later = Duration::from_mins(7);
    let outcomes = batch(&[Order::Snooze, Order::Cancel, Order::RetryAfter(later)]).await;
    assert_eq!(outcomes[0], Outcome::Snooze { delay: Duration::from_secs(3) });
    assert_eq!(outcomes[1], Outcome::Cancel { reason: "unwanted".into() });
    assert_eq!(outcomes[2], Outcome::Retry { delay: later, error: "throttled".into() });
}

#[tokio::test]
async fn the_last_attempt_is_discarded_but_can_still_be_snoozed() {
    let registry = Registry::default().register(Crew(Arc::default()));
    let mut last = leases(&[Order::Fail, Order::RetryAfter(Duration::ZERO), Order::Snooze]);
    for lease in &mut last {
        lease.attempt = 2;
    }
    let settlements = run(registry, last).await;
    assert!(matches!(settlements[0].outcome, Outcome::Discard { .. }));
    assert!(matches!(settlements[1].outcome, Outcome::Discard { .. }));
    assert!(matches!(settlements[2].outcome, Outcome::Snooze { .. }));
}

#[tokio::test]
async fn follow_ons_and_tallies_count_only_when_the_job_completes() {
    let registry = Registry::default().register(Crew(Arc::default()));
    let settlements = run(registry, leases(&[Order::FollowOn, Order::FollowOnAndFail])).await;
    assert_eq!(settlements[0].follow_on.len(), 1);
    assert_eq!(settlements[0].tally, [("followed".to_owned(), 2)]);
    assert!(settlements[1].follow_on.is_empty() && settlements[1].tally.is_empty());
}

#[tokio::test]
async fn an_undecodable_payload_is_discarded_alone() {
    for payload in [&b""[..], b"{", b"\"NoSuchOrder\"", b"\xff\xfe", b"null"] {
        let registry = Registry::default().register(Crew(Arc::default()));
        let mut mixed = leases(&[Order::Complete, Order::Complete]);
        mixed.insert(1, lease(payload.to_vec()));
        let settlements = run(registry, mixed).await;
        assert!(error(&settlements[1].outcome).starts_with("undecodable payload: "));
        assert!(matches!(settlements[1].outcome, Outcome::Discard { .. }));
        assert_eq!(settlements[0].outcome, Outcome::Complete);
        assert_eq!(settlements[2].outcome, Outcome::Complete);
    }
}

#[tokio::test]
async fn a_batch_of_only_undecodable_payloads_calls_nobody() {
    let calls = Arc::new(AtomicUsize::new(0));
    let registry = Registry::default().register(Crew(Arc::clone(&calls)));
    run(registry, vec![lease(b"?".to_vec()), lease(b"?".to_vec())]).await;
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn deeply_nested_payloads_are_discarded_without_a_crash() {
    let deep = [vec![b'['; 500_000], vec![b']'; 500_000]].concat();
    let registry = Registry::default().register(Loner(Arc::default()));
    let settlements = run(registry, vec![lease(deep)]).await;
    assert!(matches!(settlements[0].outcome, Outcome::Discard { .. }));
}

#[tokio::test]
async fn long_errors_are_clipped_between_characters() {
    let long = "ü".repeat(1 << 20);
    let outcomes = batch(&[Order::Err(long.clone())]).await;
    assert!(error(&outcomes[0]).len() <= 4096 && error(&outcomes[0]).ends_with("ü…"));
    let registry = Registry::default().register(Crew(Arc::default()));
    let unknown = serde_json::to_vec(&long).unwrap();
    let settlements = run(registry, vec![lease(unknown)]).await;
    assert!(error(&settlements[0].outcome).len() <= 4096);
}

#[tokio::test]
async fn a_batch_handler_is_called_once_and_a_single_one_for_each_job() {
    let calls = Arc::new(AtomicUsize::new(0));
    let three = [Order::Complete, Order::Panic, Order::Leave];
    run(Registry::default().register(Crew(Arc::clone(&calls))), leases(&three)).await;
    assert_eq!(calls.swap(0, Ordering::SeqCst), 1);
    let settlements = run(Registry::default().register(Loner(Arc::clone(&calls))), leases(&three)).await;
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    assert_eq!(settlements[2].outcome, Outcome::Complete, "a panic of one call does not reach the next");
}

/// Version 3; version 1 was a bare number, version 2 cannot be read any more.
#[derive(Serialize, Deserialize)]
struct Grown {
    number: u32,
}

impl Job for Grown {
    const KIND: &'static str = "grown";
    const VERSION: u16 = 3;
    const BATCH: BatchLimits = BatchLimits::up_to(7, Duration::from_secs(1));
    fn upcast(from: u16, payload: serde_json::Value) -> Result<serde_json::Value, UpcastError> {
        match from {
            1 => Ok(serde_json::json!({ "number": payload })),
            _ => Err(UpcastError { kind: Self::KIND, from, to: Self::VERSION }),
        }
    }
}

struct Reader(tokio::sync::mpsc::UnboundedSender<u32>);

impl Handler for Reader {
    type Work = One<Grown>;
    async fn handle(&self, job: &mut One<Grown>, _: &Context) -> Result<(), JobError> {
        self.0.send(job.number)?;
        Ok(())
    }
}

#[tokio::test]
async fn old_payloads_are_upcast_and_those_that_cannot_be_are_discarded() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let registry = Registry::default().register(Reader(tell));
    let grown = |version, payload: &[u8]| Lease { kind: "grown".into(), version, ..lease(payload.to_vec()) };
    let leases = vec![grown(1, b"41"), grown(2, b"42"), grown(3, br#"{"number":43}"#), grown(1, b"\"x\"")];
    let settlements = run(registry, leases).await;
    let completed: Vec<_> =
        settlements.iter().map(|settlement| settlement.outcome == Outcome::Complete).collect();
    assert_eq!(completed, [true, false, true, false]);
    assert!(error(&settlements[1].outcome).contains("version 2 cannot be read as version 3"));
    assert_eq!((told.recv().await, told.recv().await), (Some(41), Some(43)));
}

#[test]
fn a_registry_tells_what_a_worker_must_know() {
    let registry = Registry::default().register(Crew(Arc::default()));
    let info: &KindInfo = registry.kind("load").unwrap();
    assert_eq!((info.queue, info.batched, info.timeout), ("default", true, Load::TIMEOUT));
    assert_eq!(info.batch, Load::BATCH);
    let single = Registry::default().register(Loner(Arc::default()));
    assert_eq!(single.kind("load").unwrap().batch, BatchLimits::ONE);
    assert!(registry.kind("unload").is_none());
}

#[test]
#[should_panic(expected = "registered twice")]
fn a_kind_is_registered_once() {
    let _ = Registry::default().register(Crew(Arc::default())).register(Loner(Arc::default()));
}

#[tokio::test]
async fn a_stopped_context_stays_stopped_and_a_detached_one_never_stops() {
    let stop = Stop::default();
    let context = stop.context();
    assert!(!context.is_stopping());
    stop.stop();
    stop.stop();
    context.stopping().await;
    assert!(context.is_stopping() && context.clone().is_stopping() && stop.context().is_stopping());
    let detached = Context::detached();
    assert!(!detached.is_stopping());
    let never = tokio::time::timeout(Duration::from_millis(1), detached.stopping()).await;
    assert!(never.is_err());
}

#[tokio::test]
async fn a_handler_sees_the_receipt_of_its_job() {
    struct Witness;
    impl Handler for Witness {
        type Work = One<Load>;
        async fn handle(&self, job: &mut One<Load>, _: &Context) -> Result<(), JobError> {
            assert!(!job.is_settled());
            let seen = format!("{} {} {} {}", job.id(), job.fence().0, job.attempt(), job.group().unwrap());
            Err(JobError::discard(seen))
        }
    }
    let lease = Lease { attempt: 2, ..leases(&[Order::Leave]).remove(0) };
    let expected = format!("{} 4 2 {}", lease.job, lease.group.unwrap());
    let settlements = run(Registry::default().register(Witness), vec![lease]).await;
    assert_eq!(error(&settlements[0].outcome), expected);
}
