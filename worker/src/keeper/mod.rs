//! Keeps what the worker holds: renews leases, says that the worker lives.

mod check_in;
mod renewal;

use crate::{KeeperHome, PoolOptions, lane::Lane};
use backstock_queue::{Store, WorkerInfo};
use backstock_service::{ErrorDelay, Shutdown, Wake, run};
use check_in::CheckIn;
use renewal::Renewals;
use std::{io, sync::Arc, thread, time::Duration};
use tokio::{runtime, sync::watch};

/// The running keeper. Stops when dropped; [`Keeper::stop`] also waits.
#[derive(Debug)]
pub(crate) struct Keeper {
    shutdown: Shutdown,
    introduced: watch::Receiver<bool>,
    /// Closes when both loops have ended.
    ended: watch::Receiver<()>,
}

impl Keeper {
    /// Starts to check in, and to renew the leases of `lanes`.
    pub fn start(
        store: Arc<dyn Store>,
        options: Arc<PoolOptions>,
        worker: WorkerInfo,
        lanes: Vec<Arc<Lane>>,
    ) -> Self {
        let shutdown = Shutdown::new();
        let (introduce, introduced) = watch::channel(false);
        let (running, ended) = watch::channel(());
        let home = options.keeper;
        let loops = Loops { store, options, worker, lanes, introduce, running, shutdown: shutdown.clone() };
        match home {
            KeeperHome::SameRuntime => drop(tokio::spawn(loops.run())),
            KeeperHome::OwnThread => {
                if let Err(error) = on_own_thread(loops.clone()) {
                    tracing::warn!(%error, "no thread for lease renewal; busy handlers may lose leases");
                    drop(tokio::spawn(loops.run()));
                }
            }
        }
        Self { shutdown, introduced, ended }
    }

    /// Waits until the store knows the worker.
    pub async fn introduced(&mut self) {
        if self.introduced.wait_for(|introduced| *introduced).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Ends both loops.
    pub async fn stop(mut self) {
        self.shutdown.request();
        // Nothing is ever sent: this ends when the loops have dropped the sender.
        while self.ended.changed().await.is_ok() {}
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shutdown.request();
    }
}

/// Runs `loops` where no handler can keep them waiting.
fn on_own_thread(loops: Loops) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = thread::Builder::new().name("backstock-keeper".into());
    thread.spawn(move || runtime.block_on(loops.run())).map(drop)
}

#[derive(Clone)]
struct Loops {
    store: Arc<dyn Store>,
    options: Arc<PoolOptions>,
    worker: WorkerInfo,
    lanes: Vec<Arc<Lane>>,
    introduce: watch::Sender<bool>,
    running: watch::Sender<()>,
    shutdown: Shutdown,
}

impl Loops {
    async fn run(self) {
        let Self { store, options, worker, lanes, introduce, running, shutdown } = self;
        // Quick to try again: leases are at stake.
        let delay = ErrorDelay::new(Duration::from_millis(50), Duration::from_secs(1));
        let renewals = Renewals::new(Arc::clone(&store), lanes, options.renew_every, options.lease_for);
        let check_in = CheckIn::new(store, worker, options.check_in_every, introduce);
        futures::join!(
            run(renewals, shutdown.clone(), Wake::never(), delay),
            run(check_in, shutdown, Wake::never(), delay),
        );
        drop(running);
    }
}
