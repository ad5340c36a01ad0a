//! `backstock up`, `worker`, `scheduler`: the long-running roles.

use crate::app::{App, crew::Crew};
use crate::args::Up;
use crate::failure::Failure;
use crate::{show, stop};
use backstock_config::Config;
use backstock_queue::{QueueStatus, Store};
use std::sync::Arc;
use std::time::Duration;

/// Which roles this process plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Performs jobs.
    pub worker: bool,
    /// Fires cron entries and keeps the queue in order.
    pub scheduler: bool,
}

impl Roles {
    /// `up`
    pub const BOTH: Self = Self { worker: true, scheduler: true };
    /// `worker`
    pub const WORKER: Self = Self { worker: true, scheduler: false };
    /// `scheduler`
    pub const SCHEDULER: Self = Self { worker: false, scheduler: true };
}

/// `backstock up`: until a signal asks to stop, or until everything is done.
pub async fn up(args: &Up, config: Config) -> Result<(), Failure> {
    if args.until_done {
        work(config, Roles::BOTH, |store| async move { all_done(&*store).await }).await
    } else {
        run(config, Roles::BOTH).await
    }
}

/// Runs until a signal asks to stop.
pub async fn run(config: Config, roles: Roles) -> Result<(), Failure> {
    work(config, roles, |_| std::future::pending()).await
}

/// Runs until a signal asks to stop or `end` comes.
async fn work<E>(config: Config, roles: Roles, end: impl FnOnce(Arc<dyn Store>) -> E) -> Result<(), Failure>
where
    E: Future<Output = Result<(), Failure>>,
{
    let grace = config.worker.shutdown_grace_seconds;
    let shutdown =
        stop::on_signals("stopping: finishing what runs, handing back the rest (Ctrl-C again: at once)")
            .map_err(Failure::failed)?;
    let store = crate::app::store(&config).await?;
    let data = config.data_dir.display().to_string();
    let end = end(Arc::clone(&store));
    let crew = if roles.worker {
        let app = stop::unless_stopped(&shutdown, App::open_with(config, store)).await?;
        show::note(format_args!(
            "worker: {} on {data}; up to {grace} s to finish when stopped",
            app.describe()
        ));
        crate::app::limits::apply(&app.config, &*app.tools.store).await?;
        let crew =
            if roles.scheduler { Crew::with_cron(&app, &shutdown)? } else { Crew::worker(&app, &shutdown)? };
        app.push_start_jobs().await?;
        crew
    } else {
        Crew::scheduler(&config, &store, &shutdown)?
    };
    show::note(format_args!("running on {data}; Ctrl-C stops"));
    let until = async {
        tokio::select! {
            () = shutdown.requested() => Ok(()),
            ended = end => ended,
        }
    };
    let ended = crew.unless_refused(until).await;
    let farewell = crew.stop().await;
    show::note(farewell);
    ended
}

/// Waits until every job of a queue that is not paused is in a final state.
async fn all_done(store: &dyn Store) -> Result<(), Failure> {
    let mut look = tokio::time::interval(Duration::from_millis(100));
    loop {
        look.tick().await;
        let queues = store.queues().await.map_err(Failure::data)?;
        let open = |queue: &QueueStatus| {
            !queue.paused && queue.counts.iter().any(|(state, jobs)| !state.is_final() && *jobs > 0)
        };
        if !queues.iter().any(open) {
            return Ok(());
        }
    }
}
