//! From the errors of the parts to what happens next.

use backstock_catalog::CatalogError;
use backstock_queue::JobError;
use backstock_vectors::VectorError;

/// Passes: again by the job's policy. Does not: to the dead set at once.
pub(crate) fn catalog(error: CatalogError) -> JobError {
    if error.is_transient() { JobError::retry(error) } else { JobError::discard(error) }
}

/// As [`catalog`].
pub(crate) fn vectors(error: VectorError) -> JobError {
    if error.is_transient() { JobError::retry(error) } else { JobError::discard(error) }
}
