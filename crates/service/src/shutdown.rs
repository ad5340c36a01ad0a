//! The request to stop.

use std::time::Duration;
use tokio::sync::watch;

/// A request to stop that all clones share. Once requested it stays requested.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Sender<bool>);

impl Shutdown {
    /// How long a running tick may go on after the request, and how long [`Service::stop`](crate::Service::stop) may take: 5 s.
    pub const PATIENCE: Duration = Duration::from_secs(5);

    /// A token on which nothing was requested yet.
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Asks everyone who holds a clone to stop. Asking twice changes nothing.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// Whether stopping was requested.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the request; at once when it was made before. Cancel safe.
    pub async fn requested(&self) {
        // `self` keeps the sender alive, so this cannot end because the channel closed.
        let mut changes = self.0.subscribe();
        let _open = changes.wait_for(|requested| *requested).await;
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Shutdown;

    #[tokio::test]
    async fn a_request_reaches_every_clone_before_and_after() {
        let shutdown = Shutdown::new();
        let clone = shutdown.clone();
        let waiting = tokio::spawn(async move { clone.requested().await });
        assert!(!shutdown.is_requested());
        shutdown.request();
        shutdown.request();
        waiting.await.unwrap();
        shutdown.requested().await;
        assert!(shutdown.clone().is_requested());
    }
}
