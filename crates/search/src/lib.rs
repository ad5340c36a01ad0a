//! Search by meaning: a text becomes a vector, its neighbours become product documents.
//!
//! Documents come through the cache under the catalog's published version, the same keys that warming fills.

use backstock_cache::{Cache, Key, Kind, LoadError, Value};
use backstock_catalog::{Catalog, CatalogError, ProductDoc};
use backstock_cpu::{CpuPool, Panicked};
use backstock_embedding::{Embed, EmbedError};
use backstock_vectors::{Filter, VectorError, VectorStore};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;

/// Longest text searched for, in bytes.
pub const MAX_TEXT_BYTES: usize = 4096;

/// What to look for.
#[derive(Clone, Debug)]
pub struct Query {
    /// In words; at most [`MAX_TEXT_BYTES`].
    pub text: String,
    /// Most results.
    pub limit: usize,
    /// Which products are looked at.
    pub filter: Filter,
}

/// A product found.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// Cosine similarity, −1 to 1.
    pub score: f32,
    /// The product as it is published.
    pub product: ProductDoc,
}

/// Why a search failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The text is empty or too long.
    #[error("the search text must have 1 to {MAX_TEXT_BYTES} bytes")]
    Text,
    /// The model made no vector of the text.
    #[error(transparent)]
    Model(#[from] LoadError<ModelError>),
    /// The vectors cannot be searched.
    #[error(transparent)]
    Vectors(#[from] VectorError),
    /// The products cannot be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// Why the model made no vector.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It failed.
    #[error(transparent)]
    Failed(#[from] EmbedError),
    /// It panicked.
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

/// Answers searches. Cheap to clone.
#[derive(Clone)]
pub struct Searcher {
    /// Products.
    pub catalog: Arc<Catalog>,
    /// Makes the vector of the text.
    pub embedder: Arc<dyn Embed>,
    /// Finds its neighbours.
    pub vectors: Arc<dyn VectorStore>,
    /// Keeps documents.
    pub cache: Arc<Cache>,
    /// Runs the model.
    pub cpu: CpuPool,
}

impl Searcher {
    /// The products nearest in meaning, best first. A product that is no longer shown is left out even before its
    /// vector is gone.
    pub async fn search(&self, query: &Query) -> Result<Vec<Found>, SearchError> {
        let text = query.text.trim().to_owned();
        if text.is_empty() || text.len() > MAX_TEXT_BYTES {
            return Err(SearchError::Text);
        }
        let Some(vector) = self.vector(text).await? else { return Ok(Vec::new()) };
        let model = self.embedder.model().to_string();
        let hits = self.vectors.search(&model, &vector, query.limit, &query.filter).await?;
        let version = self.catalog.published_version().await?;
        let skus: Vec<String> = hits.iter().map(|hit| hit.key.clone()).collect();
        let mut products = self.documents(version, &skus).await?;
        let found = |hit: backstock_vectors::Hit| {
            Some(Found { score: hit.score, product: products.remove(&hit.key)? })
        };
        Ok(hits.into_iter().filter_map(found).collect())
    }

    /// The vector of a text, from the cache if it was asked for before; made once, however many ask.
    async fn vector(&self, text: String) -> Result<Option<Vec<f32>>, SearchError> {
        let key = Key::new(Kind::QueryVector, LAYOUT, format!("{}\n{text}", self.embedder.model()));
        let (embedder, cpu) = (Arc::clone(&self.embedder), self.cpu.clone());
        let load = move || async move {
            let vectors = cpu.run(move || embedder.embed(&[text.as_str()])).await??;
            Ok::<_, ModelError>(vectors.first().map(|vector| Value::from(to_bytes(vector))))
        };
        // Of a text nobody asked for a day long nobody need wait for the model: the same model makes the same vector.
        let bytes = self.cache.get_or_renew(&key, load).await?;
        Ok(bytes.map(|bytes| from_bytes(&bytes)))
    }

    /// Documents by SKU, from the cache where they are there; the others are read and stored together.
    async fn documents(
        &self,
        version: i64,
        skus: &[String],
    ) -> Result<HashMap<String, ProductDoc>, CatalogError> {
        let keys: Vec<Key> =
            skus.iter().map(|sku| Key::new(Kind::Product, version.unsigned_abs(), sku.as_str())).collect();
        let mut documents = HashMap::with_capacity(skus.len());
        let mut missing = Vec::new();
        for (sku, bytes) in skus.iter().zip(self.cache.get_many(&keys).await) {
            match bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
                Some(doc) => drop(documents.insert(sku.clone(), doc)),
                None => missing.push(sku.clone()),
            }
        }
        if missing.is_empty() {
            return Ok(documents);
        }
        let read: Vec<ProductDoc> = self.catalog.product_docs(&missing).await?;
        let entry = |doc: &ProductDoc| {
            let key = Key::new(Kind::Product, version.unsigned_abs(), doc.product.sku.as_str());
            Some((key, Value::from(serde_json::to_vec(doc).ok()?)))
        };
        self.cache.put_many(read.iter().filter_map(entry).collect()).await;
        documents.extend(read.into_iter().map(|doc| (doc.product.sku.clone(), doc)));
        Ok(documents)
    }
}

/// How vectors lie in the cache: raised when that changes.
const LAYOUT: u64 = 1;

fn to_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect()
}
