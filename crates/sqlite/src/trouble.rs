//! What went wrong, by what the caller can do about it.

use sqlx::migrate::MigrateError;

/// The meaning of an error of SQLite or its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Another process holds the write lock for longer than the busy time-out. Passes.
    Locked,
    /// No space left on the device. Passes once there is.
    DiskFull,
    /// The file or its folder cannot be written. Does not pass.
    ReadOnly,
    /// The device failed to read or write; what the system said. May pass.
    Io(String),
    /// Not such a database, or a damaged one; what was said. Does not pass.
    Corrupt(String),
    /// The file cannot be opened; what was said. Does not pass.
    Open(String),
    /// Written by a later release, whose migration this one does not know. Does not pass.
    NewerVersion(i64),
    /// Anything else: a defect of this program. Does not pass.
    Unexpected(String),
}

impl Trouble {
    /// The meaning of an error of a statement or connection.
    pub fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut => Self::Locked,
            sqlx::Error::Io(error) => Self::Io(error.to_string()),
            sqlx::Error::Database(error) => {
                let code = error.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or(1);
                Self::of_code(code, error.message())
            }
            other => Self::Unexpected(other.to_string()),
        }
    }

    /// The meaning of an error of a migration.
    pub fn of_migration(error: &MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Self::of(error),
            MigrateError::VersionMissing(migration) | MigrateError::VersionTooNew(migration, _) => {
                Self::NewerVersion(*migration)
            }
            other => Self::Corrupt(other.to_string()),
        }
    }

    /// The low byte is the primary result code, <https://sqlite.org/rescode.html>.
    fn of_code(code: i32, message: &str) -> Self {
        let message = message.to_owned();
        match code & 0xff {
            5 | 6 => Self::Locked,
            8 => Self::ReadOnly,
            10 => Self::Io(message),
            11 | 26 => Self::Corrupt(message),
            13 => Self::DiskFull,
            14 => Self::Open(message),
            _ => Self::Unexpected(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_codes_mean_what_their_primary_code_means() {
        // SQLITE_BUSY_SNAPSHOT, SQLITE_READONLY_DIRECTORY, SQLITE_IOERR_FSYNC, SQLITE_CORRUPT_INDEX, SQLITE_CANTOPEN_ISDIR
        let found = [517, 1544, 1034, 779, 526, 13, 19].map(|code| Trouble::of_code(code, "x"));
        let said = || String::from("x");
        let expected = [
            Trouble::Locked,
            Trouble::ReadOnly,
            Trouble::Io(said()),
            Trouble::Corrupt(said()),
            Trouble::Open(said()),
            Trouble::DiskFull,
            Trouble::Unexpected(said()),
        ];
        assert_eq!(found, expected);
        assert_eq!(Trouble::of_migration(&MigrateError::VersionMissing(7)), Trouble::NewerVersion(7));
        assert_eq!(Trouble::of(&sqlx::Error::PoolTimedOut), Trouble::Locked);
    }
}
