//! One queue's share of the pool: claimed jobs in, settlements out.

mod buffer;
mod call;
mod driver;
mod outbox;
mod pace;
mod places;
mod plan;
mod state;

pub(crate) use call::Call;
pub(crate) use driver::Driver;

use crate::{LaneOptions, LaneStats, PoolOptions, pool::Refusal};
use backstock_queue::{
    Claim, KindRange, LeaseKey, Registry, Renewal, StoreError, WorkerId, handler::KindInfo,
};
use buffer::{Ask, Buffer};
use call::{Control, End, Ticket};
use futures::task::AtomicWaker;
use plan::Plan;
use state::{Started, State};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// Shared by the lane's driver, its run loop, its calls and the keeper.
#[derive(Debug)]
pub(crate) struct Lane {
    queue: String,
    settings: LaneOptions,
    kinds: Vec<KindRange>,
    registry: Arc<Registry>,
    options: Arc<PoolOptions>,
    worker: WorkerId,
    state: Mutex<State>,
    /// Rung when the driver has something to do.
    bell: watch::Sender<u64>,
    /// Of the run loop, when it waits for a call.
    run_loop: AtomicWaker,
    drained: watch::Sender<bool>,
    refusal: Arc<Refusal>,
}

impl Lane {
    pub fn new(
        queue: &str,
        kinds: &[KindInfo],
        registry: Arc<Registry>,
        options: Arc<PoolOptions>,
        worker: WorkerId,
        refusal: Arc<Refusal>,
    ) -> Self {
        let settings = options.lane(queue);
        let limits = |info: &KindInfo| options.batch.get(info.kind).copied().unwrap_or(info.batch);
        let buffer = Buffer::new(kinds.iter().map(|info| (*info, limits(info))), settings.order);
        Self {
            queue: queue.to_owned(),
            kinds: kinds.iter().map(KindInfo::range).collect(),
            registry,
            worker,
            state: Mutex::new(State::new(buffer, settings.concurrency, Instant::now())),
            bell: watch::Sender::new(0),
            run_loop: AtomicWaker::new(),
            drained: watch::Sender::new(false),
            refusal,
            settings,
            options,
        }
    }

    pub fn queue(&self) -> &str {
        &self.queue
    }

    pub const fn concurrency(&self) -> usize {
        self.settings.concurrency
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is complete before anything that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the run loop: the next call to perform. Registers `waker` for when there is one.
    pub fn next_call(self: &Arc<Self>, waker: &Waker) -> Option<Call> {
        self.run_loop.register(waker);
        let (now, wall) = (Instant::now(), self.options.clock.now());
        let Started { number, work, control } = self.state().start(now, wall, None)?;
        let ticket = Ticket { lane: Arc::clone(self), number, control, started: now, open: true };
        Some(Call { work, ticket })
    }

    /// Takes in how a call ended; with `again`, its place goes on with the next call, if one is ready.
    fn end_call(
        &self,
        number: usize,
        end: End,
        took: Duration,
        now: Instant,
        again: Option<Arc<Control>>,
    ) -> Option<Started> {
        let wall = self.options.clock.now();
        let mut state = self.state();
        state.ended(number, end, took, now, &self.options.draws);
        let next = again.and_then(|control| state.start(now, wall, Some(control)));
        let ring = Plan::is_overtaken(&mut state, now, wall, self.options.fallback_poll);
        drop(state);
        if ring {
            self.ring();
        }
        next
    }

    /// Every lease held here.
    pub fn leases(&self) -> Vec<LeaseKey> {
        self.state().held()
    }

    /// Takes in what a renewal found.
    pub fn renewed(&self, leases: &[LeaseKey], renewals: &[Renewal]) {
        let now = Instant::now();
        let mut state = self.state();
        let mut changed = false;
        for (&lease, &renewal) in leases.iter().zip(renewals) {
            changed |= state.renewed(lease, renewal, now);
        }
        drop(state);
        if changed {
            self.ring();
        }
    }

    /// Stops claiming and starting; hands back what was not started.
    pub fn close(&self) {
        self.state().close(Instant::now());
        self.ring();
    }

    /// Asks the running calls to stop.
    pub fn stop_calls(&self) {
        self.state().calls.iter().for_each(|call| call.control.stop.stop());
    }

    /// Drops the running calls at their next await and hands their jobs back.
    pub fn drop_calls(&self) {
        self.state().calls.iter().for_each(|call| call.control.drop_now());
    }

    /// Waits until a closed lane has settled everything.
    pub async fn drained(&self) {
        // The sender lives as long as `self`, so this only ends when it is true.
        let mut drained = self.drained.subscribe();
        let _open = drained.wait_for(|drained| *drained).await;
    }

    pub fn stats(&self) -> LaneStats {
        self.state().stats(&self.queue)
    }

    /// How long ago the lane last had what it needs of the store.
    pub fn unhealthy_for(&self) -> Duration {
        self.state().look.healthy_at.elapsed()
    }

    /// Wakes the driver.
    fn ring(&self) {
        self.bell.send_modify(|rings| *rings = rings.wrapping_add(1));
    }

    fn claim(&self, ask: Ask) -> Claim {
        let kinds = ask.kind.map_or_else(|| self.kinds.clone(), |kind| vec![self.kinds[kind].clone()]);
        Claim {
            worker: self.worker.clone(),
            queue: self.queue.clone(),
            kinds,
            max: ask.max,
            lease_for: self.options.lease_for,
            order: self.settings.order,
            draw: self.options.draws.next(),
        }
    }

    /// The store failed: what is here goes as it is.
    fn store_failed(&self, error: &StoreError) {
        tracing::debug!(queue = self.queue, %error, "the store failed");
        self.state().buffer.has_no_store();
        self.run_loop.wake();
    }
}
