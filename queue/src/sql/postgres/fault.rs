//! From what PostgreSQL says to what the caller can do about it.

use super::Fault;
use crate::StoreError;
use sqlx::migrate::MigrateError;

pub(super) const STORE: &str = "postgres";

/// As the contract names it; `location` is where the schema is, without credentials.
pub(super) fn classify(fault: Fault, location: &str) -> StoreError {
    let corrupt = |source| StoreError::Corrupt { store: STORE, location: location.to_owned(), source };
    match fault {
        Fault::Refused(error) => error,
        Fault::Migrate(MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..)) => {
            StoreError::Newer { store: STORE, location: location.to_owned() }
        }
        Fault::Migrate(MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _)) => {
            classify_sql(&source, location)
        }
        Fault::Migrate(source) => corrupt(source.into()),
        Fault::Json(source) => corrupt(source.into()),
        Fault::NotOurs(why) => failed(location, why),
        Fault::Io(source) => unavailable(location, &source.to_string()),
        Fault::Sql(source) => classify_sql(&source, location),
    }
}

fn classify_sql(error: &sqlx::Error, location: &str) -> StoreError {
    match error {
        sqlx::Error::Database(said) => {
            let code = said.code().unwrap_or_default();
            from_code(location, &code, said.message())
        }
        sqlx::Error::PoolTimedOut => unavailable(location, "no connection became free in time"),
        sqlx::Error::Io(source) => unavailable(location, &source.to_string()),
        sqlx::Error::Tls(source) => unavailable(location, &format!("no encrypted connection: {source}")),
        sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::PoolClosed
        | sqlx::Error::BeginFailed => unavailable(location, "the connection broke"),
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => StoreError::Corrupt {
            store: STORE,
            location: location.to_owned(),
            source: error.to_string().into(),
        },
        other => failed(location, &other.to_string()),
    }
}

/// `SQLSTATE`: the first two characters are the class.
fn from_code(location: &str, code: &str, said: &str) -> StoreError {
    let advice = |advice: &str| failed(location, &format!("{advice} ({said})"));
    match code {
        "28P01" | "28000" => advice("wrong user or password"),
        "3D000" => advice("the database is not there"),
        "42501" => advice("the user lacks a right; it needs the schema and its tables"),
        "42P01" | "3F000" => advice("the tables are gone; somebody dropped them"),
        "53100" => StoreError::Full { store: STORE, source: format!("{location}: {said}").into() },
        "XX001" | "XX002" => {
            StoreError::Corrupt { store: STORE, location: location.to_owned(), source: said.into() }
        }
        // Locks, cancelled statements, deadlocks, a server that only reads because it is not the first any more.
        "55P03" | "57014" | "25P03" | "25P04" | "40001" | "40P01" | "25006" => unavailable(location, said),
        _ => match code.get(..2) {
            Some("08" | "57" | "53") => unavailable(location, said),
            _ => failed(location, &format!("{said} ({code})")),
        },
    }
}

/// Passes: try again.
pub(super) fn unavailable(location: &str, what: &str) -> StoreError {
    StoreError::Unavailable { store: STORE, source: format!("{location}: {what}").into() }
}

fn failed(location: &str, what: &str) -> StoreError {
    StoreError::Failed { store: STORE, source: format!("{location}: {what}").into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        for code in ["40001", "40P01", "55P03", "57014", "57P01", "57P03", "53300", "08006", "53100", "25006"]
        {
            assert!(from_code("db", code, "said").is_transient(), "{code}");
        }
        for code in ["28P01", "3D000", "42501", "42P01", "XX001", "22021"] {
            assert!(!from_code("db", code, "said").is_transient(), "{code}");
        }
    }
}
