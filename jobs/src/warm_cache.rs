//! `warm_cache`: fills the cache with what is asked for most, then publishes the catalog's state.

use crate::embed_products::payload;
use crate::sweep_dirty::stop_if_asked;
use crate::{Tools, failure};
use backstock_cache::{Cache, Key, Kind, Value, WarmBudget, WarmReport, WarmUp};
use backstock_catalog::{Catalog, DirtyKind};
use backstock_embedding::Embed;
use backstock_queue::{Context, Handler, Job, JobError, One, Unique};
use backstock_vectors::{PayloadChange, VectorStore};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

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

/// What a warm-up may cost. Default 2,000 products, 64 MiB, one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmSettings {
    /// Most products.
    pub products: u32,
    /// Most memory and time.
    pub budget: WarmBudget,
}

impl Default for WarmSettings {
    fn default() -> Self {
        let budget = WarmBudget { max_bytes: 64 << 20, max_duration: Some(Duration::from_mins(1)) };
        Self { products: 2000, budget }
    }
}

/// Handler of [`WarmCache`]. Idempotent: keys carry the version of the catalog they belong to.
pub struct CacheWarmer {
    catalog: Arc<Catalog>,
    cache: Arc<Cache>,
    vectors: Arc<dyn VectorStore>,
    embedder: Arc<dyn Embed>,
    settings: WarmSettings,
}

impl CacheWarmer {
    pub(crate) fn new(tools: &Tools) -> Self {
        Self {
            catalog: Arc::clone(&tools.catalog),
            cache: Arc::clone(&tools.cache),
            vectors: Arc::clone(&tools.vectors),
            embedder: Arc::clone(&tools.embedder),
            settings: tools.warm,
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
        let (report, expected_hit_rate) = self.warm(version, context).await?;
        self.catalog.publish(version).await.map_err(failure::catalog)?;
        self.publish_vectors().await?;
        job.tally(CACHE_WARMED, report.warmed as i64);
        let WarmReport { warmed, from_level2, bytes, stopped, .. } = report;
        let before = self.cache.promise(report, expected_hit_rate);
        if let Some(WarmUp {
            expected_hit_rate: Some(expected),
            measured_hit_rate: Some(measured),
            lookups,
            ..
        }) = before
        {
            tracing::info!(expected, measured, lookups, "hit rate since the last warm-up");
        }
        tracing::info!(
            version,
            warmed,
            from_level2,
            bytes,
            ?stopped,
            expected_hit_rate,
            "catalog state published"
        );
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

    /// Once no text waits for its vector: all there is can be found under the present model.
    async fn publish_vectors(&self) -> Result<(), JobError> {
        let waiting = self.catalog.dirty(DirtyKind::Text, None, 1).await.map_err(failure::catalog)?;
        if waiting.is_empty() {
            let model = self.embedder.model().to_string();
            if self.vectors.publish(&model).await.map_err(failure::vectors)? {
                tracing::info!(model, "vectors published");
            }
        }
        Ok(())
    }

    /// Puts the most popular products into the cache under `version`, within the budget. Returns what it did, and the
    /// share of requests that it should answer, if it is known who is asked for.
    async fn warm(&self, version: i64, context: &Context) -> Result<(WarmReport, Option<f64>), JobError> {
        let popular = self.catalog.popular(self.settings.products).await.map_err(failure::catalog)?;
        let total = self.catalog.popularity().await.map_err(failure::catalog)?;
        let mut warmer = self.cache.warmer(self.settings.budget);
        let mut weight = 0.0;
        for page in popular.chunks(PAGE as usize) {
            stop_if_asked(context)?;
            let keys = page.iter().map(|popular| product_key(version, &popular.sku)).collect();
            let missing = warmer.missing(keys).await;
            if !warmer.is_open() {
                break;
            }
            // What is not missing is there; of the rest, what is taken.
            let mut there: HashMap<&str, f64> =
                page.iter().map(|popular| (&*popular.sku, popular.weight)).collect();
            let rendered: HashMap<&str, f64> =
                missing.iter().filter_map(|key| there.remove_entry(key.id())).collect();
            weight += there.values().sum::<f64>();
            let entries = self.render(&missing).await?;
            let offered: Vec<f64> =
                entries.iter().map(|(key, _)| rendered.get(key.id()).copied().unwrap_or(0.0)).collect();
            let taken = warmer.offer(entries).await;
            weight += offered.iter().take(taken).sum::<f64>();
        }
        let expected = (total > 0.0).then(|| (weight / total).min(1.0));
        Ok((warmer.finish(), expected))
    }

    /// The documents of products that are there, in the order of `keys`.
    async fn render(&self, keys: &[Key]) -> Result<Vec<(Key, Value)>, JobError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let skus: Vec<String> = keys.iter().map(|key| key.id().to_owned()).collect();
        let docs = self.catalog.product_docs(&skus).await.map_err(failure::catalog)?;
        let mut bytes = HashMap::with_capacity(docs.len());
        for doc in docs {
            bytes.insert(doc.product.sku.clone(), serde_json::to_vec(&doc).map_err(JobError::discard)?);
        }
        let entry = |key: &Key| Some((key.clone(), Value::from(bytes.remove(key.id())?)));
        Ok(keys.iter().filter_map(entry).collect())
    }
}

fn product_key(version: i64, sku: &str) -> Key {
    Key::new(Kind::Product, version.unsigned_abs(), sku)
}
