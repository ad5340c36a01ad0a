//! What the driver does next: a pure rule over the state.

use super::buffer::Ask;
use super::outbox::Outbox;
use super::state::State;
use backstock_queue::{Settlement, Timestamp};
use std::time::Duration;
use tokio::time::Instant;

/// What the driver does next.
#[derive(Debug)]
pub(super) enum Plan {
    /// Send settlements (maybe none), claim (maybe not).
    Talk(Vec<Settlement>, Option<Ask>),
    /// Nothing for this long, unless woken.
    Rest(Duration),
}

/// Settlements of running lanes are gathered for at most this long.
const GATHER: Duration = Duration::from_millis(2);

impl Plan {
    /// `fallback` is the longest rest.
    pub fn make(state: &mut State, now: Instant, wall: Timestamp, fallback: Duration) -> Self {
        state.rests_until = None;
        if state.look.next_due.is_some_and(|due| due <= wall) {
            state.look.next_due = None;
            state.woken();
        }
        if now.duration_since(state.look.healthy_at) >= fallback {
            state.look.in_vain = false;
        }
        state.return_stale(now);
        let ask = state.ask(now);
        if ask.is_some() || (!state.outbox.is_empty() && must_send(state, now)) {
            return Self::Talk(state.outbox.peek(), ask);
        }
        if state.free() == 0 || state.is_closing() {
            state.look.healthy_at = now;
        }
        let rest = rest(state, now, wall, fallback);
        state.rests_until = Some(now + rest);
        Self::Rest(rest)
    }

    /// Whether the state has changed so that a resting driver must plan anew; tells so once. Ringing at every end of a
    /// call would cost more than a short job.
    pub fn is_overtaken(state: &mut State, now: Instant, wall: Timestamp, fallback: Duration) -> bool {
        let Some(until) = state.rests_until else { return false };
        let send = !state.outbox.is_empty() && must_send(state, now);
        let overtaken = send
            || state.is_closing()
            || state.ask(now).is_some()
            || now + rest(state, now, wall, fallback) < until;
        if overtaken {
            state.rests_until = None;
        }
        overtaken
    }
}

/// Whether settlements should not wait for a claim or for others.
fn must_send(state: &State, now: Instant) -> bool {
    let old = state.outbox.since().is_some_and(|since| now.duration_since(since) >= GATHER);
    old || state.outbox.len() >= Outbox::MAX || state.calls.is_empty() || state.is_closing()
}

fn rest(state: &State, now: Instant, wall: Timestamp, fallback: Duration) -> Duration {
    let until = |moment: Instant| moment.saturating_duration_since(now);
    let gathered = state.outbox.since().map(|since| until(since + GATHER));
    let look = (!state.look.in_vain && state.free() > 0 && !state.is_closing())
        .then(|| until(state.look.not_before))
        .filter(|rest| !rest.is_zero());
    let batch = if state.free() > 0 { state.buffer.deadline().map(until) } else { None };
    let due = state.look.next_due.map(|due| due.since(wall));
    [gathered, look, batch.filter(|rest| !rest.is_zero()), due]
        .into_iter()
        .flatten()
        .fold(fallback, Duration::min)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
