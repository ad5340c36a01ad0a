//! What surrounds one handler call.

use tokio::sync::watch;

/// Surroundings of one handler call.
#[derive(Clone, Debug)]
pub struct Context {
    stop: watch::Receiver<bool>,
}

impl Context {
    /// A context that nobody stops; for tests and direct calls.
    pub fn detached() -> Self {
        Stop::default().context()
    }

    /// Whether the call should come to an end: its leases are lost, somebody cancelled its job, or the process stops.
    /// Long handlers ask between pieces of work and return [`crate::JobError::snooze`] with zero delay.
    pub fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits until [`Context::is_stopping`]; never returns when that cannot happen any more.
    pub async fn stopping(&self) {
        let mut stop = self.stop.clone();
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The other end of a [`Context`]: tells a handler call to stop.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// A context that this handle stops.
    pub fn context(&self) -> Context {
        Context { stop: self.0.subscribe() }
    }

    /// Asks the call to stop. Twice is once.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}
