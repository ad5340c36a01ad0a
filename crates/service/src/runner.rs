//! The loop.

use crate::{ErrorDelay, Next, Service, Shutdown, Wake};
use futures::FutureExt;
use std::{any::Any, fmt, panic::AssertUnwindSafe, time::Duration};
use tokio::time::{Instant, sleep, timeout};
use tracing::Instrument;

/// Ticks `service` until `shutdown` is requested, then calls its [`Service::stop`].
///
/// The first tick comes at once. A tick that is running when shutdown is requested may finish within
/// [`Shutdown::PATIENCE`], then it is dropped. An error, a panic or a tick beyond [`Service::TICK_LIMIT`] delays the next
/// tick by `delay`, during which wake-ups do not count; it is logged when an outage begins, and once more when it is
/// over. Dropping the returned future stops the loop at the next await, without [`Service::stop`].
pub fn run<S: Service>(
    service: S,
    shutdown: Shutdown,
    wake: Wake,
    delay: ErrorDelay,
) -> impl Future<Output = ()> + Send + 'static {
    let span = tracing::info_span!("service", name = S::NAME);
    Runner { service, shutdown, wake, delay, outage: None }.run().instrument(span)
}

struct Runner<S> {
    service: S,
    shutdown: Shutdown,
    wake: Wake,
    delay: ErrorDelay,
    outage: Option<Outage>,
}

struct Outage {
    began: Instant,
    failures: u32,
}

/// Why a tick did not succeed.
enum Failure<E> {
    Error(E),
    Panic(Box<dyn Any + Send>),
    Hung,
}

impl<S: Service> Runner<S> {
    async fn run(mut self) {
        while !self.shutdown.is_requested() {
            self.wake.forget();
            let Some(result) = self.tick().await else {
                tracing::warn!("dropped a tick that did not end in time for shutdown");
                break;
            };
            match result {
                Ok(next) => {
                    self.recovered();
                    self.wait(next).await;
                }
                Err(failure) => {
                    let pause = self.failed(&failure);
                    drop(failure);
                    self.pause(pause).await;
                }
            }
        }
        let stop = AssertUnwindSafe(async { self.service.stop().await }).catch_unwind();
        if !matches!(timeout(Shutdown::PATIENCE, stop).await, Ok(Ok(()))) {
            tracing::warn!("could not stop cleanly");
        }
    }

    /// One tick; `None` when it outlived the patience after a request to stop.
    async fn tick(&mut self) -> Option<Result<Next, Failure<S::Error>>> {
        let service = &mut self.service;
        let tick = AssertUnwindSafe(async move { service.tick().await }).catch_unwind();
        let overdue = async {
            self.shutdown.requested().await;
            sleep(Shutdown::PATIENCE).await;
        };
        tokio::select! {
            biased;
            ended = timeout(S::TICK_LIMIT, tick) => Some(match ended {
                Ok(Ok(result)) => result.map_err(Failure::Error),
                Ok(Err(panic)) => Err(Failure::Panic(panic)),
                Err(_elapsed) => Err(Failure::Hung),
            }),
            () = overdue => None,
        }
    }

    async fn wait(&mut self, next: Next) {
        match next {
            Next::Now => tokio::task::yield_now().await,
            Next::After(pause) => tokio::select! {
                () = self.shutdown.requested() => {}
                () = self.wake.called() => {}
                () = sleep(pause) => {}
            },
        }
    }

    /// Logs the failure and answers how long to wait.
    fn failed(&mut self, failure: &Failure<S::Error>) -> Duration {
        let outage = self.outage.get_or_insert_with(|| Outage { began: Instant::now(), failures: 0 });
        outage.failures = outage.failures.saturating_add(1);
        if outage.failures == 1 {
            tracing::error!(error = %failure, "failed; trying again until it passes");
        } else {
            tracing::debug!(error = %failure, failures = outage.failures, "still failing");
        }
        self.delay.after(outage.failures)
    }

    /// Waits through an error delay.
    async fn pause(&mut self, pause: Duration) {
        tokio::select! {
            () = self.shutdown.requested() => {}
            () = sleep(pause) => {}
        }
    }

    fn recovered(&mut self) {
        if let Some(outage) = self.outage.take() {
            let outage_ms = u64::try_from(outage.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(failures = outage.failures, outage_ms, "works again");
        }
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Panic(panic) => {
                let text = panic
                    .downcast_ref::<&str>()
                    .copied()
                    .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
                write!(f, "panicked: {}", text.unwrap_or("without a message"))
            }
            Self::Hung => f.write_str("a tick did not end within its limit and was dropped"),
        }
    }
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
