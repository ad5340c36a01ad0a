//! The reading half of an import, on a thread that may block.

use std::path::{Path, PathBuf};

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::ImportError;
use super::pace::Pace;
use crate::delivery::{FileError, RecordBatch, Reject, Row};
use crate::store::{Batch, Issue, PreparedRow};

/// Records asked for at a time; batches are made of whole portions, so that their borders do not depend on where an
/// import was interrupted.
const PORTION: usize = 250;
/// Room that is made for the rows of a batch at most; they may be more.
const MOST_ROWS: usize = 10_000;
/// A batch ends when its rows are about this large, in bytes.
const BATCH_BYTES: usize = 16 << 20;

/// A delivery that gives the same records whenever it is opened.
pub(super) trait Source: Send + 'static {
    /// Stable name of the content.
    fn fingerprint(&mut self) -> Result<String, FileError>;
    /// Opens it, before the first record.
    fn open(&mut self) -> Result<(), FileError>;
    /// The next at most `max` records; `None` at the end.
    fn next_batch(&mut self, max: usize) -> Result<Option<RecordBatch>, FileError>;
    /// The SKU that a refused record names, if it can be told.
    fn refused_sku(&self, reject: &Reject) -> Option<String>;
    /// Size in bytes.
    fn bytes_total(&self) -> u64;
    /// Begins a rejects file at `path`.
    fn rejects(&self, path: &Path) -> std::io::Result<Box<dyn RejectsFile>>;
}

/// A rejects file being written: complete and under its name only after `finish`.
pub(super) trait RejectsFile {
    /// Adds a record.
    fn write(&mut self, reject: &Reject) -> std::io::Result<()>;
    /// Makes it durable and gives it its name.
    fn finish(self: Box<Self>) -> std::io::Result<()>;
}

/// A batch on its way to the catalog.
pub(super) struct Filled {
    pub(super) batch: Batch,
    pub(super) bytes_read: u64,
    pub(super) bytes_total: u64,
}

/// Why a batch ended.
enum End {
    Full,
    Whole,
    Broken(FileError),
}

/// Reads the whole file once for its fingerprint.
pub(super) async fn fingerprint<S: Source>(
    mut source: S,
) -> Result<(S, Result<String, FileError>), ImportError> {
    let read = tokio::task::spawn_blocking(move || {
        let fingerprint = source.fingerprint();
        (source, fingerprint)
    });
    read.await.map_err(|e| ImportError::Reader(e.to_string()))
}

/// What the reading thread needs.
pub(super) struct Reading {
    pub(super) checkpoint: u64,
    pub(super) pace: Pace,
    pub(super) source_name: String,
    pub(super) rejects: Option<PathBuf>,
    pub(super) send: mpsc::Sender<Filled>,
    /// Rows that were applied, to be freed on the thread that made them: elsewhere the allocator would let that thread and
    /// this one wait for each other.
    pub(super) spent: std::sync::mpsc::Receiver<Vec<PreparedRow>>,
}

impl Reading {
    /// Reads to the end, or until nobody listens any more.
    pub(super) fn run(self, mut source: impl Source) -> Result<(), ImportError> {
        source.open()?;
        let mut rejects = Rejects { path: self.rejects.clone(), file: None };
        let result = self.read(&mut source, &mut rejects);
        match result {
            // What was refused before the file broke off is worth having.
            Ok(true) => rejects.finish(),
            Err(ImportError::File(e)) if !e.is_transient() => {
                rejects.finish()?;
                Err(ImportError::File(e))
            }
            other => other.map(|_| ()),
        }
    }

    /// `false` when nobody listens any more.
    fn read(&self, source: &mut impl Source, rejects: &mut Rejects) -> Result<bool, ImportError> {
        let runtime = Handle::current();
        loop {
            // Place first, then read: so at most two batches are in memory, one being applied and one being read.
            let Ok(place) = runtime.block_on(self.send.clone().reserve_owned()) else { return Ok(false) };
            let (filled, end) = self.fill(source, rejects)?;
            if filled.batch.last_record > self.checkpoint {
                place.send(filled);
            }
            match end {
                End::Full if self.send.is_closed() => return Ok(false),
                End::Full => {}
                End::Whole => return Ok(true),
                End::Broken(e) => return Err(ImportError::File(e)),
            }
        }
    }

    /// Reads until a batch is full or the file ends. Records before the checkpoint only go to the rejects file.
    fn fill(&self, source: &mut impl Source, rejects: &mut Rejects) -> Result<(Filled, End), ImportError> {
        let most = self.pace.rows();
        let mut batch = Batch { rows: Vec::with_capacity(most.min(MOST_ROWS)), ..Batch::default() };
        let (mut bytes, mut bytes_read) = (0, 0);
        let end = loop {
            self.spent.try_iter().for_each(drop);
            match source.next_batch(PORTION.min(most)) {
                Ok(Some(records)) => {
                    for reject in &records.rejects {
                        rejects.write(source, reject)?;
                    }
                    bytes_read = records.bytes_read;
                    bytes += self.add(&mut batch, records, source);
                }
                Ok(None) => break End::Whole,
                Err(e) => break End::Broken(e),
            }
            if batch.rows.len() >= most || bytes >= BATCH_BYTES || self.send.is_closed() {
                break End::Full;
            }
        };
        Ok((Filled { batch, bytes_read, bytes_total: source.bytes_total() }, end))
    }

    /// Adds what lies behind the checkpoint; returns about how many bytes that are.
    fn add(&self, batch: &mut Batch, records: RecordBatch, source: &impl Source) -> usize {
        if records.last_record <= self.checkpoint {
            return 0;
        }
        let total = records.records();
        let first = records.last_record + 1 - total;
        let (rows, rejects) = (batch.rows.len(), batch.rejects.len());
        let behind = |record: u64| record > self.checkpoint;
        let mut bytes = 0;
        for row in records.rows.into_iter().filter(|row| behind(row.record)) {
            bytes += size(&row);
            batch.rows.push(PreparedRow::new(row.record, row.line, row.product, &self.source_name));
        }
        for reject in records.rejects.into_iter().filter(|reject| behind(reject.record)) {
            batch.refused_skus.extend(source.refused_sku(&reject));
            bytes += reject.message.len() + 200;
            batch.rejects.push(Issue {
                record: reject.record,
                line: reject.line,
                code: reject.code.to_string(),
                field: reject.field,
                message: reject.message,
            });
        }
        let warnings = records.warnings.into_iter().filter(|warning| behind(warning.record));
        batch.warnings.extend(warnings.map(|warning| Issue {
            record: warning.record,
            line: warning.line,
            code: warning.code.to_string(),
            field: warning.field,
            message: warning.message,
        }));
        let taken = records.last_record - self.checkpoint.max(first - 1);
        batch.skipped += taken - (batch.rows.len() - rows + batch.rejects.len() - rejects) as u64;
        batch.last_record = records.last_record;
        bytes
    }
}

fn size(row: &Row) -> usize {
    let product = &row.product;
    let links: usize = product.image_links.iter().map(|link| link.len() + 32).sum();
    // An attribute object has at most 16 KiB; its exact size is not worth serialising it twice.
    let attributes = product.attributes.len() * 64;
    product.title.len() + product.description.as_ref().map_or(0, String::len) + links + attributes + 512
}

/// The rejects file, begun with the first reject.
struct Rejects {
    path: Option<PathBuf>,
    file: Option<Box<dyn RejectsFile>>,
}

impl Rejects {
    fn write(&mut self, source: &impl Source, reject: &Reject) -> Result<(), ImportError> {
        let Some(path) = &self.path else { return Ok(()) };
        let failed = |e: std::io::Error| ImportError::Rejects { path: path.clone(), reason: e.to_string() };
        if self.file.is_none() {
            self.file = Some(source.rejects(path).map_err(failed)?);
        }
        self.file.as_mut().map_or(Ok(()), |file| file.write(reject)).map_err(failed)
    }

    fn finish(self) -> Result<(), ImportError> {
        let (Some(path), Some(file)) = (self.path, self.file) else { return Ok(()) };
        file.finish().map_err(|e| ImportError::Rejects { path, reason: e.to_string() })
    }
}
