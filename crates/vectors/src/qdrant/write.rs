//! Writes: compare first, send only what changed, wait for the last request.

use std::collections::{HashMap, HashSet};

use qdrant_client::qdrant::points_update_operation::{Operation, PointStructList};
use qdrant_client::qdrant::{DeletePoints, GetPoints, PointsUpdateOperation, UpdateBatchPoints};

use super::{QdrantVectors, fault, names, wire};
use crate::validate::{same_dimensions, validate};
use crate::{PayloadChange, Point, VectorError, Written};

/// Bytes of vectors in one request, about; the server takes 64 MB.
const REQUEST_BYTES: usize = 1 << 20;
const FEWEST: usize = 64;
const MOST: usize = 256;

impl QdrantVectors {
    pub(super) async fn upsert_points(
        &self,
        model: &str,
        points: Vec<Point>,
    ) -> Result<Written, VectorError> {
        let given = points.len() as u64;
        let Some(first) = points.first().map(|point| point.vector.len()) else {
            return Ok(Written::default());
        };
        let stored = self.dimensions(model).await?;
        for point in &points {
            validate(point)?;
            same_dimensions(model, &point.key, stored.unwrap_or(first), point.vector.len())?;
        }
        if stored.is_none() {
            self.make_collection(model, first).await?;
        }
        // Of a key given twice the last one counts.
        let mut last = HashMap::with_capacity(points.len());
        for point in points {
            last.insert(point.key.clone(), point);
        }
        let mut points: Vec<Point> = last.into_values().collect();
        points.sort_by(|a, b| a.key.cmp(&b.key));
        let (name, mut written, mut waiting) = (self.collection(model), 0, Vec::new());
        for chunk in points.chunks(self.chunk(first)) {
            let operations = self.compare(&name, chunk, &mut written).await?;
            if !operations.is_empty() {
                let before = std::mem::replace(&mut waiting, operations);
                self.update(model, &name, before, false).await?;
            }
        }
        self.update(model, &name, waiting, true).await?;
        Ok(Written { written, unchanged: given - written })
    }

    fn chunk(&self, dimensions: usize) -> usize {
        let fitting = REQUEST_BYTES / (dimensions * size_of::<f32>()).max(1);
        self.options.chunk.min(fitting).clamp(FEWEST, MOST)
    }

    /// What has to be done to make the server hold these points; counts them.
    async fn compare(
        &self,
        collection: &str,
        chunk: &[Point],
        written: &mut u64,
    ) -> Result<Vec<PointsUpdateOperation>, VectorError> {
        let stored = self.stored(collection, chunk.iter().map(|point| point.key.as_str())).await?;
        let (mut whole, mut operations) = (Vec::new(), Vec::new());
        for point in chunk {
            match stored.get(&point.key) {
                Some(there) if there.content_hash != point.content_hash => {
                    whole.push(wire::point(point.clone()));
                }
                Some(there) if there.payload == point.payload => {}
                Some(_) => operations.push(wire::set_payload(&point.key, &point.payload)),
                None => whole.push(wire::point(point.clone())),
            }
        }
        *written += (whole.len() + operations.len()) as u64;
        if !whole.is_empty() {
            let upsert = Operation::Upsert(PointStructList { points: whole, ..PointStructList::default() });
            operations.push(PointsUpdateOperation { operation: Some(upsert) });
        }
        Ok(operations)
    }

    /// Sends operations, in order. Without `wait` the answer comes once they are logged; the server applies them before
    /// any that it is sent later, so that waiting for the last is waiting for all.
    async fn update(
        &self,
        model: &str,
        collection: &str,
        operations: Vec<PointsUpdateOperation>,
        wait: bool,
    ) -> Result<(), VectorError> {
        if operations.is_empty() {
            return Ok(());
        }
        let request = UpdateBatchPoints {
            collection_name: collection.to_owned(),
            wait: Some(wait),
            operations,
            ..UpdateBatchPoints::default()
        };
        let sent = self
            .ask(&request, |client, request| async move { client.update_points_batch(request).await })
            .await;
        if sent.as_ref().is_err_and(fault::is_missing) {
            // Somebody deleted the model: made again with the next points.
            self.forget_collection(model);
        }
        sent.map(|_| ())
    }

    /// What is stored of these keys, without vectors; nothing where there is no such collection.
    pub(super) async fn stored<'a>(
        &self,
        collection: &str,
        keys: impl Iterator<Item = &'a str>,
    ) -> Result<HashMap<String, wire::Stored>, VectorError> {
        let request = GetPoints {
            collection_name: collection.to_owned(),
            ids: keys.map(names::point).collect(),
            with_payload: Some(true.into()),
            with_vectors: Some(false.into()),
            ..GetPoints::default()
        };
        let found =
            match self.ask(&request, |client, request| async move { client.get_points(request).await }).await
            {
                Ok(found) => found.result,
                Err(error) if fault::is_missing(&error) => return Ok(HashMap::new()),
                Err(error) => return Err(error),
            };
        let stored = found.iter().filter_map(|point| wire::stored(&point.payload));
        Ok(stored.map(|stored| (stored.key.clone(), stored)).collect())
    }

    pub(super) async fn change_payloads(&self, changes: Vec<PayloadChange>) -> Result<Written, VectorError> {
        let mut last = HashMap::with_capacity(changes.len());
        let given = changes.len() as u64;
        for change in changes {
            last.insert(change.key, change.payload);
        }
        let changes: Vec<_> = last.into_iter().collect();
        let mut done = HashSet::new();
        for collection in self.ours().await? {
            for chunk in changes.chunks(MOST) {
                let stored = self.stored(&collection, chunk.iter().map(|(key, _)| key.as_str())).await?;
                let differs = |(key, payload): &&(String, _)| {
                    stored.get(key).is_some_and(|there| there.payload != *payload)
                };
                let differing: Vec<_> = chunk.iter().filter(differs).collect();
                let operations =
                    differing.iter().map(|(key, payload)| wire::set_payload(key, payload)).collect();
                self.update("", &collection, operations, true).await?;
                done.extend(differing.into_iter().map(|(key, _)| key.clone()));
            }
        }
        let written = done.len() as u64;
        Ok(Written { written, unchanged: given - written })
    }

    pub(super) async fn delete_keys(&self, keys: &[String]) -> Result<Written, VectorError> {
        let mut gone = HashSet::new();
        for collection in self.ours().await? {
            for chunk in keys.chunks(MOST) {
                let stored = self.stored(&collection, chunk.iter().map(String::as_str)).await?;
                if stored.is_empty() {
                    continue;
                }
                let request = DeletePoints {
                    collection_name: collection.clone(),
                    wait: Some(true),
                    points: Some(wire::only(stored.keys().map(|key| names::point(key)))),
                    ..DeletePoints::default()
                };
                self.ask(&request, |client, request| async move { client.delete_points(request).await })
                    .await?;
                gone.extend(stored.into_keys());
            }
        }
        let written = gone.len() as u64;
        Ok(Written { written, unchanged: keys.len() as u64 - written })
    }
}
