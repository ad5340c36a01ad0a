//! A file of requests: CSV or JSON lines, packed or not, in any encoding a delivery may have.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::counts::RequestCounts;
use super::row;
use crate::delivery::counting::CountingSource;
use crate::delivery::{FileCode, FileError, Limits, fingerprint};

/// Bad rows that are kept to be shown; all are counted.
const SHOWN: usize = 100;

/// How to read a file of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestReadOptions {
    /// Name of a column → `sku`, `count` or `time`; wins over every known name.
    pub mapping: BTreeMap<String, String>,
    /// When rows without a time were asked for, and from when ages are counted: milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// How long until a request is worth half.
    pub half_life: Duration,
    /// Bounds on size.
    pub limits: Limits,
}

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestFile {
    /// By product.
    pub counts: RequestCounts,
    /// About the file.
    pub report: RequestReport,
}

/// About a file of requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestReport {
    /// Which file.
    pub file: PathBuf,
    /// Its content: the same content is the same file.
    pub fingerprint: String,
    /// Which column was read as what; empty for JSON lines.
    pub columns: BTreeMap<String, String>,
    /// Records in it.
    pub rows: u64,
    /// Of these, those that were not counted.
    pub bad: u64,
    /// The first hundred of them.
    pub bad_rows: Vec<BadRow>,
}

/// A row that was not counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BadRow {
    /// From 1, without the header.
    pub record: u64,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Stable name of what is wrong: `missing_sku`, `bad_count`, `bad_time`, `future_time`, or as in deliveries.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

/// Reads a file as a stream and sums it up by product. Blocking. Memory depends on the number of products (at most
/// [`MAX_PRODUCTS`](super::MAX_PRODUCTS)), not on the file. Rows that cannot be read are left out and named.
///
/// # Errors
/// When the file cannot be read to its end, is no CSV or JSON lines, has no column for the SKU, names too many products
/// or changes while it is read; see [`FileCode`].
pub fn read_requests(path: &Path, options: &RequestReadOptions) -> Result<RequestFile, FileError> {
    let mut source = CountingSource::open(path, &options.mapping, options.limits)?;
    let before = fingerprint(path)?;
    let mut counts = RequestCounts::new(options.at_ms, options.half_life);
    let mut report = RequestReport {
        file: path.to_owned(),
        fingerprint: before,
        columns: source.columns(),
        rows: 0,
        bad: 0,
        bad_rows: Vec::new(),
    };
    while let Some((line, cells)) = source.next()? {
        report.rows += 1;
        match row::read(&cells, options.at_ms) {
            Ok(asked) => {
                let time_ms = asked.time_ms.unwrap_or(options.at_ms);
                let added = counts.add(&asked.sku, asked.requests, time_ms);
                added.map_err(|many| {
                    FileError::new(FileCode::TooManyProducts, path, format!("names {many}"))
                })?;
            }
            Err((code, message)) => {
                report.bad += 1;
                if report.bad_rows.len() < SHOWN {
                    report.bad_rows.push(BadRow { record: report.rows, line, code, message });
                }
            }
        }
    }
    if fingerprint(path)? != report.fingerprint {
        let text = "changed while it was read; try again once it is complete";
        return Err(FileError::new(FileCode::Unreadable, path, text));
    }
    Ok(RequestFile { counts, report })
}
