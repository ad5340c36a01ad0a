//! What both ways of downloading share.

use std::path::Path;

/// The files of the model, the small one first.
pub(super) const FILES: [&str; 2] = ["tokenizer.json", "model.safetensors"];
/// Bytes of both files together, for progress.
pub(super) const MODEL_BYTES: u64 = 91_334_623;

/// Why a place did not give the model.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// Nobody there, or too slow.
    #[error("{0}")]
    Unreachable(String),
    /// It answered, with a failure that may pass at once.
    #[error("{0}")]
    Transient(String),
    /// It answered no.
    #[error("{0}")]
    Refused(String),
    /// What came is not the published model.
    #[error("{0}")]
    Unusable(String),
    /// The local disk.
    #[error("{0}")]
    Storage(String),
}

impl FetchError {
    pub(super) fn storage(path: &Path, error: &std::io::Error) -> Self {
        Self::Storage(format!("cannot write {}: {error}", path.display()))
    }
}
