//! Opening and closing a store.

use super::{News, RabbitOptions, RabbitStore, Shared, link::Link, publish::Publisher, tend};
use crate::{MAX_ADOPTED, Store, StoreError};
use std::sync::{Arc, Mutex};

impl RabbitStore {
    /// Opens the queue on the broker at `url`: `amqp://[user:password@]host[:port][/vhost]`, `amqps://…` for TLS, several
    /// nodes of a cluster separated by commas. `ledger` holds what a broker cannot; all processes of a deployment
    /// share one. Must be called inside a tokio runtime, which then listens.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a wrong URL or prefix, or a ledger that adopts nothing; [`StoreError::Unavailable`]
    /// when nobody answers; [`StoreError::Failed`] for a wrong password or vhost; [`StoreError::Mismatch`] when somebody declared
    /// queues with other arguments.
    pub async fn open(url: &str, ledger: Arc<dyn Store>, options: RabbitOptions) -> Result<Self, StoreError> {
        check_prefix(&options.prefix)?;
        let link = Link::new(url, &options)?;
        ledger.adopt(Vec::new(), std::time::Duration::ZERO).await?;
        let news = Arc::<News>::default();
        let shared = Arc::new(Shared {
            ledger_wakes: ledger.wake_ups(),
            ledger,
            link,
            publisher: Publisher::default(),
            lines: Mutex::default(),
            desk: Mutex::default(),
            moving: tokio::sync::Mutex::new(()),
            declaring: tokio::sync::Mutex::new(()),
            rests: Mutex::default(),
            paused: Mutex::default(),
            options,
            news,
        });
        shared.declare_parked().await?;
        for queue in shared.registered().await? {
            shared.declare_all(&queue).await?;
        }
        let tasks = [
            tokio::spawn(tend::tend(Arc::clone(&shared))),
            tokio::spawn(tend::listen(Arc::clone(&shared))),
            tokio::spawn(tend::ack_late(Arc::clone(&shared))),
        ];
        Ok(Self { shared, tasks })
    }

    /// Gives everything away in good order: plain jobs under a lease go to the ledger as they are, what was fetched ahead
    /// waits there, and the broker is told goodbye. Without it, the broker finds the connection gone and gives what was
    /// open to others, as after a crash. The store is of no use any more.
    ///
    /// # Errors
    /// As the calls it makes; what could not be given away goes back as after a crash.
    pub async fn close(&self) -> Result<(), StoreError> {
        let shared = &self.shared;
        while shared.move_held(|_| true, MAX_ADOPTED).await? == MAX_ADOPTED {}
        shared.rest().await?;
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
        shared.link.close().await;
        Ok(())
    }

    /// Deletes the deployment's queues with what is in them. What the ledger holds stays.
    ///
    /// # Errors
    /// As the broker says.
    pub async fn erase(&self) -> Result<(), StoreError> {
        self.shared.delete_queues().await
    }
}

fn check_prefix(prefix: &str) -> Result<(), StoreError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if prefix.is_empty() || prefix.len() > 64 || !prefix.bytes().all(allowed) {
        let message = format!("queue prefix {prefix:?}: 1 to 64 letters, digits, '-', '_', '.' or ':'");
        return Err(StoreError::Invalid(message));
    }
    Ok(())
}
