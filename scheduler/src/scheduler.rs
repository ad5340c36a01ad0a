//! One scheduler: its services and how they stop.

use crate::cron::{Cron, Entry, Planned, ScheduleError};
use crate::duties::{Promoter, Pruner, Rescuer};
use crate::leader::{Leader, Term};
use crate::options::Options;
use crate::stats::{SchedulerHandle, Tally};
use backstock_queue::{Clock, Store};
use backstock_service::{ErrorDelay, Service, Shutdown, Wake, run};
use futures::join;
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::watch;

/// Runs cron, promotion, rescue and pruning of one store while it leads. Start as many as there are machines.
///
/// Maintenance is the leader's alone: it needs one pair of hands, and claims promote due work by themselves, so that
/// nothing waits for a change of leaders except crashed jobs and cron slots, at most [`Options::leadership`] long.
pub struct Scheduler {
    leader: Leader,
    cron: Cron,
    promoter: Promoter,
    rescuer: Rescuer,
    pruner: Pruner,
    tally: Arc<Tally>,
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").field("who", &self.leader.who).finish_non_exhaustive()
    }
}

impl Scheduler {
    /// A scheduler of `store`. Starts nothing.
    ///
    /// # Errors
    /// An entry is refused (permanent); the message names it, what is wrong, and something correct.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        entries: Vec<Entry>,
        options: Options,
    ) -> Result<Self, ScheduleError> {
        let options = options.bounded();
        let term = Arc::new(Term::new());
        let tally = Arc::new(Tally::default());
        let of = || (Arc::clone(&store), Arc::clone(&term), Arc::clone(&tally));
        let cron = {
            let (store, term, _) = of();
            let (clock, entries) = (Arc::clone(&clock), Planned::all(entries)?);
            Cron { store, clock, term, entries, grace: options.grace, cursors: None }
        };
        let promoter = {
            let (store, term, tally) = of();
            Promoter { store, clock: Arc::clone(&clock), term, tally, piece: options.piece, last: None }
        };
        let rescuer = {
            let (store, term, tally) = of();
            let (every, max_crashes) = (options.rescue_every, options.max_crashes);
            Rescuer { store, term, tally, every, max_crashes, piece: options.piece }
        };
        let pruner = {
            let (store, term, tally) = of();
            Pruner {
                store,
                term,
                tally,
                every: options.prune_every,
                retention: options.retention,
                piece: options.piece,
            }
        };
        let Options { who, leadership, renewal, .. } = options;
        let leader = Leader { store, clock, who, leadership, renewal, term };
        Ok(Self { leader, cron, promoter, rescuer, pruner, tally })
    }

    /// Zero while another scheduler leads, else the number of this one's term. Changes when leadership does.
    pub fn leading(&self) -> watch::Receiver<u64> {
        self.leader.term.changes()
    }

    /// For whoever watches the scheduler while it runs.
    pub fn handle(&self) -> SchedulerHandle {
        SchedulerHandle { tally: Arc::clone(&self.tally), leading: self.leading() }
    }

    /// Works until `shutdown` is requested and what is under way has ended (bounded, see [`Shutdown::PATIENCE`]), then
    /// resigns, so that another scheduler takes over at once. Errors of the store are waited out and logged.
    /// Dropping the future stops at once, without resigning.
    pub async fn run(self, shutdown: Shutdown) {
        let Self { leader, cron, promoter, rescuer, pruner, tally: _ } = self;
        let term = Arc::clone(&leader.term);
        let promote = Wake::on(term.changes()).or(leader.store.wake_ups());
        let won = || Wake::on(term.changes());
        let resign = Shutdown::new();
        let duties = async {
            join!(
                duty(cron, &shutdown, won()),
                duty(promoter, &shutdown, promote),
                duty(rescuer, &shutdown, won()),
                duty(pruner, &shutdown, won()),
            );
            resign.request();
        };
        join!(duties, duty(leader, &resign, Wake::never()));
    }
}

/// Errors are tried again soon: leadership lasts seconds.
fn duty<S: Service>(service: S, shutdown: &Shutdown, wake: Wake) -> impl Future<Output = ()> + Send + use<S> {
    let delay = ErrorDelay::new(Duration::from_millis(100), Duration::from_secs(2));
    run(service, shutdown.clone(), wake, delay)
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
