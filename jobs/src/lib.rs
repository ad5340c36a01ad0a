//! Every job kind, one module each: payload, handler, tests; and the one list that registers them.
//!
//! To add a kind: write `src/NAME.rs` with its `Job` and `Handler`, then add one line to [`registry`].

mod backfill;
pub mod count_popularity;
pub mod embed_products;
mod failure;
pub mod import_products;
pub mod make_thumbnails;
pub mod refresh_view;
pub mod sweep_dirty;
pub mod warm_cache;

pub use failure::DISK_FULL;

use backstock_cache::Cache;
use backstock_catalog::Catalog;
use backstock_cpu::CpuPool;
use backstock_embedding::Embed;
use backstock_media::{RemoteImages, Thumbnailer};
use backstock_queue::{Registry, Store};
use backstock_vectors::VectorStore;
use std::sync::Arc;

/// What the handlers stand on. Each handler takes only what it needs.
#[derive(Clone)]
pub struct Tools {
    /// Where follow-up jobs go.
    pub store: Arc<dyn Store>,
    /// Products.
    pub catalog: Arc<Catalog>,
    /// Makes thumbnails.
    pub thumbnailer: Arc<Thumbnailer>,
    /// Fetches pictures named by URL; what it does not take is counted and left.
    pub remote: Arc<RemoteImages>,
    /// Makes vectors.
    pub embedder: Arc<dyn Embed>,
    /// Keeps vectors.
    pub vectors: Arc<dyn VectorStore>,
    /// Keeps what is read often.
    pub cache: Arc<Cache>,
    /// Runs images and models.
    pub cpu: CpuPool,
    /// How deliveries are read.
    pub import: import_products::Settings,
    /// What warming the cache may cost.
    pub warm: warm_cache::WarmSettings,
    /// Where requests are counted from.
    pub count: count_popularity::CountSettings,
}

/// Every kind this binary can perform.
pub fn registry(tools: &Tools) -> Registry {
    Registry::default()
        .register(import_products::Importer::new(tools))
        .register(make_thumbnails::ThumbnailMaker::new(tools))
        .register(embed_products::ProductEmbedder::new(tools))
        .register(refresh_view::ViewRefresher::new(tools))
        .register(warm_cache::CacheWarmer::new(tools))
        .register(sweep_dirty::Sweeper::new(tools))
        .register(count_popularity::PopularityCounter::new(tools))
}

#[cfg(test)]
mod testing;
