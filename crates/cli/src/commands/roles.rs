//! `backstock up`, `worker`, `scheduler`: the long-running roles.

use crate::app::{App, crew::Crew};
use crate::failure::Failure;
use crate::{show, stop};
use backstock_config::Config;

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

/// Runs until a signal asks to stop.
pub async fn run(config: Config, roles: Roles) -> Result<(), Failure> {
    let grace = config.worker.shutdown_grace_seconds;
    let shutdown =
        stop::on_signals("stopping: finishing what runs, handing back the rest (Ctrl-C again: at once)")
            .map_err(Failure::failed)?;
    let store = crate::app::store(&config).await?;
    let data = config.data_dir.display().to_string();
    let crew = if roles.worker {
        let app = App::open_with(config, store).await?;
        show::note(format_args!(
            "worker: {} on {data}; up to {grace} s to finish when stopped",
            app.describe()
        ));
        crate::app::limits::apply(&app.config, &*app.tools.store).await?;
        let crew =
            if roles.scheduler { Crew::with_cron(&app, &shutdown)? } else { Crew::worker(&app, &shutdown)? };
        app.warm_at_start().await?;
        crew
    } else {
        Crew::scheduler(&config, &store, &shutdown)?
    };
    show::note(format_args!("running on {data}; Ctrl-C stops"));
    shutdown.requested().await;
    let farewell = crew.stop().await;
    show::note(farewell);
    Ok(())
}
