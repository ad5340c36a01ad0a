//! What can go wrong in the catalog's storage, named by meaning.

/// Why the catalog could not do what was asked. The text says what, where and what to do, in one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The file or database cannot be opened or created.
    #[error("cannot open the catalog {at}: {reason}; check that the folder exists and is writable")]
    Open {
        /// Which catalog: a file, or a server without its password.
        at: String,
        /// What the system said.
        reason: String,
    },
    /// The file was written by a later release.
    #[error(
        "the catalog {at} was written by a newer version of backstock (migration {migration}); use that version or another catalog"
    )]
    NewerVersion {
        /// Which catalog: a file, or a server without its password.
        at: String,
        /// First migration that this binary does not know.
        migration: i64,
    },
    /// Another process holds the write lock for too long.
    #[error("the catalog {at} is locked by another process; try again, or stop the other writer")]
    Locked {
        /// Which catalog: a file, or a server without its password.
        at: String,
    },
    /// The address of the catalog cannot be understood.
    #[error(
        "`catalog.url` cannot be used: {reason}; write \"sqlite\", \"sqlite:PATH\" or postgres://USER:PASSWORD@HOST:PORT/DATABASE"
    )]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// The server does not answer.
    #[error(
        "the catalog {at} cannot be reached: {reason}; check that PostgreSQL runs there and is reachable, then try again"
    )]
    Away {
        /// Which catalog: a file, or a server without its password.
        at: String,
        /// What the system or the server said.
        reason: String,
    },
    /// The server refuses the login.
    #[error("the catalog {at} refuses the login ({reason}); check user and password in `catalog.url`")]
    Login {
        /// Which catalog: a file, or a server without its password.
        at: String,
        /// What the server said.
        reason: String,
    },
    /// The server has no such database.
    #[error(
        "the catalog {at} does not exist ({reason}); create the database, or name another in `catalog.url`"
    )]
    Missing {
        /// Which catalog: a file, or a server without its password.
        at: String,
        /// What the server said.
        reason: String,
    },
    /// The server is too old.
    #[error("the catalog {at} runs on PostgreSQL {found}; version {needed} or newer is needed")]
    TooOld {
        /// Which catalog: a file, or a server without its password.
        at: String,
        /// As the server calls itself.
        found: String,
        /// First version that will do.
        needed: u32,
    },
    /// The database user may not do what is needed.
    #[error(
        "the database user of the catalog {at} lacks a right ({reason}); grant it, or let the owner of the schema run this once"
    )]
    Rights {
        /// Which catalog: a file, or a server without its password.
        at: String,
        /// What the server said.
        reason: String,
    },
    /// A statement or the wait for a connection took longer than the limit.
    #[error("the catalog {at} took too long ({reason}); try again, or raise the limits under [catalog]")]
    Slow {
        /// Which catalog: a file, or a server without its password.
        at: String,
        /// Which limit.
        reason: String,
    },
    /// Another writer changed the same rows at the same time.
    #[error("another writer changed the same rows of the catalog {at} ({reason}); try again")]
    Conflict {
        /// Which catalog: a file, or a server without its password.
        at: String,
        /// What the server said.
        reason: String,
    },
    /// No space is left on the disk.
    #[error("no space left on the disk of the catalog {at}; free some and run again, nothing is lost")]
    DiskFull {
        /// Which catalog: a file, or a server without its password.
        at: String,
    },
    /// The file or its folder may not be written.
    #[error("the catalog {at} is read-only; make the file and its folder writable")]
    ReadOnly {
        /// Which catalog: a file, or a server without its password.
        at: String,
    },
    /// The file is damaged or is no catalog.
    #[error(
        "the catalog {at} is damaged or not a catalog ({reason}); restore a backup or use another data folder"
    )]
    Corrupt {
        /// Which catalog: a file, or a server without its password.
        at: String,
        /// What the check found.
        reason: String,
    },
    /// Reading or writing failed below the database.
    #[error("input/output error on the catalog {at}: {reason}; check the disk and run again")]
    Io {
        /// Which catalog: a file, or a server without its password.
        at: String,
        /// What the system said.
        reason: String,
    },
    /// A statement failed for a reason that should not occur.
    #[error("unexpected database error in the catalog {at}: {reason}; please report it")]
    Unexpected {
        /// Which catalog: a file, or a server without its password.
        at: String,
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
    /// A view could not be refreshed; others can.
    #[error("the view {view} was not refreshed: {source}")]
    View {
        /// Which view.
        view: String,
        /// Why.
        source: Box<CatalogError>,
    },
    /// The query of a view fails on the data that there is.
    #[error("its query fails in the catalog {at}: {reason}; mend its definition or the data that it reads")]
    Query {
        /// Which catalog: a file, or a server without its password.
        at: String,
        /// What the database said.
        reason: String,
    },
    /// Requests cannot be counted from a table.
    #[error(
        "requests cannot be counted from the table {table}: {reason}; check [popularity] in the configuration and the rights of the database user"
    )]
    Requests {
        /// As configured.
        table: String,
        /// What the server said.
        reason: String,
    },
    /// No view has this name.
    #[error("no view named {name}; known: {known}")]
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
        if let Self::View { source, .. } = self {
            return source.is_transient();
        }
        matches!(
            self,
            Self::Locked { .. }
                | Self::DiskFull { .. }
                | Self::Io { .. }
                | Self::Away { .. }
                | Self::Slow { .. }
                | Self::Conflict { .. }
        )
    }

    /// Stable name for reports and metrics, `snake_case`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "catalog_open",
            Self::Address { .. } => "catalog_address",
            Self::Away { .. } => "catalog_away",
            Self::Login { .. } => "catalog_login",
            Self::Missing { .. } => "catalog_missing",
            Self::TooOld { .. } => "catalog_too_old",
            Self::Rights { .. } => "catalog_rights",
            Self::Slow { .. } => "catalog_slow",
            Self::Conflict { .. } => "catalog_conflict",
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
            Self::View { .. } => "view_failed",
            Self::Query { .. } => "view_query",
            Self::Requests { .. } => "requests_table",
            Self::UnknownView { .. } => "unknown_view",
        }
    }
}
