//! Claims: the next job is chosen among the heads of the broker's bands and of the ledger's.

use super::{
    Shared,
    adopt::ack_all,
    band::{Band, Fetched, Hold},
    desk::Held,
    line::Line,
};
use crate::{
    Claim, Claimed, Draws, Lease, Outcome, Priority, Settlement, StoreError, Timestamp,
    order::{self, Heads},
};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Leases taken from the ledger at a time while the broker has jobs, too: what turns out to be less urgent goes back.
const PIECE: usize = 32;
/// How long a claim waits for what is ready in the broker but not here yet. The suite claims once and wants all there is, on
/// a machine that may be busy.
const PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 10_000 } else { 200 });
/// While the broker has a backlog it sends what there is by itself: so long it is waited for before it is asked…
const STREAM: Duration = Duration::from_millis(2);
/// …and so long when nothing has come at all: eight questions delay a broker that is busy.
const STALL: Duration = Duration::from_millis(8);
/// …and so many are enough for a claim that wants more: what comes meanwhile is for the next one. Waiting for all would let
/// the worker and the broker take turns instead of going on side by side.
const FLOW: usize = 64;
/// So many are enough when no more came in time.
const TRICKLE: usize = 16;
/// After this it asks the broker again: others may have got what was ready.
const ASK_AGAIN: Duration = Duration::from_millis(5);
/// Jobs fetched ahead of claims that want others.
const MOST_BUFFERED: usize = 2_000;

impl Shared {
    pub(super) async fn lease(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let stranger = !self.desk().has_worker(&claim.worker);
        let line = self.line(&claim.queue);
        let (Some(line), false, true) = (line, stranger, claim.max > 0) else {
            return self.ledger.claim(claim).await;
        };
        if self.is_paused(&claim.queue).await? {
            return self.ledger.claim(claim).await;
        }
        let most = claim.max.min(Claim::MAX);
        let mut claimed = Claimed::default();
        loop {
            let want = most - claimed.leases.len();
            let ready = match self.fetch(&line, claim, want).await {
                Ok(ready) if ready > 0 => ready.min(want),
                Ok(_) if claimed.leases.is_empty() => {
                    line.bands.iter().for_each(|band| band.want());
                    return self.lease_recorded(claim).await;
                }
                Err(error) if error.ends_work() && claimed.leases.is_empty() => return Err(error),
                // What the ledger has can be done while the broker is away.
                Err(error) if claimed.leases.is_empty() => {
                    let recorded = self.lease_recorded(claim).await?;
                    return if recorded.leases.is_empty() { Err(error) } else { Ok(recorded) };
                }
                _ => return Ok(claimed),
            };
            let more = self.lease_both(&line, claim, want).await?;
            let taken = more.leases.len();
            claimed.leases.extend(more.leases);
            claimed.next_due = more.next_due;
            if taken >= ready {
                return Ok(claimed);
            }
            // Another claim was faster: there may be more behind what it took.
        }
    }

    async fn lease_recorded(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let before = self.rests().before(claim, self.ledger_wakes());
        let claimed = self.ledger.claim(claim).await?;
        self.rests().after(before, claimed.leases.is_empty(), claimed.next_due);
        Ok(claimed)
    }

    /// Fetches jobs until `want` are here or the broker has no more; how many are here.
    async fn fetch(&self, line: &Line, claim: &Claim, want: usize) -> Result<usize, StoreError> {
        self.declare_all(&claim.queue).await?;
        let (kinds, begun) = (&claim.kinds, Instant::now());
        loop {
            line.consume(&self.link, kinds, want).await?;
            if line.has_backlog() {
                line.arrival(kinds, want.min(FLOW), STREAM).await;
                if line.ready(kinds, 1) == 0 {
                    line.arrival(kinds, want.min(FLOW), STALL).await;
                }
            }
            line.drain();
            self.clear(line, kinds).await?;
            let ready = line.ready(kinds, want);
            let flows = line.has_backlog() && ready >= TRICKLE;
            if ready >= want || flows || (ready > 0 && !line.is_soiled()) || self.records_all() {
                return Ok(ready);
            }
            let waiting = line.settle_in(&self.link).await?;
            let cleared = self.clear(line, kinds).await?;
            let ready = line.ready(kinds, want);
            let nothing_comes = waiting == 0 && !cleared;
            if ready >= want
                || nothing_comes
                || line.buffered() >= MOST_BUFFERED
                || begun.elapsed() >= PATIENCE
            {
                return Ok(ready);
            }
            if !cleared {
                let coming = usize::try_from(waiting).unwrap_or(want);
                line.arrival(kinds, want.min(ready.saturating_add(coming)), ASK_AGAIN).await;
            }
        }
    }

    /// Takes what is most urgent of both.
    async fn lease_both(&self, line: &Line, claim: &Claim, want: usize) -> Result<Claimed, StoreError> {
        let now = self.now();
        let mut counter = Counter::default();
        let before = self.rests().before(claim, self.ledger_wakes());
        let vain = self.rests().is_vain(before, now);
        match vain {
            Some(rest) => counter.next_due = rest.next_due,
            None => self.refill(&mut counter, claim, want).await?,
        }
        let draws = Draws::seeded(claim.draw);
        let mut taken = Taken::default();
        let heads = line.bands.each_ref().map(|band| band.head(&claim.kinds));
        if counter.is_empty()
            && let [Some(only), None] = filled(&heads)
        {
            // Nothing to choose from.
            let band = &line.bands[only];
            self.hold(band, band.take_many(&claim.kinds, want), claim, now, &mut taken);
        }
        while taken.leases.len() < want {
            let recorded = counter.heads();
            let plain = line.bands.each_ref().map(|band| band.head(&claim.kinds));
            let mut heads = recorded;
            for (head, plain) in heads.iter_mut().zip(plain) {
                *head = [*head, plain].into_iter().flatten().min();
            }
            let Some(next) = order::next_band(&heads, claim.order, now, draws.next()) else { break };
            let at = next as usize;
            // Between equals the ledger's: it was here before, and failed or was handed back.
            let from_ledger = recorded[at].is_some_and(|due| plain[at].is_none_or(|plain| due <= plain));
            if from_ledger {
                taken.leases.extend(counter.take(next));
                if counter.is_empty() && counter.more {
                    self.refill(&mut counter, claim, want - taken.leases.len()).await?;
                }
            } else {
                let band = &line.bands[at];
                self.hold(band, band.take_many(&claim.kinds, 1), claim, now, &mut taken);
            }
        }
        self.rests().after(before, vain.is_some() || counter.was_vain(), counter.next_due);
        if taken.leases.len() < want {
            line.bands.iter().for_each(|band| band.want());
        }
        ack_all(taken.second.iter().map(|(band, hold)| (band, *hold))).await;
        let next_due = counter.next_due;
        self.hand_back(counter).await;
        Ok(Claimed { leases: taken.leases, next_due })
    }

    /// Leases the next piece of the ledger's jobs.
    async fn refill(&self, counter: &mut Counter, claim: &Claim, want: usize) -> Result<(), StoreError> {
        let max = want.min(PIECE);
        let claimed = self.ledger.claim(&Claim { max, ..claim.clone() }).await?;
        counter.more = claimed.leases.len() == max;
        counter.any |= !claimed.leases.is_empty();
        counter.next_due = claimed.next_due;
        for lease in claimed.leases {
            counter.bands[lease.priority as usize].push_back(lease);
        }
        Ok(())
    }

    /// Leases jobs of a band; a second message of a job that is here is put aside.
    fn hold(
        &self,
        band: &Arc<Band>,
        fetched: Vec<Fetched>,
        claim: &Claim,
        now: Timestamp,
        taken: &mut Taken,
    ) {
        let worker = Arc::new(claim.worker.clone());
        let mut desk = self.desk();
        let (fence, deadline) = (desk.fence(now), now.plus(claim.lease_for));
        for Fetched { job, hold, .. } in fetched {
            if desk.is_second(job.id) {
                taken.second.push((Arc::clone(band), hold));
                continue;
            }
            taken.leases.push(job.lease(fence, deadline));
            desk.hold(Held {
                job,
                fence,
                band: Arc::clone(band),
                hold,
                worker: Arc::clone(&worker),
                started_at: now,
                deadline,
                cancelled: false,
                moving: false,
            });
        }
    }

    /// Gives back what the broker's jobs were more urgent than.
    async fn hand_back(&self, counter: Counter) {
        let left = counter.bands.into_iter().flatten();
        let left: Vec<Settlement> =
            left.map(|lease| Settlement::new(lease.key(), Outcome::HandBack)).collect();
        if left.is_empty() {
            return;
        }
        if let Err(error) = self.ledger.settle(left).await {
            tracing::warn!(%error, "jobs that were leased in vain come back when their leases end");
        }
    }
}

/// The first two places that have something.
fn filled(heads: &Heads) -> [Option<usize>; 2] {
    let mut filled = heads.iter().enumerate().filter_map(|(at, head)| head.map(|_| at));
    [filled.next(), filled.next()]
}

/// What a claim has taken so far.
#[derive(Default)]
struct Taken {
    leases: Vec<Lease>,
    /// Second messages, to be acked.
    second: Vec<(Arc<Band>, Hold)>,
}

/// Leases of the ledger that are not given out yet.
#[derive(Default)]
struct Counter {
    bands: [VecDeque<Lease>; 4],
    /// The ledger may have more.
    more: bool,
    /// The ledger had some.
    any: bool,
    next_due: Option<Timestamp>,
}

impl Counter {
    fn heads(&self) -> Heads {
        self.bands.each_ref().map(|band| band.front().map(|lease| lease.due_at))
    }

    fn take(&mut self, priority: Priority) -> Option<Lease> {
        self.bands[priority as usize].pop_front()
    }

    fn is_empty(&self) -> bool {
        self.bands.iter().all(VecDeque::is_empty)
    }

    /// Whether the same question would be answered by nothing again.
    fn was_vain(&self) -> bool {
        !self.any
    }
}
