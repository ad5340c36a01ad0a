//! From what the driver says to what the caller can do about it.

use crate::StoreError;
use std::path::Path;

/// Why an operation inside the store failed, before it is classified.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error(transparent)]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("{0}")]
    NotOurs(&'static str),
    #[error(transparent)]
    Refused(#[from] StoreError),
}

pub(super) type Result<T, E = Fault> = std::result::Result<T, E>;

pub(super) const STORE: &str = "sqlite";

// Primary result codes, https://sqlite.org/rescode.html
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const INTERRUPT: i32 = 9;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const PROTOCOL: i32 = 15;
const NOT_A_DATABASE: i32 = 26;

impl Fault {
    /// As the contract names it; `path` is the database file.
    pub(super) fn classify(self, path: &Path) -> StoreError {
        use sqlx::migrate::MigrateError;
        let location = || path.display().to_string();
        match self {
            Self::Refused(error) => error,
            Self::Migrate(MigrateError::VersionMissing(_)) => {
                StoreError::Newer { store: STORE, location: location() }
            }
            Self::Migrate(source @ (MigrateError::VersionMismatch(_) | MigrateError::Dirty(_))) => {
                StoreError::Corrupt { store: STORE, location: location(), source: source.into() }
            }
            Self::Migrate(MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _)) => {
                Self::Sql(source).classify(path)
            }
            Self::NotOurs(why) => {
                StoreError::Corrupt { store: STORE, location: location(), source: why.into() }
            }
            Self::Json(source) => {
                StoreError::Corrupt { store: STORE, location: location(), source: source.into() }
            }
            Self::Io(source) if source.kind() == std::io::ErrorKind::StorageFull => {
                StoreError::Full { store: STORE, source: source.into() }
            }
            Self::Io(source) => StoreError::Failed { store: STORE, source: named(path, &source) },
            Self::Migrate(source) => StoreError::Failed { store: STORE, source: source.into() },
            Self::Sql(source) => classify_sql(source, path),
        }
    }

    /// Whether somebody else is writing.
    pub(super) fn is_busy(&self) -> bool {
        use sqlx::migrate::MigrateError::{Execute, ExecuteMigration};
        let (Self::Sql(source) | Self::Migrate(Execute(source) | ExecuteMigration(source, _))) = self else {
            return false;
        };
        matches!(code(source), Some(BUSY | LOCKED))
    }
}

fn classify_sql(source: sqlx::Error, path: &Path) -> StoreError {
    let store = STORE;
    match code(&source) {
        Some(BUSY | LOCKED | INTERRUPT | PROTOCOL) => {
            StoreError::Unavailable { store, source: source.into() }
        }
        Some(FULL) => StoreError::Full { store, source: source.into() },
        Some(CORRUPT | NOT_A_DATABASE) => {
            StoreError::Corrupt { store, location: path.display().to_string(), source: source.into() }
        }
        None if matches!(source, sqlx::Error::PoolTimedOut) => {
            StoreError::Unavailable { store, source: source.into() }
        }
        None if matches!(source, sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. }) => {
            StoreError::Corrupt { store, location: path.display().to_string(), source: source.into() }
        }
        _ => StoreError::Failed { store, source: named(path, &source) },
    }
}

fn named(path: &Path, source: &impl std::fmt::Display) -> Box<dyn std::error::Error + Send + Sync> {
    format!("{}: {source}", path.display()).into()
}

/// The primary result code of an error that comes from SQLite.
fn code(source: &sqlx::Error) -> Option<i32> {
    let extended: i32 = source.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}
