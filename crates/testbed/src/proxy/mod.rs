//! A network that fails on command.

mod relay;
#[cfg(test)]
mod tests;

use crate::error::{Doing, TestbedError};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

/// What the network does with bytes. A change applies to open connections as well as to new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Hands everything on.
    Pass,
    /// Hands everything on, so much later in each direction.
    Latency(Duration),
    /// Hands nothing on and breaks nothing: peers wait. What was sent meanwhile arrives when the mode changes, as it
    /// would when a cable is plugged in again.
    Blackhole,
    /// Breaks every connection, open or new, with a reset.
    Reset,
    /// Breaks open connections; new ones are refused, as when nothing listens.
    Refuse,
    /// Breaks a connection with a reset after the server's next `n` bytes: the request got through, its answer did not
    /// or in part.
    CutAfter(u64),
    /// Breaks a connection with a reset after the client's next `n` bytes: the request got through in part.
    CutRequestAfter(u64),
}

/// A TCP proxy before one server. Dropping it breaks all its connections.
pub struct FaultProxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    refused: mpsc::UnboundedReceiver<bool>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// Starts a proxy on a free port of 127.0.0.1 for the server on `port` of 127.0.0.1, which need not run yet.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(port: u16) -> Result<Self, TestbedError> {
        let starting = || "starting the fault proxy".to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.doing(starting)?;
        let address = listener.local_addr().doing(starting)?;
        let (mode, modes) = watch::channel(Mode::Pass);
        let (tell, refused) = mpsc::unbounded_channel();
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let task = tokio::spawn(serve(listener, server, modes, tell));
        Ok(Self { address, mode, refused, task })
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port of [`address`](Self::address).
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Changes what the network does, and returns when new connections meet the new mode. Open connections meet it as
    /// soon as their tasks run.
    pub async fn set(&mut self, mode: Mode) {
        let refuses = mode == Mode::Refuse;
        let before = self.mode.send_replace(mode);
        if refuses != (before == Mode::Refuse) {
            // The listener has to close or to open; the task tells when that is done.
            while self.refused.recv().await.is_some_and(|refused| refused != refuses) {}
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts until dropped; the connections are its own, so that they end with it.
async fn serve(
    listener: TcpListener,
    server: SocketAddr,
    mut modes: watch::Receiver<Mode>,
    tell: mpsc::UnboundedSender<bool>,
) {
    let Ok(address) = listener.local_addr() else { return };
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        let mode = *modes.borrow_and_update();
        if mode == Mode::Refuse && listener.take().is_some() {
            let _ = tell.send(true);
        } else if mode != Mode::Refuse && listener.is_none() {
            let Ok(again) = TcpListener::bind(address).await else {
                // A client that is just connecting can hold the port for a moment.
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            };
            listener = Some(again);
            let _ = tell.send(false);
        }
        let accept = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            accepted = accept => if let Ok((client, _)) = accepted {
                connections.spawn(relay::relay(client, server, modes.clone()));
            },
            changed = modes.changed() => if changed.is_err() { return },
            Some(_) = connections.join_next() => {}
        }
    }
}
