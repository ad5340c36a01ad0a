//! `import_products`: reads a delivery into the catalog and starts what follows from it.

use crate::refresh_view::RefreshView;
use crate::sweep_dirty::{Behalf, FanOut};
use crate::{Tools, failure};
use backstock_catalog::delivery::ReadOptions;
use backstock_catalog::{
    Catalog, DirtyKeys, DirtyKind, ImportError, ImportObserver, ImportRequest, Progress, RefreshMode,
    SyncMode, import_delivery,
};
use backstock_queue::{Context, Handler, Job, JobError, NewJob, One, RetryPolicy, SystemClock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::{error::Error, path::PathBuf, sync::Arc, time::Duration};
use uuid::Uuid;

/// Imports one delivered file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportProducts {
    /// Names the import for good; the same id again continues it.
    pub import: Uuid,
    /// The file, as an absolute path.
    pub file: PathBuf,
    /// Folder that relative image paths start from; none: they are left for later.
    #[serde(default)]
    pub images: Option<PathBuf>,
    /// Foreign column name to canonical field.
    #[serde(default)]
    pub mapping: BTreeMap<String, String>,
    /// Whether products that are not in the file are archived.
    #[serde(default)]
    pub full_sync: bool,
    /// Where refused records go.
    pub rejects: PathBuf,
    /// Whose delivery it is: suppliers share the workers fairly. None: the name of the file stands for it.
    #[serde(default)]
    pub supplier: Option<String>,
}

impl ImportProducts {
    /// Key under which this delivery and the work that follows from it share the queues with others.
    pub fn share(&self) -> String {
        let stem = || self.file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let mut share = self.supplier.clone().or_else(stem).unwrap_or_default();
        share.truncate(share.floor_char_boundary(NewJob::MAX_NAME_BYTES));
        share
    }
}

impl Job for ImportProducts {
    const KIND: &'static str = "import_products";
    const QUEUE: &'static str = "imports";
    const TIMEOUT: Duration = Duration::from_hours(24);
    // Somebody waits for the report: what passes passes within seconds, else the job stays in the dead set for a replay.
    const RETRY: RetryPolicy =
        RetryPolicy { max_attempts: 4, base: Duration::from_secs(1), factor: 2, cap: Duration::from_secs(4) };

    fn fairness_key(&self) -> Option<String> {
        Some(self.share())
    }
}

/// Counter of its group: images named by URL that are left, because fetching is off.
pub const IMAGES_REMOTE: &str = "images_remote";

/// How deliveries are read, whatever the delivery.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Base of the options; the payload's mapping is added.
    pub read: ReadOptions,
    /// Rows a transaction.
    pub batch_rows: usize,
    /// Guard of a full sync.
    pub max_delete_percent: u8,
}

/// Handler of [`ImportProducts`]. Continues behind its last committed batch after any interruption. What a batch makes
/// due is enqueued after the batch, and swept once at the end when an interruption may have come between.
pub struct Importer {
    catalog: Arc<Catalog>,
    fan_out: FanOut,
    settings: Settings,
}

impl Importer {
    pub(crate) fn new(tools: &Tools) -> Self {
        Self {
            catalog: Arc::clone(&tools.catalog),
            fan_out: FanOut::new(tools),
            settings: tools.import.clone(),
        }
    }

    fn request(&self, job: &ImportProducts) -> ImportRequest {
        request(job, &self.settings)
    }

    /// Whether an earlier run of this import got anywhere.
    async fn was_begun(&self, import: &str) -> Result<bool, JobError> {
        match self.catalog.import_report(import).await {
            Ok(_) => Ok(true),
            Err(backstock_catalog::CatalogError::UnknownImport { .. }) => Ok(false),
            Err(error) => Err(failure::catalog(error)),
        }
    }
}

/// The catalog's request for a job.
pub fn request(job: &ImportProducts, settings: &Settings) -> ImportRequest {
    let mut read = settings.read.clone();
    read.mapping.extend(job.mapping.clone());
    let max_missing_percent = settings.max_delete_percent;
    let mode = if job.full_sync { SyncMode::Full { max_missing_percent } } else { SyncMode::Merge };
    ImportRequest {
        mode,
        batch_rows: settings.batch_rows,
        read,
        images: job.images.clone(),
        rejects: Some(job.rejects.clone()),
        ..ImportRequest::new(job.import.to_string(), &job.file, now_ms)
    }
}

fn now_ms() -> i64 {
    use backstock_queue::Clock;
    SystemClock.now().as_millis()
}

impl Handler for Importer {
    type Work = One<ImportProducts>;

    async fn handle(&self, job: &mut One<ImportProducts>, context: &Context) -> Result<(), JobError> {
        let import = job.import.to_string();
        let interrupted = self.was_begun(&import).await?;
        if let Some(folder) = job.rejects.parent() {
            tokio::fs::create_dir_all(folder).await?;
        }
        let folder = job.images.as_ref().map(|path| path.to_string_lossy().into_owned());
        let share = job.share();
        let behalf = Behalf { group: job.group(), supplier: Some(&share) };
        let mut observer = Observer { importer: self, folder, behalf, remote: 0 };
        let request = self.request(job);
        let ended = import_delivery(&self.catalog, &request, &mut observer, context.stopping()).await;
        let remote = observer.remote;
        match ended {
            Ok(_) => {}
            Err(ImportError::Cancelled { .. }) => return Err(JobError::snooze(Duration::ZERO)),
            Err(error) => return Err(failure::import(error)),
        }
        if interrupted {
            self.fan_out.everything(behalf, context).await?;
        }
        job.tally(IMAGES_REMOTE, remote as i64);
        for view in self.catalog.stale_summaries().await.map_err(failure::catalog)? {
            let refresh = RefreshView { view, mode: RefreshMode::Incremental, coalesced: false };
            let refresh = NewJob::of(&refresh)?;
            let refresh = job.group().map_or(refresh.clone(), |group| refresh.in_group(group));
            job.then(refresh);
        }
        if self.catalog.has_materialized_views() {
            // Dear, so nobody waits for them; behind those that somebody waits for.
            job.then(NewJob::of(&RefreshView::stale())?);
        }
        Ok(())
    }
}

/// Starts the follow-up work of each batch.
struct Observer<'a> {
    importer: &'a Importer,
    folder: Option<String>,
    behalf: Behalf<'a>,
    remote: u64,
}

impl ImportObserver for Observer<'_> {
    async fn on_batch(
        &mut self,
        _: &Progress,
        dirty: &DirtyKeys,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.start(dirty).await.map_err(|error| error.to_string().into())
    }
}

impl Observer<'_> {
    async fn start(&mut self, dirty: &DirtyKeys) -> Result<(), JobError> {
        let catalog = &self.importer.catalog;
        let skus: Vec<String> = dirty.text.iter().cloned().collect();
        let marks = catalog.dirty_of(DirtyKind::Text, &skus).await.map_err(failure::catalog)?;
        self.importer.fan_out.texts(&marks, self.behalf).await?;
        let links: Vec<String> = dirty.image.iter().cloned().collect();
        self.remote += self.importer.fan_out.images(&links, self.folder.as_deref(), self.behalf).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
