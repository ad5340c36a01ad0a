//! The copy in memory and how it catches up with the file.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use futures::TryStreamExt;
use sqlx::{Connection, SqliteConnection};

use super::SqliteVectors;
use super::row::{category_from_text, from_blob};
use crate::matrix::Matrix;
use crate::{Payload, VectorError};

const STATE: &str = "SELECT last_seq, pruned_seq FROM change";
const MODELS: &str = "SELECT id, name, dimensions FROM model";
const GONE: &str = "SELECT model_id, key FROM gone WHERE seq > ?1 ORDER BY seq";
const CHANGED: &str = "SELECT model_id, key, category, price_minor, currency, vector FROM point \
    WHERE seq > ?1 ORDER BY seq";

/// What all clones of a store share. `catching_up` lets one of them read the file at a time, so that
/// none applies an older state over a newer one; searches hold only `index`.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) catching_up: tokio::sync::Mutex<()>,
    pub(super) index: RwLock<Index>,
}

/// All models in memory, as of change `last_seq`.
#[derive(Debug, Default)]
pub(super) struct Index {
    last_seq: i64,
    names: HashMap<String, i64>,
    matrices: HashMap<i64, Matrix>,
}

struct Changed {
    model_id: i64,
    key: String,
    category: String,
    price_minor: Option<i64>,
    currency: Option<String>,
    vector: Vec<u8>,
}

type ChangedRow = (i64, String, String, Option<i64>, Option<String>, Vec<u8>);

impl From<ChangedRow> for Changed {
    fn from((model_id, key, category, price_minor, currency, vector): ChangedRow) -> Self {
        Self { model_id, key, category, price_minor, currency, vector }
    }
}

impl Index {
    pub(super) fn matrix(&self, model: &str) -> Option<&Matrix> {
        self.matrices.get(self.names.get(model)?)
    }

    fn name_models(&mut self, models: Vec<(i64, String, i64)>) {
        self.names.clear();
        for (id, name, dimensions) in models {
            self.names.insert(name, id);
            self.matrices.entry(id).or_insert_with(|| Matrix::new(dimensions as usize));
        }
    }

    fn put(&mut self, row: Changed) -> Result<(), String> {
        let matrix = self.matrices.get_mut(&row.model_id).ok_or("a point without a model")?;
        if row.vector.len() != matrix.dimensions() * 4 {
            return Err(format!("the vector of {} has {} bytes", row.key, row.vector.len()));
        }
        let category = category_from_text(&row.category)
            .ok_or_else(|| format!("the category of {} is not a list", row.key))?;
        let payload = Payload { category, price_minor: row.price_minor, currency: row.currency };
        matrix.put(&row.key, from_blob(&row.vector), payload);
        Ok(())
    }
}

impl SqliteVectors {
    /// Brings the copy in memory to what the file holds now. Cheap when nothing changed: one small read.
    pub(super) async fn catch_up(&self) -> Result<(), VectorError> {
        let _one = self.shared.catching_up.lock().await;
        let seen = self.shared.index.read().unwrap_or_else(PoisonError::into_inner).last_seq;
        let mut conn = self.database.readers().acquire().await.map_err(|e| self.failed(&e))?;
        // One transaction: all reads below see the same state of the file.
        let mut tx = conn.begin().await.map_err(|e| self.failed(&e))?;
        let (last_seq, pruned_seq): (i64, i64) =
            sqlx::query_as(STATE).fetch_one(&mut *tx).await.map_err(|e| self.failed(&e))?;
        if last_seq == seen {
            return Ok(());
        }
        let models = sqlx::query_as(MODELS).fetch_all(&mut *tx).await.map_err(|e| self.failed(&e))?;
        // A smaller number than before: the file was replaced (restored from a copy).
        if seen == 0 || seen < pruned_seq || last_seq < seen {
            let mut fresh = Index { last_seq, ..Index::default() };
            fresh.name_models(models);
            self.load_all(&mut tx, &mut fresh).await?;
            *self.shared.index.write().unwrap_or_else(PoisonError::into_inner) = fresh;
            return Ok(());
        }
        let gone: Vec<(i64, String)> =
            sqlx::query_as(GONE).bind(seen).fetch_all(&mut *tx).await.map_err(|e| self.failed(&e))?;
        let changed: Vec<ChangedRow> =
            sqlx::query_as(CHANGED).bind(seen).fetch_all(&mut *tx).await.map_err(|e| self.failed(&e))?;
        let mut index = self.shared.index.write().unwrap_or_else(PoisonError::into_inner);
        index.name_models(models);
        for (model_id, key) in gone {
            if let Some(matrix) = index.matrices.get_mut(&model_id) {
                matrix.remove(&key);
            }
        }
        // After the deletions: a point deleted and written again is in both lists.
        for row in changed {
            index.put(row.into()).map_err(|reason| self.damaged(reason))?;
        }
        index.last_seq = last_seq;
        Ok(())
    }

    async fn load_all(&self, conn: &mut SqliteConnection, index: &mut Index) -> Result<(), VectorError> {
        let mut rows = sqlx::query_as::<_, ChangedRow>(CHANGED).bind(0i64).fetch(conn);
        while let Some(row) = rows.try_next().await.map_err(|e| self.failed(&e))? {
            index.put(row.into()).map_err(|reason| self.damaged(reason))?;
        }
        Ok(())
    }

    fn damaged(&self, reason: String) -> VectorError {
        VectorError::Corrupt { path: self.path().to_path_buf(), reason }
    }
}
