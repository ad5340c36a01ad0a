//! Why the store refuses all work.

use backstock_queue::StoreError;
use tokio::sync::SetOnce;

/// The first error after which no call of the store works, told by any lane.
#[derive(Debug, Default)]
pub(crate) struct Refusal(SetOnce<StoreError>);

impl Refusal {
    /// Tells why; the first word counts.
    pub fn tell(&self, error: StoreError) {
        self.0.set(error).ok();
    }

    /// Waits until somebody tells.
    pub async fn told(&self) -> &StoreError {
        self.0.wait().await
    }
}
