//! Cron entries, from plain data to jobs: every entry must name a kind and give it a payload it can read.

use crate::failure::Failure;
use backstock_config::{CronEntry, Misfire, Schedule};
use backstock_jobs as jobs;
use backstock_queue::{Clock, Job, NewJob, SystemClock};
use backstock_scheduler::{Entry, Template, next_fires};
use std::collections::BTreeMap;
use std::time::Duration;

/// The entries of a schedule, checked.
pub fn entries(schedule: &Schedule) -> Result<Vec<Entry>, Failure> {
    let entries = schedule.entries.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    next_fires(&entries, SystemClock.now(), 1).map_err(Failure::usage)?;
    Ok(entries)
}

/// The next slots of each entry, on the clock of its zone, by name.
pub fn next_slots(schedule: &Schedule, each: usize) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let mut slots: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for fire in next_fires(&entries(schedule)?, SystemClock.now(), each).map_err(Failure::usage)? {
        slots.entry(fire.entry).or_default().push(fire.local);
    }
    Ok(slots)
}

fn entry(plain: &CronEntry) -> Result<Entry, Failure> {
    Ok(Entry {
        name: plain.name.clone(),
        cron: plain.cron.clone(),
        time_zone: plain.time_zone.clone(),
        job: Template::Copy(
            template(plain)
                .map_err(|reason| Failure::usage(format!("cron entry {:?}: {reason}", plain.name)))?,
        ),
        misfire: match plain.misfire {
            Misfire::Skip => backstock_scheduler::Misfire::Skip,
            Misfire::Once => backstock_scheduler::Misfire::Once,
            Misfire::All => backstock_scheduler::Misfire::All { max: 100, window: Duration::from_hours(24) },
        },
        jitter: Duration::from_secs(plain.jitter_seconds.into()),
        enabled: plain.enabled,
    })
}

fn template(plain: &CronEntry) -> Result<NewJob, String> {
    match plain.job.as_str() {
        jobs::refresh_view::RefreshView::KIND => job::<jobs::refresh_view::RefreshView>(plain),
        jobs::warm_cache::WarmCache::KIND => job::<jobs::warm_cache::WarmCache>(plain),
        jobs::sweep_dirty::SweepDirty::KIND => job::<jobs::sweep_dirty::SweepDirty>(plain),
        jobs::count_popularity::CountPopularity::KIND => {
            job::<jobs::count_popularity::CountPopularity>(plain)
        }
        other => Err(format!(
            "{other:?} is not a job that cron can start; there are refresh_view, warm_cache, sweep_dirty, count_popularity"
        )),
    }
}

fn job<J: Job>(plain: &CronEntry) -> Result<NewJob, String> {
    let payload: J = serde_json::from_value(plain.payload.clone())
        .map_err(|error| format!("payload of {}: {error}", J::KIND))?;
    NewJob::of(&payload).map_err(|error| error.to_string())
}
