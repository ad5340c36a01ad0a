//! Why an operation inside a store failed. What the caller can do about it, each database says ([`super::Engine::classify`]).

use crate::StoreError;

/// Why an operation inside the store failed, before it is classified.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
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
