//! Search by meaning: a text becomes a vector, its neighbours become product documents.
//!
//! Documents come through the cache under the catalog's published version, the same keys that warming fills.

use backstock_cache::{Cache, Key, Kind};
use backstock_catalog::{Catalog, CatalogError, ProductDoc};
use backstock_cpu::{CpuPool, Panicked};
use backstock_embedding::{Embed, EmbedError};
use backstock_vectors::{Filter, VectorError, VectorStore};
use serde::Serialize;
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
    /// The model failed.
    #[error(transparent)]
    Model(#[from] EmbedError),
    /// The model panicked.
    #[error(transparent)]
    Panicked(#[from] Panicked),
    /// The vectors cannot be searched.
    #[error(transparent)]
    Vectors(#[from] VectorError),
    /// The products cannot be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
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
        let embedder = Arc::clone(&self.embedder);
        let vectors = self.cpu.run(move || embedder.embed(&[text.as_str()])).await??;
        let Some(vector) = vectors.first() else { return Ok(Vec::new()) };
        let model = self.embedder.model().to_string();
        let hits = self.vectors.search(&model, vector, query.limit, &query.filter).await?;
        let version = self.catalog.published_version().await?;
        let mut found = Vec::with_capacity(hits.len());
        for hit in hits {
            if let Some(product) = self.document(version, &hit.key).await? {
                found.push(Found { score: hit.score, product });
            }
        }
        Ok(found)
    }

    /// One document, from the cache if it is there.
    async fn document(&self, version: i64, sku: &str) -> Result<Option<ProductDoc>, CatalogError> {
        let key = Key::new(Kind::Product, version.unsigned_abs(), sku);
        if let Some(doc) = self.cache.get(&key).await.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            return Ok(Some(doc));
        }
        let doc = self.catalog.product_docs(&[sku.to_owned()]).await?.pop();
        if let Some(bytes) = doc.as_ref().and_then(|doc| serde_json::to_vec(doc).ok()) {
            self.cache.put(&key, bytes.into()).await;
        }
        Ok(doc)
    }
}
