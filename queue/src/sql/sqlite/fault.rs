//! From what SQLite says to what the caller can do about it.

use crate::{StoreError, sql::fault::Fault};
use sqlx::migrate::MigrateError;
use std::path::Path;

pub(super) const STORE: &str = "sqlite";

// Primary result codes, https://sqlite.org/rescode.html
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const INTERRUPT: i32 = 9;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const PROTOCOL: i32 = 15;
const NOT_A_DATABASE: i32 = 26;

/// As the contract names it; `path` is the database file.
pub(super) fn classify(fault: Fault, path: &Path) -> StoreError {
    let location = || path.display().to_string();
    let corrupt = |source| StoreError::Corrupt { store: STORE, location: location(), source };
    match fault {
        Fault::Refused(error) => error,
        Fault::Migrate(MigrateError::VersionMissing(_)) => {
            StoreError::Newer { store: STORE, location: location() }
        }
        Fault::Migrate(source @ (MigrateError::VersionMismatch(_) | MigrateError::Dirty(_))) => {
            corrupt(source.into())
        }
        Fault::Migrate(MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _)) => {
            classify_sql(source, path)
        }
        Fault::NotOurs(why) => corrupt(why.into()),
        Fault::Json(source) => corrupt(source.into()),
        Fault::Io(source) if source.kind() == std::io::ErrorKind::StorageFull => {
            StoreError::Full { store: STORE, source: source.into() }
        }
        Fault::Io(source) => StoreError::Failed { store: STORE, source: named(path, &source) },
        Fault::Migrate(source) => StoreError::Failed { store: STORE, source: source.into() },
        Fault::Sql(source) => classify_sql(source, path),
    }
}

/// Whether somebody else is writing.
pub(super) fn is_busy(fault: &Fault) -> bool {
    use MigrateError::{Execute, ExecuteMigration};
    let (Fault::Sql(source) | Fault::Migrate(Execute(source) | ExecuteMigration(source, _))) = fault else {
        return false;
    };
    matches!(code(source), Some(BUSY | LOCKED))
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
