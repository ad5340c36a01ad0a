//! One handler call as a pipeline: decode, pack, perform, settle.

use super::{Context, Handler, Item, Work, sealed::Pack};
use crate::{Draws, Job, JobError, Lease, Outcome, Settlement, UpcastError};
use futures::FutureExt;
use std::{any::Any, panic::AssertUnwindSafe};

/// Performs `leases`; one settlement each.
pub(super) async fn run<H: Handler>(
    handler: &H,
    leases: Vec<Lease>,
    context: &Context,
    draws: &Draws,
) -> Vec<Settlement> {
    let mut settlements = Vec::with_capacity(leases.len());
    let mut items = Vec::with_capacity(leases.len());
    for lease in leases {
        match decode::<<H::Work as Work>::Job>(&lease) {
            Ok(payload) => items.push(Item::new(payload, &lease)),
            Err(error) => {
                let error = clipped(format!("undecodable payload: {error}"));
                settlements.push(Settlement::new(lease.key(), Outcome::Discard { error }));
            }
        }
    }
    for mut work in H::Work::pack(items) {
        let rest = perform(handler, &mut work, context).await;
        let policy = <H::Work as Work>::Job::RETRY;
        for item in work.unpack() {
            let mut settlement = item.settle(&rest, &policy, draws.next());
            settlement.outcome = bounded(settlement.outcome);
            settlements.push(settlement);
        }
    }
    settlements
}

/// Longest error or reason a settlement carries: errors quote hostile input, and every store keeps them.
const MAX_TEXT_BYTES: usize = 4096;

fn bounded(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Retry { delay, error } => Outcome::Retry { delay, error: clipped(error) },
        Outcome::Discard { error } => Outcome::Discard { error: clipped(error) },
        Outcome::Cancel { reason } => Outcome::Cancel { reason: clipped(reason) },
        other => other,
    }
}

/// At most [`MAX_TEXT_BYTES`] of `text`, cut between characters and marked.
fn clipped(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        let end = text.floor_char_boundary(MAX_TEXT_BYTES - "…".len());
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Why a payload could not be read.
#[derive(Debug, thiserror::Error)]
enum DecodeError {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Upcast(#[from] UpcastError),
}

fn decode<J: Job>(lease: &Lease) -> Result<J, DecodeError> {
    if lease.version >= J::VERSION {
        return Ok(serde_json::from_slice(&lease.payload)?);
    }
    let old = serde_json::from_slice(&lease.payload)?;
    Ok(serde_json::from_value(J::upcast(lease.version, old)?)?)
}

async fn perform<H: Handler>(handler: &H, work: &mut H::Work, context: &Context) -> Result<(), JobError> {
    let timeout = <H::Work as Work>::Job::TIMEOUT;
    let call = AssertUnwindSafe(async { handler.handle(work, context).await }).catch_unwind();
    match tokio::time::timeout(timeout, call).await {
        Ok(Ok(end)) => end,
        Ok(Err(panic)) => Err(JobError::retry(format!("the handler panicked: {}", message(panic.as_ref())))),
        Err(_elapsed) => Err(JobError::retry(format!("the handler took longer than {timeout:?}"))),
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}
