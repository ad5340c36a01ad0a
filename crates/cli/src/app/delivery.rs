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
    let mut probe = Probe::new(store, groups.work);
    loop {
        look.tick().await;
        probe.look().await?;
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

/// Looks now and then whether a disk is full: workers wait until it has room again, but whoever waits for the report
/// wants to know.
struct Probe<'a> {
    store: &'a dyn Store,
    work: GroupId,
    who: WorkerId,
    looks: u32,
    /// Looks that found a full disk, less those that did not.
    full: u32,
}

impl<'a> Probe<'a> {
    /// One look in this many counts: about two seconds.
    const EVERY: u32 = 20;
    /// So many more looks that find a full disk than that do not before it is said.
    const PATIENCE: u32 = 3;

    fn new(store: &'a dyn Store, work: GroupId) -> Self {
        Self { store, work, who: WorkerId::generate("waiting"), looks: 0, full: 0 }
    }

    async fn look(&mut self) -> Result<(), Failure> {
        self.looks += 1;
        if !self.looks.is_multiple_of(Self::EVERY) {
            return Ok(());
        }
        let found = match self.queue().await {
            Some(message) => Some(message),
            None => self.jobs().await,
        };
        self.full = if found.is_some() { self.full + 1 } else { self.full.saturating_sub(1) };
        match found {
            Some(message) if self.full >= Self::PATIENCE => Err(Failure::data(format!(
                "{message}; when there is room, `backstock up` goes on with the waiting jobs"
            ))),
            _ => Ok(()),
        }
    }

    /// Writes to the store: whether its own disk is full.
    async fn queue(&self) -> Option<String> {
        let role = format!("waiting {}", self.who);
        let written = match self.store.lead(&role, &self.who, Duration::from_secs(1)).await {
            Ok(_) => self.store.resign(&role, &self.who).await,
            Err(error) => Err(error),
        };
        written.err().filter(|error| matches!(error, StoreError::Full { .. })).map(|error| error.to_string())
    }

    /// Whether jobs wait for room on another disk.
    async fn jobs(&self) -> Option<String> {
        let filter = JobFilter {
            states: vec![JobState::Retryable],
            group: Some(self.work),
            error_contains: Some(backstock_jobs::DISK_FULL.to_owned()),
            ..JobFilter::default()
        };
        let waiting = self.store.jobs(&filter, Page { offset: 0, limit: 1 }).await.ok()?;
        waiting.into_iter().next()?.last_error
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
