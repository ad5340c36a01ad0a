//! From the troubles of a SQLite file to the errors of the catalog.

use std::path::Path;

use backstock_sqlite::Trouble;

use crate::store::error::CatalogError;

pub(super) fn of(path: &Path, trouble: Trouble) -> CatalogError {
    let at = path.display().to_string();
    match trouble {
        Trouble::Locked => CatalogError::Locked { at },
        Trouble::DiskFull => CatalogError::DiskFull { at },
        Trouble::ReadOnly => CatalogError::ReadOnly { at },
        Trouble::Io(reason) => CatalogError::Io { at, reason },
        Trouble::Corrupt(reason) => CatalogError::Corrupt { at, reason },
        Trouble::Open(reason) => CatalogError::Open { at, reason },
        Trouble::NewerVersion(migration) => CatalogError::NewerVersion { at, migration },
        Trouble::Unexpected(reason) => CatalogError::Unexpected { at, reason },
    }
}
