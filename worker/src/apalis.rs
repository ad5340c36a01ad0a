//! The run loop: the only module that knows apalis.
//!
//! A lane is an apalis backend of kind [`Ephemeral`] whose tasks are whole calls. Polling it never fails: what can go
//! wrong (the store, a payload) is dealt with on either side of it. apalis supplies the loop, the limit of calls in
//! parallel, the containment of panics, and the monitor that starts a crashed loop again.

use crate::lane::{Call, Lane};
use ::apalis::layers::WorkerBuilderExt;
use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    monitor::Monitor,
    task::{Task, builder::TaskBuilder},
    worker::{builder::WorkerBuilder, context::WorkerContext},
};
use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Sleep, sleep};
use tower_layer::Identity;

/// Runs the calls of `lanes` until `closing` ends and the calls that run then have ended.
pub(crate) async fn run(lanes: &[Arc<Lane>], closing: impl Future<Output = ()> + Send) {
    let mut monitor = Monitor::new().should_restart(|worker, error| {
        tracing::error!(lane = worker.name(), %error, "the run loop of a lane crashed; starting it again");
        true
    });
    for lane in lanes {
        let lane = Arc::clone(lane);
        monitor = monitor.register(move |crashes| {
            let perform = |call: Call| call.perform();
            WorkerBuilder::new(lane.queue())
                .backend(LaneBackend::new(&lane, crashes))
                .catch_panic()
                .concurrency(lane.concurrency())
                .build(perform)
        });
    }
    let signal = async {
        closing.await;
        Ok(())
    };
    if let Err(error) = monitor.run_with_signal(signal).await {
        tracing::error!(%error, "the run loop ended with an error");
    }
}

/// A lane as apalis sees it.
struct LaneBackend {
    lane: Arc<Lane>,
    /// After a crash: not before this is over.
    pause: Option<Pin<Box<Sleep>>>,
}

impl LaneBackend {
    const LONGEST_PAUSE: Duration = Duration::from_secs(10);

    fn new(lane: &Arc<Lane>, crashes: usize) -> Self {
        let doubled = Duration::from_millis(50).saturating_mul(1 << crashes.min(10));
        let pause = (crashes > 0).then(|| Box::pin(sleep(doubled.min(Self::LONGEST_PAUSE))));
        Self { lane: Arc::clone(lane), pause }
    }
}

impl Backend for LaneBackend {
    type Task = Task<Call>;
    type Error = Infallible;

    fn poll_ready(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        if let Some(pause) = &mut self.pause {
            std::task::ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Task<Call>, Infallible>>> {
        let call = self.lane.next_call(cx.waker());
        call.map_or(Poll::Pending, |call| Poll::Ready(Some(Ok(TaskBuilder::new(call).build()))))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        // What the lane holds is settled by its driver.
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for LaneBackend {
    type Args = Call;
    type Id = ();
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
