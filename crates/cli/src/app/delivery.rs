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
use backstock_queue::{
    GroupId, Job, JobFilter, JobId, JobState, NewGroup, NewJob, Page, Store, StoreError, WorkerId,
};
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
    let mut probe = Probe::new(store);
    loop {
        look.tick().await;
        probe.write().await?;
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

/// Writes to the store now and then: workers wait until a full disk has room again, but whoever waits for the report
/// wants to know.
struct Probe<'a> {
    store: &'a dyn Store,
    who: WorkerId,
    looks: u32,
    refused: u32,
}

impl<'a> Probe<'a> {
    /// Looks between two writes: about two seconds.
    const EVERY: u32 = 20;
    /// Writes refused in a row before it is said.
    const PATIENCE: u32 = 3;

    fn new(store: &'a dyn Store) -> Self {
        Self { store, who: WorkerId::generate("waiting"), looks: 0, refused: 0 }
    }

    async fn write(&mut self) -> Result<(), Failure> {
        self.looks += 1;
        if !self.looks.is_multiple_of(Self::EVERY) {
            return Ok(());
        }
        let role = format!("waiting {}", self.who);
        let written = match self.store.lead(&role, &self.who, Duration::from_secs(1)).await {
            Ok(_) => self.store.resign(&role, &self.who).await,
            Err(error) => Err(error),
        };
        let Err(error @ StoreError::Full { .. }) = written else {
            self.refused = 0;
            return Ok(());
        };
        self.refused += 1;
        if self.refused >= Self::PATIENCE { Err(Failure::data(error)) } else { Ok(()) }
    }
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
