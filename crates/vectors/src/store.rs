//! The contract of a vector store.

use std::collections::HashMap;

use crate::{Filter, Hit, Integrity, PayloadChange, Point, VectorError, Written};

/// Storage and search of vectors. `model` is the name *and revision* of the model that made them:
/// vectors of different models are never compared.
///
/// Every write is atomic (all of it or none; on a server, each request that it takes) and may be run twice: the second run changes nothing.
/// A cancelled write has happened or has not; running it again is safe either way.
#[async_trait::async_trait]
pub trait VectorStore: Send + Sync {
    /// Inserts or replaces points. A point whose content hash and payload are already stored is not
    /// written; with an equal hash and another payload the vector need not be (it belongs to the hash). A key given
    /// twice: the last one counts. The first upsert of a model fixes its number of dimensions.
    async fn upsert(&self, model: &str, points: Vec<Point>) -> Result<Written, VectorError>;

    /// Replaces payloads without touching vectors, under every model. Unknown keys count as unchanged.
    async fn update_payloads(&self, changes: Vec<PayloadChange>) -> Result<Written, VectorError>;

    /// Content hashes of those keys that are stored: what needs no embedding.
    async fn stored_hashes(
        &self,
        model: &str,
        keys: &[String],
    ) -> Result<HashMap<String, Vec<u8>>, VectorError>;

    /// Deletes the keys under every model. Unknown keys count as unchanged.
    async fn delete(&self, keys: &[String]) -> Result<Written, VectorError>;

    /// Deletes everything stored under a model (after a change of model). Returns the points deleted.
    async fn delete_model(&self, model: &str) -> Result<u64, VectorError>;

    /// Points stored under a model; 0 for an unknown model.
    async fn count(&self, model: &str) -> Result<u64, VectorError>;

    /// The `k` points nearest to `vector`, best first, ties by key (on a server, which of many with the same score are among them is
    /// the server's choice). Sees every write that ended before
    /// the call, of any process. Empty for an unknown model or `k` of 0.
    async fn search(
        &self,
        model: &str,
        vector: &[f32],
        k: usize,
        filter: &Filter,
    ) -> Result<Vec<Hit>, VectorError>;

    /// Says that all that is to be found has its vector under this model. Servers take the chance to build what
    /// searches need, and let readers who know no model find it under one name. False: nothing had to be done.
    async fn publish(&self, model: &str) -> Result<bool, VectorError> {
        let _ = model;
        Ok(false)
    }

    /// Checks the storage: readable, consistent, vectors of the right size, finite and of length one.
    /// Reads everything; meant for an operator's command.
    async fn check(&self) -> Result<Integrity, VectorError>;
}
