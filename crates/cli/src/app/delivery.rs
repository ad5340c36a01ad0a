//! One import as the queue sees it: two groups, and what they came to.
//!
//! ```text
//! whole ──► work: import_products ─► make_thumbnails … embed_products … refresh_view …
//!      └──► follow-up of work: warm_cache (publishes)
//! ```

use super::App;
use crate::failure::Failure;
use crate::show::progress::Progress;
use crate::show::report::Report;
use backstock_jobs::import_products::ImportProducts;
use backstock_jobs::warm_cache::WarmCache;
use backstock_queue::{GroupId, Job, JobFilter, JobId, JobState, NewGroup, NewJob, Page, Store};
use std::time::Duration;

/// The groups of one import.
#[derive(Clone, Debug)]
pub struct Groups {
    /// Done when everything is.
    pub whole: GroupId,
    /// Done when the cache can be warmed.
    pub work: GroupId,
    /// The import itself.
    pub job: JobId,
}

impl Groups {
    fn of(job: &ImportProducts) -> Self {
        Self {
            whole: GroupId::named(job.import, "whole"),
            work: GroupId::named(job.import, "work"),
            job: JobId::named(job.import, ImportProducts::KIND),
        }
    }
}

/// Enqueues an import. Asking twice with the same import enqueues it once.
pub async fn enqueue(store: &dyn Store, job: &ImportProducts) -> Result<Groups, Failure> {
    let groups = Groups::of(job);
    let name = job.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let whole = NewGroup {
        id: groups.whole,
        name: format!("import {name}"),
        parent: None,
        follow_up: None,
        jobs: Vec::new(),
        sealed: false,
    };
    let new = |job| NewJob::of(job).map_err(Failure::failed);
    let work = NewGroup {
        id: groups.work,
        name: format!("import {name}: products, images, texts, views"),
        parent: Some(groups.whole),
        follow_up: Some(NewJob::of(&WarmCache::default()).map_err(Failure::failed)?),
        jobs: vec![new(job)?.with_id(groups.job)],
        sealed: true,
    };
    store.open_group(whole).await.map_err(Failure::data)?;
    store.open_group(work).await.map_err(Failure::data)?;
    store.seal_group(groups.whole).await.map_err(Failure::data)?;
    Ok(groups)
}

/// Waits until the whole import is done, showing how far it is.
pub async fn wait(
    app: &App,
    job: &ImportProducts,
    groups: &Groups,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let store = &*app.tools.store;
    let mut look = tokio::time::interval(Duration::from_millis(100));
    loop {
        look.tick().await;
        let status = store.group(groups.whole).await.map_err(Failure::data)?;
        progress.update().await?;
        if status.is_some_and(|status| status.done_at.is_some()) {
            break;
        }
    }
    failed_import(store, groups).await.map_or(Ok(()), |error| {
        let file = job.file.display();
        Err(Failure::failed(format!("{file}: {error}; `backstock jobs retry {}` tries again", groups.job)))
    })
}

/// Why the import job itself was given up, if it was.
async fn failed_import(store: &dyn Store, groups: &Groups) -> Option<String> {
    let record = store.job(groups.job).await.ok()??;
    let given_up = matches!(record.state, JobState::Discarded | JobState::Quarantined | JobState::Cancelled);
    given_up.then(|| record.last_error.unwrap_or_else(|| format!("the import is {}", record.state)))
}

/// What the import came to.
pub async fn report(
    app: &App,
    job: &ImportProducts,
    groups: &Groups,
    took: Duration,
) -> Result<Report, Failure> {
    let catalog = app.tools.catalog.import_report(&job.import.to_string()).await.map_err(Failure::data)?;
    let store = &*app.tools.store;
    let mut counters = std::collections::BTreeMap::new();
    for group in [groups.whole, groups.work] {
        if let Some(status) = store.group(group).await.map_err(Failure::data)? {
            for (name, value) in status.counters {
                *counters.entry(name).or_insert(0) += value;
            }
        }
    }
    let mut report = Report::of(&catalog, Some(&counters), took);
    report.rejects_file = job.rejects.exists().then(|| job.rejects.clone());
    report.failed_jobs = failed_jobs(store, groups).await?;
    Ok(report)
}

async fn failed_jobs(store: &dyn Store, groups: &Groups) -> Result<u64, Failure> {
    let filter = JobFilter {
        states: vec![JobState::Discarded, JobState::Quarantined],
        group: Some(groups.work),
        ..JobFilter::default()
    };
    let dead = store.jobs(&filter, Page { offset: 0, limit: 500 }).await.map_err(Failure::data)?;
    Ok(dead.len() as u64)
}
