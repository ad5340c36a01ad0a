use super::{Ask, Buffer};
use crate::StopReason;
use backstock_queue::{
    BatchLimits, Fence, JobId, Lease, Priority, PriorityOrder, RetryPolicy, Timestamp, handler::KindInfo,
};
use std::time::Duration;
use tokio::time::Instant;

const WALL: Timestamp = Timestamp(0);
const ALL: Ask = Ask { kind: None, max: 100 };

fn kind(name: &'static str, batched: bool) -> KindInfo {
    KindInfo {
        kind: name,
        version: 1,
        queue: "default",
        retry: RetryPolicy::DEFAULT,
        timeout: Duration::from_mins(1),
        batch: BatchLimits::ONE,
        batched,
    }
}

/// A lane with single jobs of kind `one`, and batches of exactly four of kind `many`.
fn buffer(max_wait: Duration) -> Buffer {
    let four = BatchLimits { min_jobs: 4, max_wait, ..BatchLimits::up_to(4, Duration::from_secs(1)) };
    Buffer::new(
        [(kind("one", false), BatchLimits::ONE), (kind("many", true), four)],
        PriorityOrder::default(),
    )
}

fn lease(kind: &str) -> Lease {
    let at = Timestamp(0);
    Lease {
        job: JobId::generate(),
        fence: Fence(1),
        kind: kind.into(),
        version: 1,
        queue: "default".into(),
        priority: Priority::Normal,
        payload: b"null".to_vec(),
        attempt: 1,
        crashes: 0,
        group: None,
        enqueued_at: at,
        due_at: at,
        deadline: at,
    }
}

fn leases(kinds: &[&str]) -> Vec<Lease> {
    kinds.iter().map(|kind| lease(kind)).collect()
}

#[test]
fn calls_start_in_the_order_of_the_claim_and_batches_hold_one_kind() {
    let now = Instant::now();
    let mut buffer = buffer(Duration::ZERO);
    buffer.add(ALL, leases(&["many", "one", "many", "one"]), now, WALL);
    let calls: Vec<_> =
        std::iter::from_fn(|| buffer.form(now)).map(|call| (call.kind, call.leases.len())).collect();
    assert_eq!(calls, [(1, 2), (0, 1), (0, 1)]);
    assert!(buffer.is_empty());
}

#[test]
fn a_batch_is_never_above_its_limit_and_says_why_it_stopped() {
    let now = Instant::now();
    let mut buffer = buffer(Duration::ZERO);
    buffer.add(ALL, leases(&["many"; 5]), now, WALL);
    let first = buffer.form(now).unwrap();
    assert_eq!((first.leases.len(), first.reason), (4, Some(StopReason::MaxJobs)));
    let second = buffer.form(now).unwrap();
    assert_eq!((second.leases.len(), second.reason), (1, Some(StopReason::QueueEmpty)));
    assert_eq!(buffer.kinds()[1].stats.stopped.values().sum::<u64>(), 2);
}

#[test]
fn a_begun_batch_is_filled_from_the_store_before_it_goes() {
    let now = Instant::now();
    let mut buffer = buffer(Duration::ZERO);
    let full_answer = Ask { kind: None, max: 2 };
    buffer.add(full_answer, leases(&["many", "one"]), now, WALL);
    assert_eq!(buffer.form(now).unwrap().kind, 0, "the single job does not wait for it");
    assert!(buffer.form(now).is_none());
    let fill = buffer.unfilled().unwrap();
    assert_eq!(fill, Ask { kind: Some(1), max: 3 });
    buffer.add(fill, leases(&["many"]), now, WALL);
    assert_eq!(buffer.unfilled(), None);
    assert_eq!(buffer.form(now).unwrap().leases.len(), 2);
}

#[test]
fn a_batch_goes_as_it_is_when_the_store_fails() {
    let now = Instant::now();
    let mut buffer = buffer(Duration::ZERO);
    buffer.add(Ask { kind: None, max: 1 }, leases(&["many"]), now, WALL);
    assert!(buffer.form(now).is_none());
    buffer.has_no_store();
    assert_eq!(buffer.form(now).unwrap().reason, Some(StopReason::StoreUnavailable));
}

#[test]
fn a_batch_waits_for_more_until_its_time_is_over() {
    let now = Instant::now();
    let wait = Duration::from_millis(50);
    let mut buffer = buffer(wait);
    buffer.add(ALL, leases(&["many"]), now, WALL);
    assert!(buffer.form(now).is_none());
    assert_eq!(buffer.deadline(), Some(now + wait));
    let late = now + wait;
    buffer.add(ALL, leases(&["many"]), late, WALL);
    let call = buffer.form(late).unwrap();
    assert_eq!((call.leases.len(), call.reason), (2, Some(StopReason::MaxWait)));
}

#[test]
fn a_full_batch_does_not_wait() {
    let now = Instant::now();
    let mut buffer = buffer(Duration::from_secs(1));
    buffer.add(ALL, leases(&["many"; 4]), now, WALL);
    assert_eq!(buffer.form(now).unwrap().leases.len(), 4);
}

#[test]
fn jobs_per_call_follow_what_was_claimed_last() {
    let now = Instant::now();
    let mut buffer = buffer(Duration::ZERO);
    assert!((buffer.jobs_per_call() - 1.0).abs() < 1e-9);
    buffer.add(ALL, leases(&["many", "many"]), now, WALL);
    assert!((buffer.jobs_per_call() - 4.0).abs() < 1e-9);
    buffer.add(ALL, leases(&["many", "one"]), now, WALL);
    assert!((buffer.jobs_per_call() - 1.6).abs() < 1e-9);
    assert_eq!(buffer.calls(), 2);
}

#[test]
fn a_job_of_a_kind_that_was_not_asked_for_is_given_back() {
    let now = Instant::now();
    let mut buffer = buffer(Duration::ZERO);
    let strangers = buffer.add(ALL, leases(&["one", "other"]), now, WALL);
    assert_eq!(strangers.len(), 1);
    assert_eq!(buffer.len(), 1);
}

#[test]
fn one_job_can_be_taken_out() {
    let now = Instant::now();
    let mut buffer = buffer(Duration::ZERO);
    let jobs = leases(&["one", "many", "one"]);
    let key = jobs[1].key();
    buffer.add(ALL, jobs, now, WALL);
    assert_eq!(buffer.remove(key).map(|lease| lease.key()), Some(key));
    assert!(buffer.remove(key).is_none());
    assert_eq!(buffer.len(), 2);
}

#[test]
fn old_jobs_are_taken_out_but_not_those_that_wait_for_their_batch() {
    let now = Instant::now();
    let mut buffer = buffer(Duration::from_secs(10));
    buffer.add(ALL, leases(&["one", "many"]), now, WALL);
    let later = now + Duration::from_secs(2);
    buffer.add(ALL, leases(&["one"]), later, WALL);
    let old = buffer.take_older(Duration::from_secs(1), later);
    assert_eq!(old.iter().map(|lease| lease.kind.as_str()).collect::<Vec<_>>(), ["one"]);
    assert_eq!(buffer.take_all().len(), 2);
}

#[test]
fn urgent_jobs_overtake_what_was_claimed_ahead_and_old_jobs_count_as_urgent() {
    let now = Instant::now();
    let mut buffer = buffer(Duration::ZERO);
    let with = |priority, kind| Lease { priority, ..lease(kind) };
    buffer.add(ALL, vec![with(Priority::Low, "one"), with(Priority::Low, "one")], now, WALL);
    assert_eq!(buffer.least_urgent(), Some(Priority::Low as usize));
    buffer.add(ALL, vec![with(Priority::High, "many"), with(Priority::High, "one")], now, WALL);
    let later = WALL.plus(Duration::from_mins(10));
    buffer.add(ALL, vec![with(Priority::Low, "one")], now, later);
    let calls: Vec<_> =
        std::iter::from_fn(|| buffer.form(now)).map(|call| (call.kind, call.leases[0].priority)).collect();
    let [high, low] = [Priority::High, Priority::Low];
    assert_eq!(
        calls,
        [(0, low), (1, high), (0, high), (0, low), (0, low)],
        "the first has waited ten minutes"
    );
}

#[test]
fn weighted_priorities_stay_in_the_order_the_store_has_drawn() {
    let now = Instant::now();
    let order = PriorityOrder::Weighted { weights: [8, 4, 2, 1] };
    let mut buffer = Buffer::new([(kind("one", false), BatchLimits::ONE)], order);
    let drawn = [Priority::Low, Priority::Critical, Priority::Normal];
    buffer.add(ALL, drawn.map(|priority| Lease { priority, ..lease("one") }).into(), now, WALL);
    let calls: Vec<_> = std::iter::from_fn(|| buffer.form(now)).map(|call| call.leases[0].priority).collect();
    assert_eq!(calls, drawn);
}
