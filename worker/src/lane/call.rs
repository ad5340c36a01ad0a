//! One handler call, from the lane to its end.

use super::Lane;
use crate::StopReason;
use backstock_queue::{Lease, LeaseKey, Settlement, handler::Stop};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};
use tracing::Instrument;

/// Leases on their way to a handler. Dropped before [`Call::perform`], they are handed back.
pub(crate) struct Call {
    pub(super) kind: &'static str,
    pub(super) leases: Vec<Lease>,
    /// Why a batch has no more.
    pub(super) reason: Option<StopReason>,
    pub(super) ticket: Ticket,
}

impl Call {
    /// Runs the handler on a task of its own, so that neither a busy handler nor a crash of the run loop touches other
    /// calls. Returns when the call has ended; dropping the future leaves the call running.
    pub async fn perform(self) {
        let Self { kind, leases, reason, mut ticket } = self;
        let stopped = reason.map(StopReason::as_str);
        let span = tracing::info_span!("call", kind, jobs = leases.len(), stopped);
        let call = async move {
            let lane = Arc::clone(&ticket.lane);
            ticket.started = Instant::now();
            let context = ticket.control.stop.context();
            let run = lane.registry.run(kind, leases, context, Arc::clone(&lane.options.draws));
            let end = tokio::select! {
                biased;
                settlements = run => End::Returned(settlements),
                () = ticket.control.must_drop(lane.options.stop_patience) => End::Dropped,
            };
            ticket.close(end);
        };
        // An error is a panic, and the ticket has told the lane.
        let _panicked = tokio::spawn(call.instrument(span)).await;
    }
}

/// How a call ended.
#[derive(Debug)]
pub(super) enum End {
    /// By itself.
    Returned(Vec<Settlement>),
    /// Its future was dropped.
    Dropped,
    /// It panicked outside the handler (in a destructor, say).
    Crashed,
}

/// The lane's promise to hear of a call's end: told by [`Ticket::close`], else when dropped.
pub(super) struct Ticket {
    pub lane: Arc<Lane>,
    pub number: u64,
    pub control: Arc<Control>,
    pub started: Instant,
    pub open: bool,
}

impl Ticket {
    fn close(&mut self, end: End) {
        if std::mem::take(&mut self.open) {
            self.lane.end_call(self.number, end, self.started.elapsed());
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.close(if std::thread::panicking() { End::Crashed } else { End::Dropped });
    }
}

/// A running call as the lane sees it.
#[derive(Debug)]
pub(super) struct Running {
    pub kind: usize,
    /// Every lease, with its attempt.
    pub leases: Vec<(LeaseKey, u32)>,
    /// Leases that changed while it runs.
    pub marks: HashMap<LeaseKey, Mark>,
    pub control: Arc<Control>,
}

/// What happened to a lease while its call runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Somebody asked to cancel the job.
    Cancelled,
    /// It is gone.
    Lost,
}

/// The rope by which a call is stopped.
#[derive(Debug, Default)]
pub(super) struct Control {
    pub stop: Stop,
    order: AtomicU8,
    changed: Notify,
}

const POINTLESS: u8 = 1;
const DROP: u8 = 2;

impl Control {
    /// Nobody wants the result: asks the handler to stop, and drops it when it has not within the patience.
    pub fn pointless(&self) {
        self.order.fetch_max(POINTLESS, Ordering::SeqCst);
        self.stop.stop();
        self.changed.notify_one();
    }

    /// Drops the call at its next await.
    pub fn drop_now(&self) {
        self.order.store(DROP, Ordering::SeqCst);
        self.stop.stop();
        self.changed.notify_one();
    }

    async fn must_drop(&self, patience: Duration) {
        loop {
            match self.order.load(Ordering::SeqCst) {
                DROP => return,
                POINTLESS => tokio::select! {
                    () = sleep(patience) => return,
                    () = self.changed.notified() => {}
                },
                _ => self.changed.notified().await,
            }
        }
    }
}
