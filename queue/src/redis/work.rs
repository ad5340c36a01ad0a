//! What workers call: claim, settle, renew.

use super::{RedisStore, answer, fault, link::Call, pack, wire};
use crate::{
    Claim, Claimed, Draws, Fence, Lease, LeaseKey, Outcome, PriorityOrder, Promoted, Renewal, Settled,
    Settlement, StoreError, Timestamp, adopt,
};
use std::time::Duration;

/// Most settlements in one call of a function.
const SETTLEMENTS: usize = 1_000;
/// Fences of one bundle of leases.
const BUNDLE: u64 = 512;

impl RedisStore {
    pub(super) async fn settle_all(&self, settlements: &[Settlement]) -> Result<Vec<Settled>, StoreError> {
        let mut settled = Vec::with_capacity(settlements.len());
        for piece in settlements.chunks(SETTLEMENTS) {
            let piece = Piece::new(piece);
            let call = piece.onto(self.at_once("settle"));
            let answers = self.ask(&call).await?.bytes()?;
            self.read_settled(&answers, &piece, &mut settled)?;
        }
        Ok(settled)
    }

    fn read_settled(
        &self,
        answers: &[u8],
        piece: &Piece<'_>,
        settled: &mut Vec<Settled>,
    ) -> Result<(), StoreError> {
        if answers.len() != piece.sent.len() {
            return Err(fault::damaged("answers to settlements", &self.link.location));
        }
        let read = |answer: u8| if answer == b'1' { Settled::Applied } else { Settled::LeaseLost };
        let from = settled.len();
        settled.resize(from + answers.len(), Settled::LeaseLost);
        for ((at, _), answer) in piece.sent.iter().zip(answers) {
            settled[from + at] = read(*answer);
        }
        Ok(())
    }

    /// Settles, then claims, in one round trip.
    pub(super) async fn take_turn(
        &self,
        settlements: &[Settlement],
        claim: &Claim,
    ) -> Result<(Vec<Settled>, Claimed), StoreError> {
        let (before, last) = settlements.split_at(settlements.len() - settlements.len().min(SETTLEMENTS));
        let mut settled = self.settle_all(before).await?;
        let last = Piece::new(last);
        let call = with_claim(last.onto(self.at_once("turn")), claim);
        let mut parts = self.ask(&call).await?.list()?.into_iter();
        let answers = answer::next(&mut parts, &self.link.location)?.bytes()?;
        self.read_settled(&answers, &last, &mut settled)?;
        let found = answer::next(&mut parts, &self.link.location)?;
        if let redis::Value::BulkString(_) = found.value {
            let message = format!("worker {} claims without having checked in", claim.worker);
            return Err(StoreError::Invalid(message));
        }
        Ok((settled, self.read_claimed(found.list()?)?))
    }

    fn read_claimed(&self, parts: Vec<answer::Answer<'_>>) -> Result<Claimed, StoreError> {
        let location = &self.link.location;
        let mut parts = parts.into_iter();
        let first_fence = answer::next(&mut parts, location)?.number()? as u64;
        let deadline = Timestamp(answer::next(&mut parts, location)?.number()?);
        let server_now = Timestamp(answer::next(&mut parts, location)?.number()?);
        let next_due = answer::next(&mut parts, location)?.moment()?;
        let order = answer::next(&mut parts, location)?.bytes()?;
        let mut leases = Vec::with_capacity(parts.len());
        while let Some(part) = parts.next() {
            let bytes = part.bytes()?;
            let fence = Fence(first_fence + leases.len() as u64);
            if let Some(head) = pack::Head::read(&bytes) {
                let mut more = || answer::next(&mut parts, location)?.bytes();
                let (ids, ends, payloads) = (more()?, more()?, more()?);
                head.lease(&ids, &ends, &payloads, (fence, deadline), &mut leases);
            } else if let Some(stored) = wire::Stored::read(&bytes) {
                leases.push(stored.lease(fence, deadline));
            } else {
                return Err(fault::damaged("a job", location));
            }
        }
        let leases = in_turn(leases, &order);
        Ok(Claimed { leases, next_due: next_due.map(|due| self.here(due, server_now)) })
    }

    pub(super) async fn renew_all(
        &self,
        leases: &[LeaseKey],
        lease_for: Duration,
    ) -> Result<Vec<Renewal>, StoreError> {
        let mut renewals = Vec::with_capacity(leases.len());
        for piece in leases.chunks(SETTLEMENTS) {
            let keys: Vec<u8> = piece.iter().flat_map(|key| wire::lease_key(*key)).collect();
            let call = self.at_once("renew").number(millis(lease_for)).arg(keys);
            let answers = self.ask(&call).await?.bytes()?;
            if answers.len() != piece.len() {
                return Err(fault::damaged("answers to renewals", &self.link.location));
            }
            renewals.extend(answers.iter().map(|answer| match answer {
                b'r' => Renewal::Renewed,
                b'c' => Renewal::CancelRequested,
                _ => Renewal::Lost,
            }));
        }
        Ok(renewals)
    }

    pub(super) async fn promote_due(&self, limit: usize) -> Result<Promoted, StoreError> {
        let location = &self.link.location;
        let call = self.at_once("promote").number(limit.min(super::PIECE));
        let mut parts = self.ask(&call).await?.list()?.into_iter();
        let available = answer::next(&mut parts, location)?.number()? as usize;
        let expired = answer::next(&mut parts, location)?.number()? as usize;
        let next_due = answer::next(&mut parts, location)?.moment()?;
        let server_now = Timestamp(answer::next(&mut parts, location)?.number()?);
        Ok(Promoted { available, expired, next_due: next_due.map(|due| self.here(due, server_now)) })
    }
}

/// Whole milliseconds, rounded up, as far as a moment can be.
pub(super) fn millis(span: Duration) -> i64 {
    Timestamp(0).plus(span).0
}

fn is_plain(settlement: &Settlement) -> bool {
    !adopt::is_outside(settlement.lease.fence)
        && settlement.outcome == Outcome::Complete
        && settlement.follow_on.is_empty()
        && settlement.tally.is_empty()
}

/// Leases as they are served: `order` has four bytes for each by which they are sorted, or nothing.
fn in_turn(leases: Vec<Lease>, order: &[u8]) -> Vec<Lease> {
    let keys = order.as_chunks::<4>().0;
    if keys.len() != leases.len() {
        return leases;
    }
    let mut leases: Vec<_> = leases.into_iter().map(Some).collect();
    let mut places: Vec<usize> = (0..leases.len()).collect();
    places.sort_by_key(|place| keys[*place]);
    places.into_iter().filter_map(|place| leases[place].take()).collect()
}

/// Settlements of one call, each with its place among those that were asked for.
struct Piece<'a> {
    sent: Vec<(usize, &'a Settlement)>,
    plain: bool,
}

impl<'a> Piece<'a> {
    /// Plain completions in the order of their fences: runs of leases cost less than single ones.
    fn new(settlements: &'a [Settlement]) -> Self {
        let mut sent: Vec<_> = settlements.iter().enumerate().collect();
        let plain = settlements.iter().all(is_plain);
        if plain {
            sent.sort_by_key(|(_, settlement)| settlement.lease.fence.0);
        }
        Self { sent, plain }
    }

    fn onto(&self, call: Call) -> Call {
        if self.sent.is_empty() {
            return call.arg([]);
        }
        if self.plain {
            return with_completions(call.arg("p"), &self.sent);
        }
        let sent = self.sent.iter().map(|(_, settlement)| *settlement);
        sent.fold(call.arg("r").number(self.sent.len()), with_settlement)
    }
}

/// Completions as runs of leases that follow each other: how many runs, then the first fence of each, and ids; then two bytes
/// for each, its place among those that were asked for, or nothing when that is the same order.
fn with_completions(call: Call, settlements: &[(usize, &Settlement)]) -> Call {
    let follows = |(_, one): &(usize, &Settlement), (_, next): &(usize, &Settlement)| {
        let (one, next) = (one.lease.fence.0, next.lease.fence.0);
        one.checked_add(1) == Some(next) && one / BUNDLE == next / BUNDLE
    };
    let id = |(_, one): &(usize, &Settlement)| *one.lease.job.0.as_bytes();
    let ids = |run: &[(usize, &Settlement)]| run.iter().map(id).collect::<Vec<_>>().into_flattened();
    let runs = || settlements.chunk_by(follows);
    let call = runs().fold(call.number(runs().count()), |call, run| {
        call.arg(run[0].1.lease.fence.0.to_be_bytes()).arg(ids(run))
    });
    let moved = settlements.iter().enumerate().any(|(at, (place, _))| at != *place);
    let place = |(place, _): &(usize, &Settlement)| u16::try_from(*place).unwrap_or(u16::MAX).to_be_bytes();
    call.arg(if moved { settlements.iter().flat_map(place).collect() } else { Vec::new() })
}

fn with_settlement(call: Call, settlement: &Settlement) -> Call {
    let nothing = Duration::ZERO;
    let (code, delay, error) = match &settlement.outcome {
        Outcome::Complete => ("C", nothing, ""),
        Outcome::Retry { delay, error } => ("R", *delay, error.as_str()),
        Outcome::Snooze { delay } => ("S", *delay, ""),
        Outcome::Discard { error } => ("D", nothing, error.as_str()),
        Outcome::Cancel { reason } => ("X", nothing, reason.as_str()),
        Outcome::HandBack => ("H", nothing, ""),
    };
    let call = call.arg(wire::lease_key(settlement.lease));
    if let Some(refused) = settlement.follow_on.iter().find_map(|job| job.validate().err()) {
        return call.arg("D").number(0).arg(format!("follow-on: {refused}")).number(0).number(0);
    }
    let call = call.arg(code).number(millis(delay)).arg(error);
    let call = call.number(settlement.follow_on.len()).number(settlement.tally.len());
    let call = call.args(settlement.follow_on.iter().map(wire::request));
    settlement.tally.iter().fold(call, |call, (name, amount)| call.arg(name.as_str()).number(amount))
}

fn with_claim(call: Call, claim: &Claim) -> Call {
    let max = claim.max.min(Claim::MAX);
    let call = call.arg(claim.queue.as_str()).arg(claim.worker.0.as_str()).number(max);
    let call = call.number(millis(claim.lease_for));
    let call = match claim.order {
        PriorityOrder::Strict { aging } => call.arg("s").number(aging.as_millis()),
        PriorityOrder::Weighted { weights } => {
            let draws = Draws::seeded(claim.draw);
            // The top 53 bits of a draw as a fraction of one, for each job.
            let fraction = |_| ((draws.next() >> 11) as f64 / (1_u64 << 53) as f64).to_be_bytes();
            let draws: Vec<u8> = (0..max.max(1)).flat_map(fraction).collect();
            weights.iter().fold(call.arg("w"), Call::number).arg(draws)
        }
    };
    claim.kinds.iter().fold(call, |call, range| call.arg(range.kind.as_str()).number(range.max_version))
}
