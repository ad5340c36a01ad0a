//! Ctrl-C and SIGTERM: the first asks for an orderly stop, the second ends the process at once.

use crate::show;
use backstock_service::Shutdown;
use tokio::signal::unix::{SignalKind, signal};

/// A shutdown that the signals of this process request. `notice` is shown when the first arrives.
pub fn on_signals(notice: &'static str) -> std::io::Result<Shutdown> {
    let shutdown = Shutdown::new();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let request = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
        show::note(notice);
        request.request();
        tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
        show::note("stopped at once; unfinished jobs run again when a worker is there");
        std::process::exit(130);
    });
    Ok(shutdown)
}
