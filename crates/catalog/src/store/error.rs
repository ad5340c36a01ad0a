//! What can go wrong in the catalog's storage, named by meaning.

use std::path::{Path, PathBuf};

use sqlx::migrate::MigrateError;

/// Why the catalog could not do what was asked. The text says what, where and what to do, in one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The file cannot be opened or created.
    #[error("cannot open the catalog {path}: {reason}; check that the folder exists and is writable", path = path.display())]
    Open {
        /// Database file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file was written by a later release.
    #[error("the catalog {path} was written by a newer version of backstock (migration {migration}); use that version or another data folder", path = path.display())]
    NewerVersion {
        /// Database file.
        path: PathBuf,
        /// First migration that this binary does not know.
        migration: i64,
    },
    /// Another process holds the write lock for too long.
    #[error("the catalog {path} is locked by another process; try again, or stop the other writer", path = path.display())]
    Locked {
        /// Database file.
        path: PathBuf,
    },
    /// No space is left on the disk.
    #[error("no space left on the disk of the catalog {path}; free some and run again, nothing is lost", path = path.display())]
    DiskFull {
        /// Database file.
        path: PathBuf,
    },
    /// The file or its folder may not be written.
    #[error("the catalog {path} is read-only; make the file and its folder writable", path = path.display())]
    ReadOnly {
        /// Database file.
        path: PathBuf,
    },
    /// The file is damaged or is no catalog.
    #[error("the catalog {path} is damaged or not a catalog ({reason}); restore a backup or use another data folder", path = path.display())]
    Corrupt {
        /// Database file.
        path: PathBuf,
        /// What the check found.
        reason: String,
    },
    /// Reading or writing failed below the database.
    #[error("input/output error on the catalog {path}: {reason}; check the disk and run again", path = path.display())]
    Io {
        /// Database file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A statement failed for a reason that should not occur.
    #[error("unexpected database error in the catalog {path}: {reason}; please report it", path = path.display())]
    Unexpected {
        /// Database file.
        path: PathBuf,
        /// What the database said.
        reason: String,
    },
    /// No import has this id.
    #[error("no import with id {id}; list the imports to see which exist")]
    UnknownImport {
        /// The id asked for.
        id: String,
    },
    /// The import has ended, so no further batch can be added.
    #[error("the import {id} has already ended; begin a new one with another id")]
    ImportEnded {
        /// The import.
        id: String,
    },
    /// The file under the same import id is no longer the same.
    #[error("the file of import {id} has changed since the import began; begin a new import with another id")]
    FileChanged {
        /// The import.
        id: String,
    },
    /// A full sync would archive too much.
    #[error(
        "full sync would archive {missing} of {total} products (limit {limit_percent} %); check the file, or raise the limit and import again"
    )]
    MassDelete {
        /// Products that are not in the delivery.
        missing: u64,
        /// Products of the source that are not archived.
        total: u64,
        /// The limit in force, in percent.
        limit_percent: u8,
    },
    /// No summary view has this name.
    #[error("no summary view named {name}; known: {known}")]
    UnknownView {
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
}

/// Result of a storage call.
pub type Result<T, E = CatalogError> = std::result::Result<T, E>;

impl CatalogError {
    /// Whether the same call can succeed later without anybody changing code or input.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::DiskFull { .. } | Self::Io { .. })
    }

    /// Stable name for reports and metrics, `snake_case`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "catalog_open",
            Self::NewerVersion { .. } => "catalog_newer_version",
            Self::Locked { .. } => "catalog_locked",
            Self::DiskFull { .. } => "disk_full",
            Self::ReadOnly { .. } => "catalog_read_only",
            Self::Corrupt { .. } => "catalog_corrupt",
            Self::Io { .. } => "catalog_io",
            Self::Unexpected { .. } => "catalog_unexpected",
            Self::UnknownImport { .. } => "unknown_import",
            Self::ImportEnded { .. } => "import_ended",
            Self::FileChanged { .. } => "file_changed",
            Self::MassDelete { .. } => "mass_delete",
            Self::UnknownView { .. } => "unknown_view",
        }
    }

    pub(super) fn from_sqlx(path: &Path, error: &sqlx::Error) -> Self {
        let path = path.to_path_buf();
        match error {
            sqlx::Error::PoolTimedOut => Self::Locked { path },
            sqlx::Error::Io(e) => Self::Io { path, reason: e.to_string() },
            sqlx::Error::Database(e) => {
                let code = e.code().and_then(|c| c.parse::<i32>().ok()).unwrap_or(1);
                Self::from_code(path, code, e.message().to_owned())
            }
            other => Self::Unexpected { path, reason: other.to_string() },
        }
    }

    pub(super) fn from_migrate(path: &Path, error: &MigrateError) -> Self {
        match error {
            MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => Self::from_sqlx(path, e),
            MigrateError::VersionMissing(migration) | MigrateError::VersionTooNew(migration, _) => {
                Self::NewerVersion { path: path.to_path_buf(), migration: *migration }
            }
            other => Self::Corrupt { path: path.to_path_buf(), reason: other.to_string() },
        }
    }

    /// SQLite result codes; the low byte is the primary one.
    fn from_code(path: PathBuf, code: i32, reason: String) -> Self {
        match code & 0xff {
            5 | 6 => Self::Locked { path },
            8 => Self::ReadOnly { path },
            10 => Self::Io { path, reason },
            11 | 26 => Self::Corrupt { path, reason },
            13 => Self::DiskFull { path },
            14 => Self::Open { path, reason },
            _ => Self::Unexpected { path, reason },
        }
    }
}
