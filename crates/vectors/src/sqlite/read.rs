//! Reads: hashes, counts, nearest neighbours.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use super::SqliteVectors;
use super::row::keys_json;
use crate::matrix::normalise;
use crate::validate::{same_dimensions, validate_vector};
use crate::{Filter, Hit, VectorError};

// `CROSS JOIN` fixes the order, see the writes.
pub(super) const HASHES: &str = "SELECT p.key, p.content_hash FROM model m CROSS JOIN json_each(?2) j \
    CROSS JOIN point p ON p.model_id = m.id AND p.key = j.value WHERE m.name = ?1";
const COUNT: &str = "SELECT count(*) FROM point WHERE model_id = (SELECT id FROM model WHERE name = ?1)";

impl SqliteVectors {
    pub(super) async fn read_hashes(
        &self,
        model: &str,
        keys: &[String],
    ) -> Result<HashMap<String, Vec<u8>>, VectorError> {
        let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(HASHES)
            .bind(model.to_owned())
            .bind(keys_json(keys.iter().map(String::as_str)))
            .fetch_all(self.database.readers())
            .await
            .map_err(|e| self.failed(&e))?;
        Ok(rows.into_iter().collect())
    }

    pub(super) async fn count_points(&self, model: &str) -> Result<u64, VectorError> {
        let count: i64 = sqlx::query_scalar(COUNT)
            .bind(model.to_owned())
            .fetch_one(self.database.readers())
            .await
            .map_err(|e| self.failed(&e))?;
        Ok(count as u64)
    }

    pub(super) async fn nearest(
        &self,
        model: &str,
        vector: &[f32],
        k: usize,
        filter: &Filter,
    ) -> Result<Vec<Hit>, VectorError> {
        validate_vector("the query", vector)?;
        self.catch_up().await?;
        let (shared, model, filter) = (Arc::clone(&self.shared), model.to_owned(), filter.clone());
        let mut query = vector.to_vec();
        normalise(&mut query);
        // A scan takes milliseconds of a processor: not on the threads that serve everybody.
        let scan = tokio::task::spawn_blocking(move || {
            let index = shared.index.read().unwrap_or_else(PoisonError::into_inner);
            let Some(matrix) = index.matrix(&model) else { return Ok(Vec::new()) };
            same_dimensions(&model, "the query", matrix.dimensions(), query.len())?;
            Ok(matrix.search(&query, k, &filter))
        });
        scan.await.unwrap_or_else(|e| {
            Err(VectorError::Unexpected {
                path: self.path().to_path_buf(),
                reason: format!("search stopped: {e}"),
            })
        })
    }
}
