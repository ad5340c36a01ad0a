//! One handler call, from the lane to its end.

use super::{Lane, state::Started};
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
    pub(super) work: Work,
    pub(super) ticket: Ticket,
}

/// What a handler is called with.
pub(super) struct Work {
    pub kind: &'static str,
    pub leases: Vec<Lease>,
    /// Why a batch has no more; `None` for handlers of single jobs.
    pub reason: Option<StopReason>,
}

impl Call {
    /// A place goes on with the next call by itself for at most this long, so that others are not kept waiting: a task,
    /// a turn of the run loop and a wake-up would cost more than a short job.
    const SLICE: Duration = Duration::from_millis(1);
    /// The most calls in a row, for clocks that stand still.
    const IN_A_ROW: u32 = 256;

    /// Runs the handler on a task of its own, so that neither a busy handler nor a crash of the run loop touches other
    /// calls, and goes on with what is ready next while its slice lasts. Returns when the last call has ended; dropping
    /// the future leaves the calls running.
    pub async fn perform(self) {
        // An error is a panic, and the ticket has told the lane.
        let _panicked = tokio::spawn(self.run()).await;
    }

    async fn run(self) {
        let Self { mut work, mut ticket } = self;
        ticket.started = Instant::now();
        let slice_ends = ticket.started + Self::SLICE;
        for call in 1..=Self::IN_A_ROW {
            let Work { kind, leases, reason } = work;
            let stopped = reason.map(StopReason::as_str);
            let span = tracing::info_span!("call", kind, jobs = leases.len(), stopped);
            let end = ticket.call(kind, leases).instrument(span).await;
            let go_on_until = (call < Self::IN_A_ROW).then_some(slice_ends);
            match ticket.close(end, go_on_until) {
                Some(next) => work = next,
                None => return,
            }
        }
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

/// A place of the lane, and the lane's promise to hear of the end of its call: by [`Ticket::close`], else when dropped.
pub(super) struct Ticket {
    pub lane: Arc<Lane>,
    pub number: usize,
    pub control: Arc<Control>,
    pub started: Instant,
    pub open: bool,
}

impl Ticket {
    async fn call(&self, kind: &str, leases: Vec<Lease>) -> End {
        let Self { lane, control, .. } = self;
        let run = lane.registry.run(kind, leases, control.stop.context(), Arc::clone(&lane.options.draws));
        tokio::select! {
            biased;
            settlements = run => End::Returned(settlements),
            () = control.must_drop(lane.options.stop_patience) => End::Dropped,
        }
    }

    /// Tells the lane. When one is ready before `go_on_until`, the place has a next call, and this is its ticket.
    fn close(&mut self, end: End, go_on_until: Option<Instant>) -> Option<Work> {
        if !std::mem::take(&mut self.open) {
            return None;
        }
        let now = Instant::now();
        let again = go_on_until.filter(|until| now < *until).map(|_| Arc::clone(&self.control));
        let Started { number, work, control } =
            self.lane.end_call(self.number, end, now.duration_since(self.started), now, again)?;
        (self.number, self.control, self.started, self.open) = (number, control, now, true);
        Some(work)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.close(if std::thread::panicking() { End::Crashed } else { End::Dropped }, None);
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
    /// Whether nobody has pulled at it: fit for the next call of its place.
    pub fn is_fresh(&self) -> bool {
        self.order.load(Ordering::SeqCst) == 0
    }

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
