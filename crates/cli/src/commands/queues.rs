//! `backstock queues`: list, pause, resume, limit.

use crate::app;
use crate::args::Queues;
use crate::failure::Failure;
use crate::show::{self, Table};
use backstock_queue::{JobState, KeyLimits, QueueStatus, Store};
use serde_json::json;

/// Runs the subcommand against `store`.
pub async fn run(command: &Queues, store: &dyn Store, as_json: bool) -> Result<(), Failure> {
    match command {
        Queues::List => {
            let queues = store.queues().await.map_err(Failure::data)?;
            if as_json {
                show::json(&queues);
            } else {
                show::line(table(&queues));
            }
        }
        Queues::Pause { queue } => {
            store.pause(queue).await.map_err(Failure::data)?;
            done("paused", queue, "; running jobs go on, nothing new is claimed", as_json);
        }
        Queues::Resume { queue } => {
            store.resume(queue).await.map_err(Failure::data)?;
            done("resumed", queue, "", as_json);
        }
        Queues::Limit { queue, running, rate, .. } => {
            let limits = KeyLimits { running: *running, rate: *rate };
            app::limits::set(store, queue, limits).await?;
            if as_json {
                show::json(&json!({ "limited": queue, "limits": limits }));
            } else if limits.is_none() {
                done("limits lifted", queue, "", as_json);
            } else {
                done("limited", queue, &format!("; each key: {}", words(&limits)), as_json);
            }
        }
    }
    Ok(())
}

/// Limits in words.
fn words(limits: &KeyLimits) -> String {
    let running = limits.running.map(|most| format!("{most} at once"));
    let rate = limits.rate.map(|rate| rate.to_string());
    running.into_iter().chain(rate).collect::<Vec<_>>().join(", ")
}

/// What is special about a queue; empty when nothing is.
pub fn note(queue: &QueueStatus) -> String {
    let paused = queue.paused.then(|| "paused".to_owned());
    let limited = (!queue.limits.is_none()).then(|| format!("each key {}", words(&queue.limits)));
    paused.into_iter().chain(limited).collect::<Vec<_>>().join("; ")
}

fn done(what: &str, queue: &str, note: &str, as_json: bool) {
    if as_json {
        show::json(&json!({ what: queue }));
    } else {
        show::line(format!("{what}: {queue}{note}"));
    }
}

/// Queues with their counts by state.
pub fn table(queues: &[QueueStatus]) -> Table {
    let heads = ["QUEUE", ">WAITING", ">RUNNING", ">RETRYING", ">DONE", ">CANCELLED", ">DEAD", "NOTE"];
    let mut table = Table::new(&heads);
    for queue in queues {
        let of = |states: &[JobState]| {
            show::count(states.iter().map(|state| queue.counts.get(state).copied().unwrap_or(0)).sum())
        };
        table.row([
            queue.name.clone(),
            of(&[JobState::Scheduled, JobState::Available]),
            of(&[JobState::Running]),
            of(&[JobState::Retryable]),
            of(&[JobState::Completed]),
            of(&[JobState::Cancelled]),
            of(&[JobState::Discarded, JobState::Quarantined]),
            note(queue),
        ]);
    }
    table
}
