//! Imports a delivered file: read on a thread of its own, applied batch by batch, resumable at any moment.
//!
//! ```text
//! thread: open ─► next records ─► rejects file ─► hash ─┐ one batch waits
//! task:                                     apply ◄─────┘ (products + dirty sets + checkpoint: one transaction)
//! ```
//! To resume, the file is read again from its first record; what lies before the checkpoint is dropped, but its
//! rejects are written again, so that the rejects file is complete. That file gets its name when the whole
//! delivery is read and before the import is closed. So a process that is killed at any moment and an undisturbed
//! one leave the same catalog and the same rejects file.

mod delivery_source;
#[cfg(test)]
mod file_tests;
#[cfg(test)]
mod kill_tests;
mod pace;
mod partial_file;
mod reader;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::future::Future;
use std::path::PathBuf;
use std::time::Instant;

use tokio::sync::mpsc;

use crate::delivery::{FileError, ReadOptions};
use crate::store::{
    Batch, BatchOutcome, Catalog, CatalogError, Counters, DirtyKeys, DryRun, FileFailure, ImportReport,
    ImportState, NewImport, PreparedRow, SyncMode,
};
use delivery_source::DeliverySource;
use pace::Pace;
pub use partial_file::sweep_partial_rejects;
use reader::{Reading, Source};

/// What to import and how.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// Names the import for good: the same id again continues it, or returns its report when it has ended.
    pub id: String,
    /// The delivered file.
    pub path: PathBuf,
    /// Who delivers; full sync concerns the products of this source only. Default `main`.
    pub source: String,
    /// What happens to products that are not delivered. Default: they are counted.
    pub mode: SyncMode,
    /// Count only, write nothing: neither catalog nor rejects file nor ledger.
    pub dry_run: bool,
    /// Rows a transaction; a batch ends earlier at 16 MiB. Default 0: as many as the catalog likes, by measured speed.
    pub batch_rows: usize,
    /// How to read the file.
    pub read: ReadOptions,
    /// Folder that relative image links start from; remembered for whoever cuts the images later.
    pub images: Option<PathBuf>,
    /// Where refused records go, when there are any. Only one import at a time may write to a path.
    pub rejects: Option<PathBuf>,
    /// Milliseconds since the Unix epoch.
    pub clock: fn() -> i64,
}

impl ImportRequest {
    /// A request with the defaults.
    pub fn new(id: impl Into<String>, path: impl Into<PathBuf>, clock: fn() -> i64) -> Self {
        Self {
            id: id.into(),
            path: path.into(),
            source: "main".to_owned(),
            mode: SyncMode::Merge,
            dry_run: false,
            batch_rows: 0,
            read: ReadOptions::default(),
            images: None,
            rejects: None,
            clock,
        }
    }
}

/// How far a running import is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Counts so far, those before a resumption included.
    pub counters: Counters,
    /// Bytes of the file read so far.
    pub bytes_read: u64,
    /// Size of the file.
    pub bytes_total: u64,
}

/// Is told of every committed batch.
pub trait ImportObserver: Send {
    /// Called after each commit, before the next batch is applied. `dirty` is the follow-up work that this batch
    /// caused. It is stored too: after a crash between commit and this call it is found in [`Catalog::dirty`], so
    /// sweep that once when the import has ended. An error ends the import; it can be continued.
    fn on_batch(
        &mut self,
        progress: &Progress,
        dirty: &DirtyKeys,
    ) -> impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send;
}

/// Observes nothing.
impl ImportObserver for () {
    async fn on_batch(&mut self, _: &Progress, _: &DirtyKeys) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }
}

/// Why an import stopped before its end. What was committed stays; the same request continues behind it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file is missing or could not be read for a reason that may pass.
    #[error(transparent)]
    File(#[from] FileError),
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The rejects file could not be written.
    #[error("cannot write the rejects file {path}: {reason}; check folder and disk, then run again", path = path.display())]
    Rejects {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The observer failed.
    #[error("the import stopped because its follow-up work could not be started: {0}")]
    Observer(#[source] Box<dyn Error + Send + Sync>),
    /// Stopped on request.
    #[error("the import was stopped on request after record {last_record}; run it again to continue")]
    Cancelled {
        /// Last record that is committed.
        last_record: u64,
    },
    /// The reading thread panicked.
    #[error("reading the file failed unexpectedly: {0}; please report it")]
    Reader(String),
}

impl ImportError {
    /// Whether the same request can succeed later without anybody changing code or input.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::File(e) => e.is_transient(),
            Self::Catalog(e) => e.is_transient(),
            Self::Rejects { .. } | Self::Observer(_) | Self::Cancelled { .. } => true,
            Self::Reader(_) => false,
        }
    }
}

/// Imports a delivery and returns its report. Safe to run again after any end: it continues behind the last
/// committed batch, and an import that has ended only gives its report. Dropping the future or completing `cancel`
/// stops it between two records; at most the batch at hand is lost and read again.
///
/// A file that is refused as a whole or breaks off, and a full sync that the guard stops (`mass_delete`), are no errors
/// here: the report has `file_error`.
///
/// # Errors
/// See [`ImportError`].
pub async fn import_delivery(
    catalog: &Catalog,
    request: &ImportRequest,
    observer: &mut impl ImportObserver,
    cancel: impl Future<Output = ()> + Send,
) -> Result<ImportReport, ImportError> {
    import_source(catalog, request, DeliverySource::new(request), observer, cancel).await
}

/// Where batches go.
enum Target {
    Catalog { id: String },
    DryRun(Box<DryRun>),
}

async fn import_source(
    catalog: &Catalog,
    request: &ImportRequest,
    source: impl Source,
    observer: &mut impl ImportObserver,
    cancel: impl Future<Output = ()> + Send,
) -> Result<ImportReport, ImportError> {
    let (source, fingerprint) = reader::fingerprint(source).await?;
    let (fingerprint, refused) = match fingerprint {
        Ok(fingerprint) => (fingerprint, None),
        Err(e) if e.is_transient() => return Err(e.into()),
        Err(e) => (e.code.to_string(), Some(e)),
    };
    let new = NewImport {
        images: request.images.as_ref().map(|folder| folder.to_string_lossy().into_owned()),
        id: request.id.clone(),
        file: request.path.display().to_string(),
        fingerprint,
        source: request.source.clone(),
        mode: request.mode,
        now_ms: (request.clock)(),
    };
    let mut run = Run {
        catalog,
        progress: Progress::default(),
        checkpoint: 0,
        target: Target::new(&new, request),
        pace: Pace::new(request.batch_rows, catalog.batch_rows()),
    };
    if let Target::Catalog { .. } = run.target {
        let known = catalog.begin_import(&new).await?;
        if known.state != ImportState::Running {
            return Ok(known);
        }
        (run.checkpoint, run.progress.counters) = (known.last_record, known.counters);
    }
    if let Some(refused) = refused {
        return run.finish(Some(failure(&refused)), (request.clock)()).await;
    }
    let (send, receive) = mpsc::channel(1);
    let (give_back, spent) = std::sync::mpsc::channel();
    let reading = Reading {
        checkpoint: run.checkpoint,
        pace: run.pace.clone(),
        source_name: request.source.clone(),
        rejects: request.rejects.clone().filter(|_| !request.dry_run),
        send,
        spent,
    };
    let thread = tokio::task::spawn_blocking(move || reading.run(source));
    let applied = run.apply_all(receive, give_back, observer, cancel).await;
    // Nobody listens any more, so the thread ends; waiting for it keeps its rejects file out of the next try's way.
    let read = thread.await.map_err(|e| ImportError::Reader(e.to_string()))?;
    applied?;
    let failed = match read {
        Ok(()) => None,
        Err(ImportError::File(e)) if !e.is_transient() => Some(failure(&e)),
        Err(other) => return Err(other),
    };
    run.finish(failed, (request.clock)()).await
}

fn failure(error: &FileError) -> FileFailure {
    FileFailure { code: error.code.to_string(), message: error.to_string() }
}

impl Target {
    fn new(new: &NewImport, request: &ImportRequest) -> Self {
        if request.dry_run {
            Self::DryRun(Box::new(DryRun::new(new)))
        } else {
            Self::Catalog { id: request.id.clone() }
        }
    }
}

/// The applying half of one import.
struct Run<'a> {
    catalog: &'a Catalog,
    target: Target,
    progress: Progress,
    checkpoint: u64,
    pace: Pace,
}

impl Run<'_> {
    /// Applies batches until the reader has no more.
    async fn apply_all(
        &mut self,
        mut batches: mpsc::Receiver<reader::Filled>,
        give_back: std::sync::mpsc::Sender<Vec<PreparedRow>>,
        observer: &mut impl ImportObserver,
        cancel: impl Future<Output = ()> + Send,
    ) -> Result<(), ImportError> {
        let mut cancel = std::pin::pin!(cancel);
        loop {
            let read = tokio::select! {
                biased;
                () = &mut cancel => return Err(ImportError::Cancelled { last_record: self.checkpoint }),
                read = batches.recv() => read,
            };
            let Some(read) = read else { return Ok(()) };
            let (last_record, rows) = (read.batch.last_record, read.batch.rows.len());
            let started = Instant::now();
            let outcome = self.apply(read.batch).await?;
            self.pace.learn(rows, started.elapsed());
            // A reader that has ended does not mind.
            give_back.send(outcome.spent).ok();
            self.checkpoint = last_record;
            self.progress.counters.add(outcome.counters);
            (self.progress.bytes_read, self.progress.bytes_total) = (read.bytes_read, read.bytes_total);
            observer.on_batch(&self.progress, &outcome.dirty).await.map_err(ImportError::Observer)?;
        }
    }

    async fn apply(&mut self, batch: Batch) -> Result<BatchOutcome, CatalogError> {
        match &mut self.target {
            Target::Catalog { id } => self.catalog.apply_batch(id, batch).await,
            Target::DryRun(dry_run) => {
                let counters = self.catalog.compare_batch(dry_run, &batch).await?;
                Ok(BatchOutcome { counters, dirty: DirtyKeys::default(), spent: batch.rows })
            }
        }
    }

    async fn finish(self, failure: Option<FileFailure>, now_ms: i64) -> Result<ImportReport, ImportError> {
        Ok(match self.target {
            Target::Catalog { id } => match self.catalog.finish_import(&id, failure, now_ms).await {
                Err(CatalogError::MassDelete { .. }) => self.catalog.import_report(&id).await?,
                other => other?,
            },
            Target::DryRun(dry_run) => self.catalog.finish_dry_run(*dry_run, failure, now_ms).await?,
        })
    }
}
