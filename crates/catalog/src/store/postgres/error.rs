//! From the codes of PostgreSQL to what they mean.

use sqlx::migrate::MigrateError;
use sqlx::postgres::PgDatabaseError;

use crate::store::error::CatalogError;

pub(super) fn from_sqlx(at: &str, error: &sqlx::Error) -> CatalogError {
    let at = at.to_owned();
    match error {
        sqlx::Error::PoolTimedOut => {
            CatalogError::Slow { at, reason: "no connection became free in time".into() }
        }
        sqlx::Error::Io(e) => CatalogError::Away { at, reason: e.to_string() },
        sqlx::Error::Tls(e) => CatalogError::Away {
            at,
            reason: format!("no encrypted connection: {}", one_line(&e.to_string())),
        },
        sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed | sqlx::Error::PoolClosed => {
            CatalogError::Away { at, reason: "the connection broke".into() }
        }
        sqlx::Error::Configuration(e) => CatalogError::Address { reason: one_line(&e.to_string()) },
        sqlx::Error::Database(e) => {
            let constraint = e.try_downcast_ref::<PgDatabaseError>().and_then(PgDatabaseError::constraint);
            let code = e.code().unwrap_or_default().into_owned();
            from_code(at, &code, one_line(e.message()), constraint)
        }
        other => CatalogError::Unexpected { at, reason: one_line(&other.to_string()) },
    }
}

pub(super) fn from_migrate(at: &str, error: &MigrateError) -> CatalogError {
    match error {
        MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => from_sqlx(at, e),
        MigrateError::VersionMissing(migration) | MigrateError::VersionTooNew(migration, _) => {
            CatalogError::NewerVersion { at: at.to_owned(), migration: *migration }
        }
        other => CatalogError::Corrupt { at: at.to_owned(), reason: one_line(&other.to_string()) },
    }
}

/// `SQLSTATE`: the first two characters are the class.
fn from_code(at: String, code: &str, reason: String, constraint: Option<&str>) -> CatalogError {
    match code {
        "28P01" | "28000" => CatalogError::Login { at, reason },
        "3D000" => CatalogError::Missing { at, reason },
        "42501" => CatalogError::Rights { at, reason },
        "55P03" => CatalogError::Locked { at },
        "57014" | "25P03" | "25P04" => CatalogError::Slow { at, reason },
        "40001" | "40P01" => CatalogError::Conflict { at, reason },
        // Somebody else stored the SKU, link or id between our look and our write.
        "23505" if constraint.is_some() => CatalogError::Conflict { at, reason },
        "25006" => CatalogError::ReadOnly { at },
        "53100" => CatalogError::DiskFull { at },
        "58030" => CatalogError::Io { at, reason },
        "XX001" | "XX002" => CatalogError::Corrupt { at, reason },
        _ => match code.get(..2) {
            Some("08" | "57" | "53") => CatalogError::Away { at, reason },
            _ => CatalogError::Unexpected { at, reason: format!("{reason} ({code})") },
        },
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        let of = |code: &str| from_code("db".into(), code, "reason".into(), None);
        for code in ["40001", "40P01", "55P03", "57014", "57P01", "57P03", "53300", "08006", "53100"] {
            assert!(of(code).is_transient(), "{code}: {}", of(code));
        }
        for code in ["28P01", "3D000", "42501", "25006", "42P01", "XX001", "22021"] {
            assert!(!of(code).is_transient(), "{code}: {}", of(code));
        }
    }
}
