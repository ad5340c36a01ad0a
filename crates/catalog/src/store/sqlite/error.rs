//! From the codes of SQLite to what they mean.

use std::path::Path;

use sqlx::migrate::MigrateError;

use crate::store::error::CatalogError;

pub(super) fn from_sqlx(path: &Path, error: &sqlx::Error) -> CatalogError {
    let at = path.display().to_string();
    match error {
        sqlx::Error::PoolTimedOut => CatalogError::Locked { at },
        sqlx::Error::Io(e) => CatalogError::Io { at, reason: e.to_string() },
        sqlx::Error::Database(e) => {
            let code = e.code().and_then(|c| c.parse::<i32>().ok()).unwrap_or(1);
            from_code(at, code, e.message().to_owned())
        }
        other => CatalogError::Unexpected { at, reason: other.to_string() },
    }
}

pub(super) fn from_migrate(path: &Path, error: &MigrateError) -> CatalogError {
    let at = path.display().to_string();
    match error {
        MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => from_sqlx(path, e),
        MigrateError::VersionMissing(migration) | MigrateError::VersionTooNew(migration, _) => {
            CatalogError::NewerVersion { at, migration: *migration }
        }
        other => CatalogError::Corrupt { at, reason: other.to_string() },
    }
}

/// The low byte is the primary result code.
fn from_code(at: String, code: i32, reason: String) -> CatalogError {
    match code & 0xff {
        5 | 6 => CatalogError::Locked { at },
        8 => CatalogError::ReadOnly { at },
        10 => CatalogError::Io { at, reason },
        11 | 26 => CatalogError::Corrupt { at, reason },
        13 => CatalogError::DiskFull { at },
        14 => CatalogError::Open { at, reason },
        _ => CatalogError::Unexpected { at, reason },
    }
}
