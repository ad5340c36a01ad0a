//! A delivered file, read in batches.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use super::assemble::{Assembler, Note, Outcome};
use super::checks::price;
use super::field::Field;
use super::open::Plan;
use super::prepass::{Prepass, sku_key};
use super::raw::{Fault, Raw, Source};
use super::{
    Code, DuplicatePolicy, FileCode, FileError, ReadOptions, RecordBatch, Reject, Row, Summary, Warning,
    WarningCode, container,
};

/// A batch ends early when its records hold this many bytes.
const MAX_BATCH_BYTES: u64 = 16 << 20;

/// A delivered file on its way through the reader.
///
/// All calls do blocking I/O and CPU work: make them on a blocking thread. Dropping it closes the file.
pub struct Delivery {
    plan: Plan,
    summary: Summary,
    duplicates: DuplicatePolicy,
    source: Box<dyn Source>,
    assembler: Assembler,
    whole: Option<Prepass>,
    seen: HashSet<u64>,
    record: u64,
    failed: Option<FileError>,
    raw: Raw,
    notes: Vec<Note>,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("summary", &self.summary)
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

impl Delivery {
    /// Opens a file and finds out what it is: container, encoding, format, dialect, header. Reads about 256 KiB.
    ///
    /// # Errors
    /// When the file cannot be read, is no delivery, or its header cannot be used; see [`FileCode`].
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self, FileError> {
        let Some(currency) = price::code(options.default_currency.trim()) else {
            let text = format!(
                "the default currency {:?} is no ISO 4217 code; write one such as EUR",
                options.default_currency
            );
            return Err(FileError::new(FileCode::BadDefaultCurrency, path, text));
        };
        let plan = Plan::new(path, options)?;
        let (summary, source) = (plan.summary(), plan.source()?);
        let assembler = Assembler::new(&plan.columns, currency);
        Ok(Self {
            plan,
            summary,
            duplicates: options.duplicates,
            source,
            assembler,
            whole: None,
            seen: HashSet::new(),
            record: 0,
            failed: None,
            raw: Raw::default(),
            notes: Vec::new(),
        })
    }

    /// What the file is.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Reads up to `max_records` (at least one) records, fewer when they are large; `None` at the end.
    ///
    /// A file whose prices need the evidence of the whole file, or that lists variants of parents, is read once more
    /// in full, by the call that finds this out.
    ///
    /// # Errors
    /// When the file cannot be read to its end. What earlier calls returned stays valid; further calls return the
    /// same error.
    pub fn next_batch(&mut self, max_records: usize) -> Result<Option<RecordBatch>, FileError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.read_batch(max_records.max(1) as u64).inspect_err(|error| self.failed = Some(error.clone()))
    }

    fn read_batch(&mut self, max_records: u64) -> Result<Option<RecordBatch>, FileError> {
        if self.duplicates == DuplicatePolicy::KeepLast {
            self.look_ahead()?;
        }
        let mut batch = RecordBatch::default();
        let mut bytes = 0;
        while batch.records() < max_records && bytes < MAX_BATCH_BYTES && self.source.next(&mut self.raw)? {
            self.record += 1;
            bytes += self.raw.text().len() as u64;
            self.judge(&mut batch)?;
        }
        if batch.records() == 0 {
            return Ok(None);
        }
        batch.last_record = self.record;
        batch.bytes_read = self.source.bytes_read();
        Ok(Some(batch))
    }

    /// Reads the whole file once for what only the whole file can tell.
    fn look_ahead(&mut self) -> Result<&Prepass, FileError> {
        let whole = if let Some(whole) = self.whole.take() {
            whole
        } else {
            let last = self.duplicates == DuplicatePolicy::KeepLast;
            Prepass::run(&mut *self.plan.source()?, &self.plan.columns, last)?
        };
        Ok(self.whole.insert(whole))
    }

    fn judge(&mut self, batch: &mut RecordBatch) -> Result<(), FileError> {
        self.notes.clear();
        if self.raw.mixed_encoding {
            let text = "is not UTF-8 like the rest of the file; read as windows-1252".to_owned();
            self.notes.push((WarningCode::MixedEncoding, None, text));
        }
        if self.raw.stray_quote {
            let text = "a quotation mark inside a quoted field is not doubled; taken as it stands".to_owned();
            self.notes.push((WarningCode::StrayQuote, None, text));
        }
        let noted = self.notes.len();
        let mut outcome = self.assembler.assemble(&mut self.raw, self.whole.as_ref(), &mut self.notes);
        if matches!(outcome, Outcome::NeedsPrepass) {
            self.notes.truncate(noted);
            self.look_ahead()?;
            outcome = self.assembler.assemble(&mut self.raw, self.whole.as_ref(), &mut self.notes);
        }
        match outcome {
            Outcome::Accepted(product) => {
                let key = sku_key(&product.sku);
                match self.repeated(key) {
                    Ok(()) => {
                        self.seen.insert(key);
                        batch.rows.push(Row { record: self.record, line: self.raw.line, product: *product });
                    }
                    Err(None) => batch.skipped += 1,
                    Err(Some(code)) => {
                        let message = "stands in an earlier record of this file; remove one";
                        self.reject(batch, Fault::new(code, Some(Field::Sku.name()), &product.sku, message));
                        return Ok(());
                    }
                }
            }
            Outcome::Rejected(fault) => {
                self.reject(batch, fault);
                return Ok(());
            }
            Outcome::Skipped => batch.skipped += 1,
            Outcome::NeedsPrepass => unreachable!("a record never needs what it was given"),
        }
        let (record, line) = (self.record, self.raw.line);
        batch.warnings.extend(self.notes.drain(..).map(|(code, field, message)| Warning {
            record,
            line,
            code,
            field: field.map(|field| field.name().to_owned()),
            message,
        }));
        Ok(())
    }

    /// Whether the duplicate policy lets the SKU through: `Err(None)` skips it, `Err(Some(code))` rejects it.
    fn repeated(&mut self, key: u64) -> Result<(), Option<Code>> {
        let skip = |notes: &mut Vec<Note>, code, text: &str| {
            notes.push((code, Some(Field::Sku), text.to_owned()));
            Err(None)
        };
        match self.duplicates {
            DuplicatePolicy::RejectLater if self.seen.contains(&key) => Err(Some(Code::DuplicateSku)),
            DuplicatePolicy::KeepFirst if self.seen.contains(&key) => skip(
                &mut self.notes,
                WarningCode::RepeatSkipped,
                "stands in an earlier record of this file; skipped",
            ),
            DuplicatePolicy::KeepLast
                if self
                    .whole
                    .as_ref()
                    .and_then(|whole| whole.last_record(key))
                    .is_some_and(|last| last > self.record) =>
            {
                skip(
                    &mut self.notes,
                    WarningCode::Superseded,
                    "stands in a later record of this file; skipped",
                )
            }
            _ => Ok(()),
        }
    }

    fn reject(&self, batch: &mut RecordBatch, fault: Fault) {
        let mut raw: Vec<String> = self.raw.cells().map(str::to_owned).collect();
        if !self.raw.extra.is_empty() && raw.len() == self.plan.columns.names.len() {
            // Keyed records: what has no column of its own travels in `attributes`.
            let mut all = self.raw.extra.clone();
            let cell = &mut raw[Field::Attributes as usize];
            if let Ok(own) = serde_json::from_str::<serde_json::Map<_, _>>(cell) {
                all.extend(own);
                cell.clear();
            }
            if cell.is_empty() {
                *cell = serde_json::Value::Object(all).to_string();
            }
        }
        let Fault { code, field, value, message } = fault;
        let (record, line, byte) = (self.record, self.raw.line, self.raw.byte);
        batch.rejects.push(Reject {
            record,
            line,
            byte,
            code,
            field,
            value,
            message: message.into_owned(),
            raw,
        });
    }
}

/// XXH3-128 of the file as it lies on disk, in hexadecimal: the same fingerprint means the same delivery. Finds
/// accidental repeats; it is no protection against forgery. Reads the whole file; blocking.
///
/// # Errors
/// When the file cannot be read.
pub fn fingerprint(path: &Path) -> Result<String, FileError> {
    use std::io::Read;
    let limits = super::Limits { max_file_bytes: u64::MAX, ..super::Limits::default() };
    container::check(path, &limits)?;
    let failed = |error: std::io::Error| container::io_error(path, &error);
    let mut file = std::fs::File::open(PathBuf::from(path)).map_err(failed)?;
    let mut hasher = Xxh3::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(format!("{:032x}", hasher.digest128())),
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}
