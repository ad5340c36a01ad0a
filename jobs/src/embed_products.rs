//! `embed_products`: turns product texts into vectors.

use crate::{Tools, failure};
use backstock_catalog::{Catalog, Dirty, DirtyKind, ProductText};
use backstock_cpu::CpuPool;
use backstock_embedding::Embed;
use backstock_queue::{Batch, BatchLimits, Context, Handler, Job, JobError};
use backstock_vectors::{Payload, PayloadChange, Point, VectorStore};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::{sync::Arc, time::Duration};

/// Brings the vector of one product up to date: computed when its text or the model is new, removed when the product
/// is no longer shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbedProduct {
    /// Which product.
    pub sku: String,
}

impl Job for EmbedProduct {
    const KIND: &'static str = "embed_products";
    const QUEUE: &'static str = "embeddings";
    const TIMEOUT: Duration = Duration::from_mins(10);
    const BATCH: BatchLimits = BatchLimits::up_to(256, Duration::from_secs(2));
}

/// Counter of its group: vectors in place.
pub const EMBEDDINGS: &str = "embeddings";

/// Handler of [`EmbedProduct`]. Idempotent: a vector is stored under the hash of its text, and the dirty mark is
/// cleared only in the generation that was read before the work.
pub struct ProductEmbedder {
    catalog: Arc<Catalog>,
    embedder: Arc<dyn Embed>,
    vectors: Arc<dyn VectorStore>,
    cpu: CpuPool,
}

impl ProductEmbedder {
    pub(crate) fn new(tools: &Tools) -> Self {
        Self {
            catalog: Arc::clone(&tools.catalog),
            embedder: Arc::clone(&tools.embedder),
            vectors: Arc::clone(&tools.vectors),
            cpu: tools.cpu.clone(),
        }
    }

    /// Texts whose vector is missing or old. The others' vectors get what searches filter by.
    async fn stale(&self, texts: Vec<ProductText>) -> Result<Vec<ProductText>, JobError> {
        let skus: Vec<String> = texts.iter().map(|text| text.sku.clone()).collect();
        let model = self.embedder.model().to_string();
        let stored = self.vectors.stored_hashes(&model, &skus).await.map_err(failure::vectors)?;
        let (stale, current): (Vec<_>, Vec<_>) = texts
            .into_iter()
            .partition(|text| stored.get(&text.sku).map(Vec::as_slice) != Some(text.text_hash.as_bytes()));
        let changes = |text: ProductText| PayloadChange { payload: payload(&text), key: text.sku };
        let changes: Vec<PayloadChange> = current.into_iter().map(changes).collect();
        if !changes.is_empty() {
            self.vectors.update_payloads(changes).await.map_err(failure::vectors)?;
        }
        Ok(stale)
    }

    /// Computes and stores the vectors of `texts`.
    async fn embed(&self, texts: Vec<ProductText>) -> Result<(), JobError> {
        if texts.is_empty() {
            return Ok(());
        }
        let embedder = Arc::clone(&self.embedder);
        let work = move || {
            let inputs: Vec<&str> = texts.iter().map(|text| text.text.as_str()).collect();
            let vectors = embedder.embed(&inputs);
            (texts, vectors)
        };
        let (texts, vectors) = self.cpu.run(work).await.map_err(JobError::retry)?;
        let vectors = vectors.map_err(JobError::retry)?;
        let points = texts.into_iter().zip(vectors).map(|(text, vector)| point(text, vector)).collect();
        let model = self.embedder.model().to_string();
        self.vectors.upsert(&model, points).await.map_err(failure::vectors)?;
        Ok(())
    }
}

impl Handler for ProductEmbedder {
    type Work = Batch<EmbedProduct>;

    async fn handle(&self, batch: &mut Batch<EmbedProduct>, _: &Context) -> Result<(), JobError> {
        let skus: Vec<String> = batch.iter().map(|item| item.sku.clone()).collect();
        let known = self.bring_up_to_date(&skus).await?;
        for item in batch {
            if known.get(&item.sku) == Some(&true) {
                item.tally(EMBEDDINGS, 1);
            }
        }
        Ok(())
    }
}

impl ProductEmbedder {
    /// Returns which of `skus` are products, and whether they are shown.
    async fn bring_up_to_date(&self, skus: &[String]) -> Result<HashMap<String, bool>, JobError> {
        let marks: Vec<Dirty> =
            self.catalog.dirty_of(DirtyKind::Text, skus).await.map_err(failure::catalog)?;
        let texts = self.catalog.product_texts(skus).await.map_err(failure::catalog)?;
        let known: HashMap<String, bool> = texts.iter().map(|text| (text.sku.clone(), text.active)).collect();
        let gone: Vec<String> = skus.iter().filter(|sku| known.get(*sku) != Some(&true)).cloned().collect();
        if !gone.is_empty() {
            self.vectors.delete(&gone).await.map_err(failure::vectors)?;
        }
        let active = texts.into_iter().filter(|text| text.active).collect();
        let stale = self.stale(active).await?;
        self.embed(stale).await?;
        self.catalog.clear_dirty(DirtyKind::Text, &marks).await.map_err(failure::catalog)?;
        Ok(known)
    }
}

fn point(text: ProductText, vector: Vec<f32>) -> Point {
    Point { payload: payload(&text), content_hash: text.text_hash.into_bytes(), key: text.sku, vector }
}

/// What searches filter by.
pub(crate) fn payload(text: &ProductText) -> Payload {
    Payload {
        category: text.category.split(" > ").filter(|level| !level.is_empty()).map(str::to_owned).collect(),
        price_minor: text.price.as_ref().map(|price| price.minor),
        currency: text.price.as_ref().map(|price| price.currency.clone()),
    }
}

#[cfg(test)]
mod tests;
