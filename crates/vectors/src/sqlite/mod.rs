//! The embedded store: rows in SQLite, search in memory.

mod check;
#[cfg(test)]
mod crash_tests;
mod index;
mod open;
mod read;
mod row;
mod write;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use backstock_sqlite::{Database, Trouble};

pub use open::{Durability, SqliteVectorsOptions};

use crate::{Filter, Hit, Integrity, PayloadChange, Point, VectorError, VectorStore, Written};
use index::Shared;

/// Vectors in one SQLite file (WAL). Cheap to clone: clones share connections and memory.
///
/// Memory: 4 bytes × dimensions + about 200 bytes for each point, loaded at the first search and kept up
/// to date from then on. A process that only writes loads nothing.
#[derive(Debug, Clone)]
pub struct SqliteVectors {
    database: Database,
    shared: Arc<Shared>,
}

impl SqliteVectors {
    /// The database file.
    pub fn path(&self) -> &Path {
        self.database.path()
    }

    /// Waits for running calls and closes the file; later calls fail. Needed only to be sure that the
    /// write-ahead log is merged: dropping is safe.
    pub async fn close(&self) {
        self.database.close().await;
    }

    fn failed(&self, error: &sqlx::Error) -> VectorError {
        VectorError::of(self.path(), Trouble::of(error))
    }
}

#[async_trait::async_trait]
impl VectorStore for SqliteVectors {
    async fn upsert(&self, model: &str, points: Vec<Point>) -> Result<Written, VectorError> {
        self.upsert_points(model, points).await
    }

    async fn update_payloads(&self, changes: Vec<PayloadChange>) -> Result<Written, VectorError> {
        self.change_payloads(changes).await
    }

    async fn stored_hashes(
        &self,
        model: &str,
        keys: &[String],
    ) -> Result<HashMap<String, Vec<u8>>, VectorError> {
        self.read_hashes(model, keys).await
    }

    async fn delete(&self, keys: &[String]) -> Result<Written, VectorError> {
        self.delete_keys(keys).await
    }

    async fn delete_model(&self, model: &str) -> Result<u64, VectorError> {
        self.delete_model_points(model).await
    }

    async fn count(&self, model: &str) -> Result<u64, VectorError> {
        self.count_points(model).await
    }

    async fn search(
        &self,
        model: &str,
        vector: &[f32],
        k: usize,
        filter: &Filter,
    ) -> Result<Vec<Hit>, VectorError> {
        self.nearest(model, vector, k, filter).await
    }

    async fn check(&self) -> Result<Integrity, VectorError> {
        self.check_file().await
    }
}

#[cfg(test)]
mod tests;
