//! From the errors of the parts to what happens next.

use backstock_catalog::{CatalogError, ImportError};
use backstock_media::MediaError;
use backstock_queue::{JobError, RetryPolicy};
use backstock_vectors::VectorError;
use std::fmt::Display;
use std::time::Duration;

/// How the error of a job begins that waits for room on a disk.
pub const DISK_FULL: &str = "disk full: ";

/// Until there is room, however long that takes: every job meets the same disk, and none should die of it.
const UNTIL_THERE_IS_ROOM: RetryPolicy = RetryPolicy {
    max_attempts: u32::MAX,
    base: Duration::from_secs(1),
    factor: 2,
    cap: Duration::from_secs(10),
};

/// Passes: again by the job's policy. Does not: to the dead set at once.
pub(crate) fn catalog(error: CatalogError) -> JobError {
    next(error.code(), error.is_transient(), error)
}

/// As [`catalog`].
pub(crate) fn vectors(error: VectorError) -> JobError {
    next(error.code(), error.is_transient(), error)
}

/// As [`catalog`].
pub(crate) fn media(error: MediaError) -> JobError {
    let code = if error.is_disk_full() { "disk_full" } else { error.code() };
    next(code, error.is_transient(), error)
}

/// As [`catalog`].
pub(crate) fn import(error: ImportError) -> JobError {
    match error {
        ImportError::Catalog(error) => catalog(error),
        other => next("import", other.is_transient(), other),
    }
}

fn next(code: &str, transient: bool, error: impl Display) -> JobError {
    match code {
        "disk_full" => JobError::retry_with(format!("{DISK_FULL}{error}"), UNTIL_THERE_IS_ROOM),
        _ if transient => JobError::retry(error),
        _ => JobError::discard(error),
    }
}
