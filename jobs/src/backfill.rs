//! What has no vector under the present model: after a change of the model, everything.

use crate::sweep_dirty::stop_if_asked;
use crate::{Tools, failure};
use backstock_catalog::{Catalog, DirtyKind};
use backstock_embedding::Embed;
use backstock_queue::{Context, JobError};
use backstock_vectors::VectorStore;
use std::sync::{Arc, Mutex, PoisonError};

/// Products looked at together.
const PAGE: u32 = 500;

/// Marks the texts that lack their vectors. The marks are the truth about what is due: whatever is killed, the next sweep
/// enqueues what is still marked, and nothing that is stored is embedded again.
pub(crate) struct Backfill {
    catalog: Arc<Catalog>,
    embedder: Arc<dyn Embed>,
    vectors: Arc<dyn VectorStore>,
    /// Model and state of the catalog that were looked through last.
    complete: Mutex<Option<(String, i64)>>,
}

impl Backfill {
    pub(crate) fn new(tools: &Tools) -> Self {
        Self {
            catalog: Arc::clone(&tools.catalog),
            embedder: Arc::clone(&tools.embedder),
            vectors: Arc::clone(&tools.vectors),
            complete: Mutex::default(),
        }
    }

    /// Looks through the products only when there are fewer vectors than products on sale, and once for each state of the catalog.
    pub(crate) async fn mark_missing(&self, context: &Context) -> Result<(), JobError> {
        let model = self.embedder.model().to_string();
        let version = self.catalog.version().await.map_err(failure::catalog)?;
        let seen = Some((model.clone(), version));
        if *self.complete.lock().unwrap_or_else(PoisonError::into_inner) == seen {
            return Ok(());
        }
        let counts = self.catalog.dirty_counts().await.map_err(failure::catalog)?;
        let waiting =
            counts.iter().find(|(kind, _)| *kind == DirtyKind::Text).map_or(0, |(_, number)| *number);
        let stored = self.vectors.count(&model).await.map_err(failure::vectors)?;
        if stored + waiting < self.catalog.active_count().await.map_err(failure::catalog)? {
            let marked = self.look_through(&model, context).await?;
            tracing::info!(model, marked, "texts without a vector marked");
        }
        *self.complete.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        Ok(())
    }

    /// Returns how many were marked.
    async fn look_through(&self, model: &str, context: &Context) -> Result<usize, JobError> {
        let (mut after, mut marked) = (None::<String>, 0);
        loop {
            stop_if_asked(context)?;
            let mut skus =
                self.catalog.active_skus(after.as_deref(), PAGE).await.map_err(failure::catalog)?;
            let Some(last) = skus.last() else { return Ok(marked) };
            after = Some(last.clone());
            let stored = self.vectors.stored_hashes(model, &skus).await.map_err(failure::vectors)?;
            skus.retain(|sku| !stored.contains_key(sku));
            marked += skus.len();
            self.catalog.mark_texts(&skus).await.map_err(failure::catalog)?;
        }
    }
}
