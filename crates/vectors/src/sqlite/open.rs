//! Opening `vectors.db`: connections and migrations.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use backstock_sqlite::{Database, Migrations};

use super::SqliteVectors;
use super::index::Shared;
use crate::VectorError;

const MIGRATIONS: Migrations =
    &[(1, "vectors", include_str!("../../../../migrations/sqlite/vectors/0001_vectors.sql"))];

/// When a commit is on the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// Survives a crash of the process; the last commits may be lost when the machine loses power.
    #[default]
    Normal,
    /// Survives a loss of power, too; each commit waits for the disk.
    Full,
}

/// How the file is opened.
#[derive(Debug, Clone)]
pub struct SqliteVectorsOptions {
    /// The file; made when missing, its folder must exist.
    pub path: PathBuf,
    /// How long a write waits for another process's. Default 10 s.
    pub busy_timeout: Duration,
    /// Default [`Durability::Normal`].
    pub durability: Durability,
}

impl SqliteVectorsOptions {
    /// Defaults for a file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), busy_timeout: Duration::from_secs(10), durability: Durability::default() }
    }
}

impl SqliteVectors {
    /// Opens the file, makes it when missing, brings its tables up to date. Loads no vectors.
    ///
    /// # Errors
    /// [`VectorError::NewerVersion`] for a file of a later release, [`VectorError::Corrupt`] for a damaged
    /// or foreign one, [`VectorError::Open`], [`VectorError::ReadOnly`], [`VectorError::DiskFull`] and
    /// [`VectorError::Locked`] as named.
    pub async fn open(options: SqliteVectorsOptions) -> Result<Self, VectorError> {
        let path = options.path;
        let how = backstock_sqlite::Options {
            busy_timeout: options.busy_timeout,
            power_safe: options.durability == Durability::Full,
            ..backstock_sqlite::Options::default()
        };
        let database = Database::open(&path, MIGRATIONS, how)
            .await
            .map_err(|trouble| VectorError::of(&path, trouble))?;
        Ok(Self { database, shared: Arc::new(Shared::default()) })
    }
}
