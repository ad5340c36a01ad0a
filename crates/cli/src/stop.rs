//! Ctrl-C and SIGTERM: the first asks for an orderly stop, the second ends the process at once.

use crate::failure::Failure;
use crate::show;
use backstock_service::Shutdown;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A shutdown that the signals of this process request. `notice` is shown when the first arrives.
///
/// The signals are waited for on a thread of their own: whatever keeps the other threads busy, the second one is heard.
pub fn on_signals(notice: &'static str) -> std::io::Result<Shutdown> {
    let shutdown = Shutdown::new();
    let request = shutdown.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let listen = async move {
        either(&mut interrupt, &mut terminate).await;
        request.request();
        show::note(notice);
        either(&mut interrupt, &mut terminate).await;
        show::note("stopped at once; unfinished jobs run again when a worker is there");
        std::process::exit(Failure::INTERRUPTED.into());
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || runtime.block_on(listen))?;
    Ok(shutdown)
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
}

/// `work`, unless a stop is requested before it is done: then it is dropped.
///
/// # Errors
/// Those of `work`, or that it was interrupted.
pub async fn unless_stopped<T>(
    shutdown: &Shutdown,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        () = shutdown.requested() => Err(Failure::interrupted("interrupted before anything was begun")),
    }
}
