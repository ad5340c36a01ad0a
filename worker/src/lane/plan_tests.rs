use super::super::buffer::{Ask, Buffer};
use super::super::call::End;
use super::super::state::State;
use super::Plan;
use backstock_queue::{
    BatchLimits, Claimed, Draws, Fence, JobId, Lease, LeaseKey, Outcome, Priority, PriorityOrder, Renewal,
    RetryPolicy, Settled, Settlement, Timestamp, handler::KindInfo,
};
use std::time::Duration;
use tokio::time::Instant;

const FALLBACK: Duration = Duration::from_secs(1);
const WALL: Timestamp = Timestamp(1_000_000);

/// A lane of single jobs with `concurrency` places, at a moment it is stepped through.
struct Bench {
    state: State,
    now: Instant,
    wall: Timestamp,
    draws: Draws,
}

impl Bench {
    fn new(concurrency: usize) -> Self {
        let info = KindInfo {
            kind: "one",
            version: 1,
            queue: "default",
            retry: RetryPolicy::DEFAULT,
            timeout: Duration::from_mins(1),
            batch: BatchLimits::ONE,
            batched: false,
        };
        let now = Instant::now();
        let state = State::new(Buffer::new([(info, info.batch)], PriorityOrder::default()), concurrency, now);
        Self { state, now, wall: WALL, draws: Draws::seeded(1) }
    }

    fn plan(&mut self) -> Plan {
        Plan::make(&mut self.state, self.now, self.wall, FALLBACK)
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.wall = self.wall.plus(time);
    }

    /// Claims, answered with `jobs` jobs.
    fn claim(&mut self, jobs: usize, next_due: Option<Timestamp>) -> Vec<LeaseKey> {
        let Plan::Talk(sent, Some(ask)) = self.plan() else { panic!("no claim") };
        self.state.settled(&vec![Settled::Applied; sent.len()], self.now);
        let leases: Vec<_> = (0..jobs.min(ask.max)).map(|_| lease()).collect();
        let keys = leases.iter().map(Lease::key).collect();
        self.state.claimed(ask, Claimed { leases, next_due }, self.now, self.wall);
        keys
    }

    fn start(&mut self) -> Option<usize> {
        self.state.start(self.now, self.wall, None).map(|started| started.number)
    }

    /// Ends a call of `key` after `took`.
    fn end(&mut self, call: usize, key: LeaseKey, outcome: Outcome, took: Duration) {
        self.pass(took);
        let end = End::Returned(vec![Settlement::new(key, outcome)]);
        self.state.ended(call, end, took, self.now, &self.draws);
    }
}

fn lease() -> Lease {
    Lease {
        job: JobId::generate(),
        fence: Fence(1),
        kind: "one".into(),
        version: 1,
        queue: "default".into(),
        priority: Priority::Normal,
        payload: b"null".to_vec(),
        attempt: 1,
        crashes: 0,
        group: None,
        enqueued_at: WALL,
        due_at: WALL,
        deadline: WALL,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "plans are made to be used once")]
fn rest(plan: Plan) -> Duration {
    match plan {
        Plan::Rest(rest) => rest,
        Plan::Talk(..) => panic!("{plan:?}"),
    }
}

#[test]
fn an_idle_lane_claims_for_its_free_places_and_then_rests() {
    let mut bench = Bench::new(3);
    let Plan::Talk(sent, Some(ask)) = bench.plan() else { panic!("no claim") };
    assert!(sent.is_empty());
    assert_eq!(ask, Ask { kind: None, max: 3 });
    bench.state.claimed(ask, Claimed::default(), bench.now, bench.wall);
    assert_eq!(rest(bench.plan()), FALLBACK);
}

#[test]
fn a_wake_up_ends_the_rest() {
    let mut bench = Bench::new(1);
    bench.claim(0, None);
    bench.pass(Duration::from_millis(10));
    rest(bench.plan());
    bench.state.woken();
    assert!(matches!(bench.plan(), Plan::Talk(_, Some(_))));
}

#[test]
fn wake_ups_in_a_row_without_work_are_taken_at_most_once_in_milliseconds() {
    let mut bench = Bench::new(1);
    bench.claim(0, None);
    bench.state.woken();
    assert!(matches!(bench.plan(), Plan::Talk(_, Some(_))), "the first look in vain ended a burst");
    bench.claim(0, None);
    bench.state.woken();
    assert_eq!(rest(bench.plan()), Duration::from_millis(1));
    bench.pass(Duration::from_millis(1));
    for _ in 0..10 {
        bench.claim(0, None);
        bench.state.woken();
        let pause = rest(bench.plan());
        assert!(pause <= Duration::from_millis(4));
        bench.pass(pause);
    }
}

#[test]
fn the_rest_ends_when_the_next_job_is_due() {
    let mut bench = Bench::new(1);
    bench.claim(0, Some(WALL.plus(Duration::from_millis(300))));
    assert_eq!(rest(bench.plan()), Duration::from_millis(300));
    bench.pass(Duration::from_millis(300));
    assert!(matches!(bench.plan(), Plan::Talk(_, Some(_))));
}

#[test]
fn a_due_job_that_cannot_be_claimed_does_not_make_the_lane_spin() {
    let mut bench = Bench::new(1);
    let began = bench.now;
    for _ in 0..100 {
        bench.claim(0, Some(WALL));
        let pause = rest(bench.plan());
        bench.pass(pause);
    }
    assert!(bench.now - began > Duration::from_secs(10), "{:?}", bench.now - began);
}

#[test]
fn an_idle_lane_looks_again_after_the_fallback() {
    let mut bench = Bench::new(1);
    bench.claim(0, None);
    bench.pass(FALLBACK);
    assert!(matches!(bench.plan(), Plan::Talk(_, Some(_))));
}

#[test]
fn a_settlement_goes_with_the_claim_for_the_place_it_frees() {
    let mut bench = Bench::new(1);
    let keys = bench.claim(1, None);
    let call = bench.start().unwrap();
    rest(bench.plan());
    bench.end(call, keys[0], Outcome::Complete, Duration::from_secs(1));
    let Plan::Talk(sent, Some(_)) = bench.plan() else { panic!("not one round trip") };
    assert_eq!(sent.len(), 1);
}

#[test]
fn settlements_of_a_busy_lane_are_gathered_for_two_milliseconds() {
    let mut bench = Bench::new(3);
    let keys = bench.claim(2, None);
    let (first, _second) = (bench.start().unwrap(), bench.start().unwrap());
    bench.claim(0, None);
    bench.end(first, keys[0], Outcome::Complete, Duration::from_millis(500));
    let Plan::Rest(pause) = bench.plan() else { panic!("sent at once") };
    assert_eq!(pause, Duration::from_millis(2));
    bench.pass(pause);
    assert!(matches!(bench.plan(), Plan::Talk(sent, None) if sent.len() == 1));
}

#[test]
fn the_last_settlement_of_a_lane_goes_at_once() {
    let mut bench = Bench::new(2);
    let keys = bench.claim(1, None);
    let call = bench.start().unwrap();
    bench.claim(0, None);
    bench.end(call, keys[0], Outcome::Complete, Duration::from_millis(1));
    assert!(matches!(bench.plan(), Plan::Talk(sent, _) if sent.len() == 1));
}

#[test]
fn unconfirmed_settlements_are_sent_again() {
    let mut bench = Bench::new(1);
    let keys = bench.claim(1, None);
    let call = bench.start().unwrap();
    bench.end(call, keys[0], Outcome::Complete, Duration::from_secs(1));
    for _ in 0..3 {
        let Plan::Talk(sent, _) = bench.plan() else { panic!("forgotten") };
        assert_eq!(sent[0].lease, keys[0]);
    }
    assert!(bench.state.held().contains(&keys[0]), "held until confirmed");
    bench.state.settled(&[Settled::Applied], bench.now);
    assert!(bench.state.held().is_empty());
}

#[test]
fn after_a_retry_the_store_is_asked_when_it_is_due() {
    let mut bench = Bench::new(2);
    let keys = bench.claim(1, None);
    let call = bench.start().unwrap();
    bench.claim(0, None);
    let retry = Outcome::Retry { delay: Duration::from_millis(50), error: "no".into() };
    bench.end(call, keys[0], retry, Duration::from_millis(100));
    assert!(matches!(bench.plan(), Plan::Talk(_, Some(_))), "else the retry waits for the fallback");
}

#[test]
fn jobs_that_find_no_place_go_back_after_a_second() {
    let mut bench = Bench::new(1);
    let keys = bench.claim(1, None);
    let call = bench.start().unwrap();
    bench.end(call, keys[0], Outcome::Complete, Duration::from_micros(1));
    bench.claim(300, None);
    bench.start().unwrap();
    assert!(bench.state.buffer.len() > 100, "short jobs are claimed ahead");
    bench.pass(Duration::from_secs(2));
    let gathering = rest(bench.plan());
    bench.pass(gathering);
    let Plan::Talk(sent, None) = bench.plan() else { panic!("hoards") };
    assert!(sent.len() > 100 && sent.iter().all(|settlement| settlement.outcome == Outcome::HandBack));
    assert!(bench.state.buffer.is_empty());
}

#[test]
fn large_payloads_are_claimed_in_smaller_bites() {
    let mut bench = Bench::new(100);
    for _ in 0..20 {
        let Plan::Talk(_, Some(ask)) = bench.plan() else { break };
        let large = Lease { payload: vec![b' '; 1 << 20], ..lease() };
        bench.state.claimed(ask, Claimed { leases: vec![large], next_due: None }, bench.now, bench.wall);
    }
    let Plan::Talk(_, Some(ask)) = bench.plan() else { panic!("no claim") };
    assert!(ask.max <= 33, "{}", ask.max);
}

#[test]
fn a_closing_lane_hands_back_what_was_not_started_and_is_drained_when_its_calls_have_ended() {
    let mut bench = Bench::new(2);
    let keys = bench.claim(2, None);
    let call = bench.start().unwrap();
    bench.state.close(bench.now);
    let Plan::Talk(sent, None) = bench.plan() else { panic!("claims while it closes") };
    assert_eq!((sent[0].lease, &sent[0].outcome), (keys[1], &Outcome::HandBack));
    bench.state.settled(&[Settled::Applied], bench.now);
    assert!(!bench.state.is_drained());
    assert!(bench.start().is_none());
    bench.end(call, keys[0], Outcome::Complete, Duration::from_secs(1));
    assert!(!bench.state.is_drained(), "not before the store has it");
    bench.state.settled(&[Settled::Applied], bench.now);
    assert!(bench.state.is_drained());
}

#[test]
fn a_cancelled_job_that_has_not_started_never_starts() {
    let mut bench = Bench::new(1);
    let keys = bench.claim(1, None);
    assert!(bench.state.renewed(keys[0], Renewal::CancelRequested, bench.now));
    assert!(bench.start().is_none());
    let Plan::Talk(sent, _) = bench.plan() else { panic!("not settled") };
    assert!(matches!(sent[0].outcome, Outcome::Cancel { .. }));
}

#[test]
fn a_job_lost_before_it_started_never_starts_and_is_not_settled() {
    let mut bench = Bench::new(1);
    let keys = bench.claim(1, None);
    assert!(bench.state.renewed(keys[0], Renewal::Lost, bench.now));
    assert!(bench.start().is_none());
    assert!(bench.state.outbox.is_empty());
    assert_eq!(bench.state.stats("").tally.lost, 1);
}

#[test]
fn a_cancelled_job_that_completes_anyway_is_completed_and_else_cancelled() {
    for (outcome, cancelled) in
        [(Outcome::Complete, false), (Outcome::Snooze { delay: Duration::ZERO }, true)]
    {
        let mut bench = Bench::new(1);
        let keys = bench.claim(1, None);
        let call = bench.start().unwrap();
        bench.state.renewed(keys[0], Renewal::CancelRequested, bench.now);
        bench.end(call, keys[0], outcome, Duration::from_millis(1));
        let sent = bench.state.outbox.peek();
        assert_eq!(matches!(sent[0].outcome, Outcome::Cancel { .. }), cancelled);
    }
}

#[test]
fn a_call_whose_lease_is_lost_is_not_settled() {
    let mut bench = Bench::new(1);
    let keys = bench.claim(1, None);
    let call = bench.start().unwrap();
    bench.state.renewed(keys[0], Renewal::Lost, bench.now);
    bench.end(call, keys[0], Outcome::Complete, Duration::from_millis(1));
    assert!(bench.state.outbox.is_empty() && bench.state.held().is_empty());
}

#[test]
fn a_call_that_crashes_outside_its_handler_burns_an_attempt() {
    let mut bench = Bench::new(1);
    bench.claim(1, None);
    let call = bench.start().unwrap();
    bench.state.ended(call, End::Crashed, Duration::ZERO, bench.now, &bench.draws);
    assert!(matches!(bench.state.outbox.peek()[0].outcome, Outcome::Retry { .. }));
}

#[test]
fn a_resting_driver_is_rung_once_and_only_for_what_changes_its_plan() {
    let mut bench = Bench::new(2);
    let keys = bench.claim(2, None);
    let (first, second) = (bench.start().unwrap(), bench.start().unwrap());
    rest(bench.plan());
    let rings = |bench: &mut Bench| Plan::is_overtaken(&mut bench.state, bench.now, bench.wall, FALLBACK);
    assert!(!rings(&mut bench), "nothing happened");
    bench.end(first, keys[0], Outcome::Complete, Duration::from_millis(1));
    assert!(rings(&mut bench), "a place is free");
    assert!(!rings(&mut bench), "it was rung and has not planned yet");
    let Plan::Talk(sent, Some(ask)) = bench.plan() else { panic!("no claim") };
    bench.end(second, keys[1], Outcome::Complete, Duration::from_millis(1));
    assert!(!rings(&mut bench), "it is talking and will plan when it is done");
    bench.state.settled(&vec![Settled::Applied; sent.len()], bench.now);
    bench.state.claimed(ask, Claimed::default(), bench.now, bench.wall);
    assert!(matches!(bench.plan(), Plan::Talk(..)), "what ended meanwhile is sent");
}

#[test]
fn a_place_goes_on_under_its_control_until_somebody_pulls_at_it() {
    let mut bench = Bench::new(1);
    let keys = bench.claim(1, None);
    let first = bench.state.start(bench.now, bench.wall, None).unwrap();
    bench.end(first.number, keys[0], Outcome::Complete, Duration::from_millis(1));
    let keys = bench.claim(1, None);
    let again = Some(std::sync::Arc::clone(&first.control));
    let second = bench.state.start(bench.now, bench.wall, again).unwrap();
    assert!(std::sync::Arc::ptr_eq(&first.control, &second.control));
    bench.state.renewed(keys[0], Renewal::Lost, bench.now);
    bench.end(second.number, keys[0], Outcome::Complete, Duration::from_millis(1));
    bench.claim(1, None);
    let third = bench.state.start(bench.now, bench.wall, Some(second.control)).unwrap();
    assert!(third.control.is_fresh(), "the next job must not be dropped for the sake of the last one");
}

#[test]
fn a_wake_up_looks_for_urgent_jobs_although_the_stock_is_full() {
    let mut bench = Bench::new(4);
    let keys = bench.claim(4, None);
    let calls: Vec<_> = (0..4).map(|_| bench.start().unwrap()).collect();
    for (call, key) in calls.into_iter().zip(keys) {
        bench.end(call, key, Outcome::Complete, Duration::from_micros(100));
    }
    assert_eq!(bench.claim(500, None).len(), 24, "four places and half a millisecond of work");
    for _ in 0..4 {
        bench.start().unwrap();
    }
    rest(bench.plan());
    bench.state.woken();
    let Plan::Talk(_, Some(ask)) = bench.plan() else { panic!("not asked") };
    let high = |_| Lease { priority: Priority::High, ..lease() };
    let leases: Vec<_> = (0..ask.max).map(high).collect();
    assert_eq!(leases.len(), 4);
    bench.state.claimed(ask, Claimed { leases, next_due: None }, bench.now, bench.wall);
    let Plan::Talk(_, Some(ask)) = bench.plan() else { panic!("there may be more of them") };
    let leases = vec![lease(); ask.max];
    bench.state.claimed(ask, Claimed { leases, next_due: None }, bench.now, bench.wall);
    rest(bench.plan());
    bench.state.woken();
    rest(bench.plan());
    bench.pass(Duration::from_millis(2));
    assert!(matches!(bench.plan(), Plan::Talk(_, Some(_))), "not again at once after one in vain");
}
