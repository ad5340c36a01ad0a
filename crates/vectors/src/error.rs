//! Why a call failed, and whether it passes.

use std::path::{Path, PathBuf};

use backstock_sqlite::Trouble;

/// A failed call. [`is_transient`](Self::is_transient) says whether the same call may succeed later.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VectorError {
    /// A vector has the wrong number of dimensions for its model. Does not pass.
    #[error("vector of {what} has {got} dimensions, model {model} has {expected}")]
    WrongDimension {
        /// Name and revision of the model.
        model: String,
        /// What the vector belongs to: a key, or "the query".
        what: String,
        /// Dimensions of the model.
        expected: usize,
        /// Dimensions of the vector given.
        got: usize,
    },
    /// A point or query that cannot be stored or searched (NaN, no dimensions, key too long). Does not pass.
    #[error("cannot use {what}: {reason}")]
    Invalid {
        /// The key, or "the query".
        what: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The file was written by a later release. Does not pass: upgrade this program.
    #[error(
        "{path} was written by a newer version (migration {migration}); upgrade this program or use another data folder"
    )]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// The migration that this release does not know.
        migration: i64,
    },
    /// Another process holds the write lock for longer than the time-out. Passes.
    #[error("{path} is locked by another process; it is tried again later")]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// No space left on the device. Passes once there is space.
    #[error("no space left on the disk of {path}; free some, nothing is lost")]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// The file or its folder cannot be written. Does not pass.
    #[error("{path} is read-only; check its permissions")]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// Not a vector database, or a damaged one. Does not pass: the vectors can be made again.
    #[error(
        "{path} is damaged or not a vector database ({reason}); move it away, the vectors are made again"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite or the check said.
        reason: String,
    },
    /// The file cannot be opened (missing folder, a directory, permissions). Does not pass.
    #[error("cannot open {path}: {reason}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The device failed to read or write. May pass.
    #[error("input/output error on {path}: {reason}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The server does not answer, or is busy. Passes.
    #[error("the vector server at {location} does not answer: {reason}; it is tried again later")]
    Unreachable {
        /// Where it is, without credentials.
        location: String,
        /// What was said.
        reason: String,
    },
    /// The server refused. Does not pass by itself.
    #[error("the vector server at {location}: {advice} ({reason})")]
    Refused {
        /// Where it is, without credentials.
        location: String,
        /// What kind of refusal, `snake_case`.
        code: &'static str,
        /// What it means, or what to do.
        advice: &'static str,
        /// What the server said.
        reason: String,
    },
    /// Anything else; a defect of this program. Does not pass.
    #[error("unexpected failure on {path}: {reason}")]
    Unexpected {
        /// The file.
        path: PathBuf,
        /// What was said.
        reason: String,
    },
}

impl VectorError {
    /// Whether the same call can succeed later without anybody changing code or input.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Locked { .. } | Self::DiskFull { .. } | Self::Io { .. } | Self::Unreachable { .. }
        )
    }

    /// Stable name for reports and metrics, `snake_case`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongDimension { .. } => "vector_wrong_dimension",
            Self::Invalid { .. } => "vector_invalid",
            Self::NewerVersion { .. } => "vectors_newer_version",
            Self::Locked { .. } => "vectors_locked",
            Self::DiskFull { .. } => "disk_full",
            Self::ReadOnly { .. } => "vectors_read_only",
            Self::Corrupt { .. } => "vectors_corrupt",
            Self::Open { .. } => "vectors_open",
            Self::Io { .. } => "vectors_io",
            Self::Unreachable { .. } => "vectors_unreachable",
            Self::Refused { .. } => "vectors_refused",
            Self::Unexpected { .. } => "vectors_unexpected",
        }
    }

    pub(crate) fn of(path: &Path, trouble: Trouble) -> Self {
        let path = path.to_path_buf();
        match trouble {
            Trouble::Locked => Self::Locked { path },
            Trouble::DiskFull => Self::DiskFull { path },
            Trouble::ReadOnly => Self::ReadOnly { path },
            Trouble::Io(reason) => Self::Io { path, reason },
            Trouble::Corrupt(reason) => Self::Corrupt { path, reason },
            Trouble::Open(reason) => Self::Open { path, reason },
            Trouble::NewerVersion(migration) => Self::NewerVersion { path, migration },
            Trouble::Unexpected(reason) => Self::Unexpected { path, reason },
        }
    }
}
