//! Where the suite gets its catalogs from.

use backstock_testbed::SharedPostgres;
use tempfile::TempDir;

use crate::store::{Catalog, PostgresOptions};

/// Makes empty catalogs of one kind.
pub(crate) enum Bed {
    /// Each in a file of its own.
    Sqlite,
    /// Each in a database of its own on the server of the run.
    Postgres(SharedPostgres),
}

/// Catalogs in SQLite files.
#[expect(clippy::unused_async, reason = "same shape as a bed that starts a server")]
pub(crate) async fn sqlite() -> Bed {
    Bed::Sqlite
}

/// Catalogs on the PostgreSQL server that the tests share.
pub(crate) async fn postgres() -> Bed {
    let server = tokio::task::spawn_blocking(SharedPostgres::get).await.unwrap();
    Bed::Postgres(server.unwrap_or_else(|error| panic!("{error}")))
}

impl Bed {
    /// An empty catalog.
    pub(crate) async fn shop(&self) -> Shop {
        let dir = tempfile::tempdir().unwrap();
        let catalog = match self {
            Self::Sqlite => Catalog::open(&dir.path().join("catalog.db")).await.unwrap(),
            Self::Postgres(server) => {
                let server = *server;
                let url = tokio::task::spawn_blocking(move || server.new_database()).await.unwrap().unwrap();
                Catalog::connect(&PostgresOptions::new(url)).await.unwrap()
            }
        };
        Shop { catalog, dir }
    }
}

/// A catalog of its own, and a folder.
pub(crate) struct Shop {
    pub(crate) catalog: Catalog,
    pub(crate) dir: TempDir,
}

impl Shop {
    /// The same catalog after a restart.
    pub(crate) async fn reopened(self) -> Self {
        self.catalog.close().await;
        let catalog = self.catalog.again().await.unwrap();
        Self { catalog, dir: self.dir }
    }
}
