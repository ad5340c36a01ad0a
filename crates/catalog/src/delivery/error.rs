//! Why a whole delivery is refused.

use std::path::{Path, PathBuf};

use super::FileCode;

/// A delivery that cannot be read at all, or not to its end. One line: what, where, what to do.
///
/// Only [`FileCode::Unreadable`] may pass when tried again; every other code needs another file or other options.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message} [{code}]", path.display())]
pub struct FileError {
    /// The stable code.
    pub code: FileCode,
    /// The file.
    pub path: PathBuf,
    /// What is wrong and what to do, without the path and the code.
    pub message: String,
}

impl FileError {
    pub(crate) fn new(code: FileCode, path: &Path, message: impl Into<String>) -> Self {
        Self { code, path: path.to_owned(), message: message.into() }
    }

    /// Whether the same call may succeed later without a change to file or options.
    pub fn is_transient(&self) -> bool {
        self.code == FileCode::Unreadable
    }
}
