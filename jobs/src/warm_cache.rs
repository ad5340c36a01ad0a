//! `warm_cache`: fills the cache with what is asked for most, then publishes the catalog's state.

use crate::embed_products::payload;
use crate::sweep_dirty::stop_if_asked;
use crate::{Tools, failure};
use backstock_cache::{Cache, Key, Kind};
use backstock_catalog::{Catalog, DirtyKind};
use backstock_queue::{Context, Handler, Job, JobError, One, Unique};
use backstock_vectors::{PayloadChange, VectorStore};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// Warms the cache for the catalog's present state, then publishes that state. Does nothing when it is published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarmCache {
    /// Also when the state is published already: for a process that just started.
    #[serde(default)]
    pub cold: bool,
}

impl Job for WarmCache {
    const KIND: &'static str = "warm_cache";
    const QUEUE: &'static str = "caches";
    const TIMEOUT: Duration = Duration::from_mins(10);

    fn unique(&self) -> Option<Unique> {
        // The follow-up job of an import must run for that import; cron's and start-up's may coalesce.
        self.cold.then(|| Unique::coalesced("cold"))
    }
}

/// Counter of its group: entries warmed.
pub const CACHE_WARMED: &str = "cache_warmed";

/// Products read at a time.
const PAGE: u32 = 500;

/// Handler of [`WarmCache`]. Idempotent: keys carry the version of the catalog they belong to.
pub struct CacheWarmer {
    catalog: Arc<Catalog>,
    cache: Arc<Cache>,
    vectors: Arc<dyn VectorStore>,
    products: u32,
}

impl CacheWarmer {
    pub(crate) fn new(tools: &Tools) -> Self {
        Self {
            catalog: Arc::clone(&tools.catalog),
            cache: Arc::clone(&tools.cache),
            vectors: Arc::clone(&tools.vectors),
            products: tools.warm_products,
        }
    }
}

impl Handler for CacheWarmer {
    type Work = One<WarmCache>;

    async fn handle(&self, job: &mut One<WarmCache>, context: &Context) -> Result<(), JobError> {
        let version = self.catalog.version().await.map_err(failure::catalog)?;
        let published = self.catalog.published_version().await.map_err(failure::catalog)?;
        if version == published && !job.cold {
            return Ok(());
        }
        self.refresh_filters(context).await?;
        let warmed = self.warm(version, context).await?;
        self.catalog.publish(version).await.map_err(failure::catalog)?;
        job.tally(CACHE_WARMED, warmed as i64);
        tracing::info!(version, warmed, "catalog state published");
        Ok(())
    }
}

impl CacheWarmer {
    /// Gives the vectors of changed products their new prices and categories; the vectors stay.
    async fn refresh_filters(&self, context: &Context) -> Result<(), JobError> {
        let mut after = None;
        loop {
            stop_if_asked(context)?;
            let marks = self
                .catalog
                .dirty(DirtyKind::Cache, after.as_deref(), PAGE)
                .await
                .map_err(failure::catalog)?;
            let Some(last) = marks.last() else { return Ok(()) };
            after = Some(last.key.clone());
            let skus: Vec<String> = marks.into_iter().map(|mark| mark.key).collect();
            let texts = self.catalog.product_texts(&skus).await.map_err(failure::catalog)?;
            let changes = texts
                .iter()
                .map(|text| PayloadChange { key: text.sku.clone(), payload: payload(text) })
                .collect();
            self.vectors.update_payloads(changes).await.map_err(failure::vectors)?;
        }
    }

    /// Puts the most popular products into the cache under `version`. Returns how many.
    async fn warm(&self, version: i64, context: &Context) -> Result<usize, JobError> {
        let skus = self.catalog.popular(self.products).await.map_err(failure::catalog)?;
        let mut warmed = 0;
        for page in skus.chunks(PAGE as usize) {
            stop_if_asked(context)?;
            let docs = self.catalog.product_docs(page).await.map_err(failure::catalog)?;
            for doc in docs {
                let bytes = serde_json::to_vec(&doc).map_err(JobError::discard)?;
                let key = Key::new(Kind::Product, version.unsigned_abs(), doc.product.sku.as_str());
                self.cache.put(&key, bytes.into()).await;
                warmed += 1;
            }
        }
        Ok(warmed)
    }
}
