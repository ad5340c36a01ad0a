//! What a lane knows, and what follows from it. No I/O, no clock: moments are arguments.

use super::buffer::{Ask, Buffer};
use super::call::{Control, End, Mark, Running, Work};
use super::outbox::Outbox;
use super::pace::{Demand, Pace};
use super::places::Places;
use crate::{CallSample, Histogram, LaneStats, Tally};
use backstock_queue::{
    Claim, Claimed, Draws, JobError, Lease, LeaseKey, Outcome, Renewal, Settled, Settlement, Timestamp,
    life::CANCELLED,
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::Instant;

/// The one lock of a lane guards this.
#[derive(Debug)]
pub(super) struct State {
    pub buffer: Buffer,
    pub outbox: Outbox,
    pub calls: Places,
    /// Until when the driver rests, as it planned; `None` while it is about to plan.
    pub rests_until: Option<Instant>,
    pub look: Look,
    pace: Pace,
    tally: Tally,
    start_latency: Histogram,
    concurrency: usize,
    payload_bytes: f64,
    closing: bool,
}

/// When to look for work again.
#[derive(Debug)]
pub(super) struct Look {
    /// The last look found nothing, and nothing happened since.
    pub in_vain: bool,
    /// Looks in a row that found nothing.
    pub empty: u32,
    /// No look before.
    pub not_before: Instant,
    /// There may be jobs more urgent than those at hand.
    pub urgent: bool,
    /// No look for urgent jobs before.
    pub urgent_not_before: Instant,
    /// The store's word on when the next job is due.
    pub next_due: Option<Timestamp>,
    /// When the store last answered a look, or none was needed because all places were taken.
    pub healthy_at: Instant,
}

/// Whether the job will run again.
const fn comes_back(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Retry { .. } | Outcome::Snooze { .. } | Outcome::HandBack)
}

/// A call that may start.
pub(super) struct Started {
    /// Its place.
    pub number: usize,
    pub work: Work,
    pub control: Arc<Control>,
}

impl State {
    /// Bytes of payload one claim aims at.
    const CLAIM_BYTES: f64 = 32.0 * 1024.0 * 1024.0;
    /// A claimed job that finds no place for this long goes back.
    const HOLD: Duration = Duration::from_secs(1);
    /// Looks for more urgent jobs that find none are this far apart.
    const URGENT_PAUSE: Duration = Duration::from_millis(2);

    pub fn new(buffer: Buffer, concurrency: usize, now: Instant) -> Self {
        let look = Look {
            in_vain: false,
            empty: 0,
            not_before: now,
            urgent: false,
            urgent_not_before: now,
            next_due: None,
            healthy_at: now,
        };
        Self {
            buffer,
            outbox: Outbox::default(),
            calls: Places::default(),
            rests_until: None,
            look,
            pace: Pace::default(),
            tally: Tally::default(),
            start_latency: Histogram::default(),
            concurrency,
            payload_bytes: 0.0,
            closing: false,
        }
    }

    pub fn free(&self) -> usize {
        self.concurrency.saturating_sub(self.calls.len())
    }

    pub const fn is_closing(&self) -> bool {
        self.closing
    }

    /// From now on nothing is claimed or started; what is untouched goes back.
    pub fn close(&mut self, now: Instant) {
        self.closing = true;
        let untouched = self.buffer.take_all();
        self.hand_back(untouched, now);
    }

    /// Whether a closing lane has nothing left to do.
    pub fn is_drained(&self) -> bool {
        self.closing && self.calls.is_empty() && self.outbox.is_empty() && self.buffer.is_empty()
    }

    /// What to ask the store for.
    pub fn ask(&self, now: Instant) -> Option<Ask> {
        if self.closing || now < self.look.not_before {
            return None;
        }
        if !self.look.in_vain {
            let ahead = self.pace.ahead(self.concurrency, Claim::MAX);
            let fits = (Self::CLAIM_BYTES / self.payload_bytes.max(1.0)).max(1.0) as usize;
            let demand = Demand {
                places: self.concurrency,
                free: self.free(),
                calls_at_hand: self.buffer.calls(),
                jobs_at_hand: self.buffer.len(),
                jobs_per_call: self.buffer.jobs_per_call(),
                ahead,
                most: Claim::MAX.min(fits),
                urgent: self.look.urgent && now >= self.look.urgent_not_before,
            };
            let max = demand.jobs();
            if max > 0 {
                return Some(Ask { kind: None, max });
            }
        }
        if self.free() > 0 { self.buffer.unfilled() } else { None }
    }

    /// Takes in what a claim gave.
    pub fn claimed(&mut self, ask: Ask, claimed: Claimed, now: Instant, wall: Timestamp) {
        let Claimed { leases, next_due } = claimed;
        self.tally.claimed += leases.len() as u64;
        self.look.healthy_at = now;
        if ask.kind.is_none() {
            let least = self.buffer.least_urgent();
            let overtakes = |lease: &Lease| least.is_some_and(|least| self.buffer.level(lease, wall) < least);
            let urgent = leases.iter().any(overtakes);
            self.looked(leases.len(), next_due, now, wall);
            if !urgent && self.look.urgent {
                self.look.urgent_not_before = now + Self::URGENT_PAUSE;
            }
            self.look.urgent = urgent;
        }
        if !leases.is_empty() {
            let bytes: usize = leases.iter().map(|lease| lease.payload.len()).sum();
            self.payload_bytes += (bytes as f64 / leases.len() as f64 - self.payload_bytes) / 4.0;
        }
        let strangers = self.buffer.add(ask, leases, now, wall);
        self.hand_back(strangers, now);
        if self.closing {
            self.close(now);
        }
    }

    fn looked(&mut self, found: usize, next_due: Option<Timestamp>, now: Instant, wall: Timestamp) {
        let look = &mut self.look;
        look.in_vain = found == 0;
        look.next_due = next_due;
        if found > 0 {
            look.empty = 0;
            return;
        }
        // A busy neighbour wakes this lane, too: look again soon, but not at every call. One look in vain ends every burst
        // of work, so the next wake-up counts at once.
        look.empty = look.empty.saturating_add(1);
        look.not_before = now + Duration::from_millis((1 << (look.empty - 1).min(3)) / 2);
        // A due job that cannot be claimed (its queue is paused, say) must not make the lane spin.
        let patience = Duration::from_millis(1 << look.empty.min(7));
        look.next_due = next_due.map(|due| due.max(wall.plus(patience)));
    }

    /// The store says that there may be something new.
    pub fn woken(&mut self) {
        self.look.in_vain = false;
        self.look.urgent = true;
        self.buffer.may_have_more();
    }

    /// Every lease from its claim until the store confirmed its settlement.
    pub fn held(&self) -> Vec<LeaseKey> {
        let calls = self.calls.iter().flat_map(|call| call.leases.iter().map(|&(key, _)| key));
        self.buffer.keys().chain(calls).chain(self.outbox.keys()).collect()
    }

    /// The next call, when a place is free and jobs for it are here; under `control`, unless somebody has pulled at it.
    pub fn start(&mut self, now: Instant, wall: Timestamp, control: Option<Arc<Control>>) -> Option<Started> {
        if self.closing || self.free() == 0 {
            return None;
        }
        let formed = self.buffer.form(now)?;
        for lease in &formed.leases {
            self.start_latency.record(wall.since(lease.due_at), 1);
        }
        let control = control.filter(|control| control.is_fresh()).unwrap_or_default();
        let running = Running {
            kind: formed.kind,
            leases: formed.leases.iter().map(|lease| (lease.key(), lease.attempt)).collect(),
            marks: HashMap::new(),
            control: Arc::clone(&control),
        };
        let number = self.calls.put(running);
        let kind = self.buffer.kinds()[formed.kind].info.kind;
        Some(Started { number, work: Work { kind, leases: formed.leases, reason: formed.reason }, control })
    }

    /// Takes in how a call ended.
    pub fn ended(&mut self, number: usize, end: End, took: Duration, now: Instant, draws: &Draws) {
        let Some(running) = self.calls.take(number) else { return };
        if let End::Returned(settlements) = &end {
            self.learn(&running, settlements, took);
        }
        for mut settlement in self.settlements(&running, end, draws) {
            match running.marks.get(&settlement.lease) {
                Some(Mark::Lost) => {
                    self.tally.lost += 1;
                    continue;
                }
                Some(Mark::Cancelled) if comes_back(&settlement.outcome) => {
                    settlement.outcome = Outcome::Cancel { reason: CANCELLED.into() };
                }
                _ => {}
            }
            if comes_back(&settlement.outcome) {
                // Ask the store when.
                self.look.in_vain = false;
            }
            self.outbox.push(settlement, now);
        }
    }

    fn settlements(&self, running: &Running, end: End, draws: &Draws) -> Vec<Settlement> {
        let policy = self.buffer.kinds()[running.kind].info.retry;
        let each = |outcome: &dyn Fn(u32) -> Outcome| {
            running.leases.iter().map(|&(key, attempt)| Settlement::new(key, outcome(attempt))).collect()
        };
        match end {
            End::Returned(settlements) => settlements,
            End::Dropped => each(&|_| Outcome::HandBack),
            End::Crashed => each(&|attempt| {
                JobError::retry("the call crashed outside its handler").into_outcome(
                    &policy,
                    attempt,
                    draws.next(),
                )
            }),
        }
    }

    fn learn(&mut self, running: &Running, settlements: &[Settlement], took: Duration) {
        let failed = |settlement: &&Settlement| {
            matches!(settlement.outcome, Outcome::Retry { .. } | Outcome::Discard { .. })
        };
        let jobs = running.leases.len();
        let failures = settlements.iter().filter(failed).count();
        let kind = self.buffer.kind_mut(running.kind);
        let load = kind.controller.limits().load.map_or(0, |load| sum_of(load.counter, settlements));
        kind.controller.observe(CallSample { jobs, failures, duration: took, load });
        kind.stats.calls += 1;
        kind.stats.jobs += jobs as u64;
        kind.stats.failures += failures as u64;
        kind.stats.busy += took;
        self.pace.observe(jobs, took);
    }

    /// The store answered after `took`.
    pub fn talked(&mut self, took: Duration) {
        self.pace.talked(took);
    }

    /// Takes in the store's answers to the oldest settlements.
    pub fn settled(&mut self, answers: &[Settled], now: Instant) {
        let tally = &mut self.tally;
        for (settlement, answer) in self.outbox.confirm(answers.len(), now).iter().zip(answers) {
            let count = match (answer, &settlement.outcome) {
                (Settled::LeaseLost, _) => &mut tally.lost,
                (Settled::Applied, Outcome::Complete) => &mut tally.completed,
                (Settled::Applied, Outcome::Retry { .. }) => &mut tally.retried,
                (Settled::Applied, Outcome::Snooze { .. }) => &mut tally.snoozed,
                (Settled::Applied, Outcome::Discard { .. }) => &mut tally.discarded,
                (Settled::Applied, Outcome::Cancel { .. }) => &mut tally.cancelled,
                (Settled::Applied, Outcome::HandBack) => &mut tally.handed_back,
            };
            *count += 1;
        }
    }

    /// Takes in what a renewal found. Whether anything changed.
    pub fn renewed(&mut self, key: LeaseKey, renewal: Renewal, now: Instant) -> bool {
        if renewal == Renewal::Renewed {
            return false;
        }
        let mark = if renewal == Renewal::Lost { Mark::Lost } else { Mark::Cancelled };
        if self.buffer.remove(key).is_some() {
            if mark == Mark::Lost {
                self.tally.lost += 1;
            } else {
                let reason = CANCELLED.into();
                self.outbox.push(Settlement::new(key, Outcome::Cancel { reason }), now);
            }
            return true;
        }
        let of_key = |call: &&mut Running| call.leases.iter().any(|&(lease, _)| lease == key);
        if let Some(call) = self.calls.iter_mut().find(of_key) {
            call.marks.insert(key, mark);
            if call.marks.len() == call.leases.len() {
                call.control.pointless();
            }
        }
        false
    }

    /// Gives back jobs that wait for a place for too long: somebody else may have one.
    pub fn return_stale(&mut self, now: Instant) {
        if self.free() == 0 {
            let stale = self.buffer.take_older(Self::HOLD, now);
            if !stale.is_empty() {
                self.pace.forget();
            }
            self.hand_back(stale, now);
        }
    }

    fn hand_back(&mut self, leases: Vec<Lease>, now: Instant) {
        for lease in leases {
            self.outbox.push(Settlement::new(lease.key(), Outcome::HandBack), now);
        }
    }

    pub fn stats(&self, queue: &str) -> LaneStats {
        let kinds = self.buffer.kinds().iter().map(|kind| {
            let mut stats = kind.stats.clone();
            stats.batch_limit = if kind.info.batched { kind.controller.limit() } else { 1 };
            stats
        });
        LaneStats {
            queue: queue.to_owned(),
            concurrency: self.concurrency,
            running: self.calls.len(),
            waiting: self.buffer.len(),
            unsent: self.outbox.len(),
            tally: self.tally,
            start_latency: self.start_latency,
            kinds: kinds.collect(),
        }
    }
}

/// What the jobs of a call tallied under one name.
fn sum_of(counter: &str, settlements: &[Settlement]) -> u64 {
    let tallies = settlements.iter().flat_map(|settlement| &settlement.tally);
    let amounts = tallies.filter(|(name, _)| name == counter).map(|(_, amount)| amount);
    amounts.fold(0, |sum, amount| sum.saturating_add(u64::try_from(*amount).unwrap_or(0)))
}
