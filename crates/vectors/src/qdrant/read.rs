//! Reads: hashes, counts, nearest neighbours.

use std::collections::HashMap;

use qdrant_client::qdrant::{CountPoints, GetPoints, Query, QueryPoints};

use super::{QdrantVectors, fault, names, wire};
use crate::validate::{same_dimensions, validate_vector};
use crate::{Filter, Hit, VectorError};

/// Keys asked for together.
const STEP: usize = 256;

impl QdrantVectors {
    pub(super) async fn read_hashes(
        &self,
        model: &str,
        keys: &[String],
    ) -> Result<HashMap<String, Vec<u8>>, VectorError> {
        let mut hashes = HashMap::with_capacity(keys.len());
        for chunk in keys.chunks(STEP) {
            let request = GetPoints {
                collection_name: self.collection(model),
                ids: chunk.iter().map(|key| names::point(key)).collect(),
                with_payload: Some(wire::only_fields([wire::KEY, wire::HASH])),
                with_vectors: Some(false.into()),
                ..GetPoints::default()
            };
            match self.ask(&request, |client, request| async move { client.get_points(request).await }).await
            {
                Ok(found) => hashes.extend(
                    found
                        .result
                        .iter()
                        .filter_map(|point| Some((wire::key(&point.payload)?, wire::hash(&point.payload)?))),
                ),
                Err(error) if fault::is_missing(&error) => return Ok(HashMap::new()),
                Err(error) => return Err(error),
            }
        }
        Ok(hashes)
    }

    pub(super) async fn count_points(&self, model: &str) -> Result<u64, VectorError> {
        self.count_in(&self.collection(model)).await
    }

    pub(super) async fn count_in(&self, collection: &str) -> Result<u64, VectorError> {
        let request = CountPoints {
            collection_name: collection.to_owned(),
            exact: Some(true),
            ..CountPoints::default()
        };
        match self.ask(&request, |client, request| async move { client.count(request).await }).await {
            Ok(answer) => Ok(answer.result.map_or(0, |result| result.count)),
            Err(error) if fault::is_missing(&error) => Ok(0),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn nearest(
        &self,
        model: &str,
        vector: &[f32],
        k: usize,
        filter: &Filter,
    ) -> Result<Vec<Hit>, VectorError> {
        validate_vector("the query", vector)?;
        let Some(dimensions) = self.dimensions(model).await? else { return Ok(Vec::new()) };
        same_dimensions(model, "the query", dimensions, vector.len())?;
        if k == 0 {
            return Ok(Vec::new());
        }
        let request = QueryPoints {
            collection_name: self.collection(model),
            query: Some(Query::new_nearest(vector.to_vec())),
            filter: wire::filter(filter),
            limit: Some(k as u64),
            with_payload: Some(wire::only_fields([wire::KEY])),
            ..QueryPoints::default()
        };
        let found =
            match self.ask(&request, |client, request| async move { client.query(request).await }).await {
                Ok(found) => found.result,
                Err(error) if fault::is_missing(&error) => {
                    self.forget_collection(model);
                    return Ok(Vec::new());
                }
                Err(error) => return Err(error),
            };
        let hit = |point: qdrant_client::qdrant::ScoredPoint| {
            Some(Hit { key: wire::key(&point.payload)?, score: point.score.clamp(-1.0, 1.0) })
        };
        let mut hits: Vec<Hit> = found.into_iter().filter_map(hit).collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.key.cmp(&b.key)));
        Ok(hits)
    }
}
