//! Wiring: from the configuration to open stores, engines and handlers.

mod cache;
mod cache_metrics;
pub mod crew;
pub mod cron;
pub mod delivery;
mod engines;
pub mod limits;
pub mod metrics;
pub mod popularity;
mod queue;
mod sealed;
mod vectors;

pub use cache::shared as shared_cache;
pub use engines::{embedder, import_settings, recipe, remote_images};
pub use queue::{erase as erase_queue, queue_is_remote};
pub use sealed::{existing_store, keys, store};
pub use vectors::{open as vectors, vectors_are_remote};

use crate::failure::Failure;
use backstock_catalog::{Catalog, PostgresOptions};
use backstock_config::Config;
use backstock_cpu::CpuPool;
use backstock_jobs::Tools;
use backstock_jobs::sweep_dirty::SweepDirty;
use backstock_jobs::warm_cache::WarmCache;
use backstock_queue::{Store, StoreExt};
use backstock_search::Searcher;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Everything a process that works needs, open.
pub struct App {
    /// As it is in force.
    pub config: Config,
    /// What the handlers stand on.
    pub tools: Tools,
    /// How the model was found, in one sentence.
    model: String,
}

impl App {
    /// Opens the data folder (and makes it where it is missing).
    pub async fn open(config: Config) -> Result<Self, Failure> {
        // On the heap: whoever opens an app would carry the connecting of every store and server.
        let store = Box::pin(store(&config)).await?;
        Box::pin(Self::open_with(config, store)).await
    }

    /// As [`App::open`], with a store that is open.
    pub async fn open_with(config: Config, store: Arc<dyn Store>) -> Result<Self, Failure> {
        let catalog = Arc::new(catalog(&config).await?);
        // What imports left that were killed; those that go on write their files again.
        let left = backstock_catalog::sweep_partial_rejects(&config.data_dir.join("rejects"));
        tracing::debug!(left, "unfinished rejects files removed");
        let vectors = Box::pin(vectors::open(&config)).await?;
        let (embedder, model) = embedder(&config).await?;
        let cpu = match config.worker.cpu_threads {
            0 => CpuPool::per_core(),
            threads => CpuPool::new(threads),
        };
        let tools = Tools {
            store,
            catalog,
            thumbnailer: Arc::new(engines::thumbnailer(&config)?),
            remote: Arc::new(remote_images(&config)?),
            embedder,
            vectors,
            cache: Arc::new(Box::pin(cache::open(&config)).await?),
            cpu,
            import: import_settings(&config),
            warm: cache::warm_settings(&config),
            count: popularity::settings(&config),
        };
        Ok(Self { config, tools, model })
    }

    /// What runs, in one line.
    pub fn describe(&self) -> String {
        format!(
            "queue {} · {} · {} CPU threads",
            self.tools.store.name(),
            self.model,
            self.tools.cpu.threads()
        )
    }

    /// Answers searches over this catalog.
    pub fn searcher(&self) -> Searcher {
        Searcher {
            catalog: Arc::clone(&self.tools.catalog),
            embedder: Arc::clone(&self.tools.embedder),
            vectors: Arc::clone(&self.tools.vectors),
            cache: Arc::clone(&self.tools.cache),
            cpu: self.tools.cpu.clone(),
        }
    }

    /// The cache of a process that just started is empty: asks for it to be warmed. Its model may be another than before:
    /// asks to look for texts without a vector.
    pub async fn push_start_jobs(&self) -> Result<(), Failure> {
        self.tools.store.push(&SweepDirty::default()).await.map_err(Failure::data)?;
        self.tools.store.push(&WarmCache { cold: true }).await.map_err(Failure::data)?;
        Ok(())
    }
}

/// The catalog; made where it is missing.
pub async fn catalog(config: &Config) -> Result<Catalog, Failure> {
    match CatalogPlace::of(config)? {
        CatalogPlace::File(path) => {
            make_folder(&config.data_dir)?;
            Catalog::open(&path).await.map_err(Failure::data)
        }
        CatalogPlace::Server(options) => Catalog::connect(&options).await.map_err(Failure::data),
    }
}

/// Where the catalog is.
enum CatalogPlace {
    File(PathBuf),
    Server(PostgresOptions),
}

impl CatalogPlace {
    fn of(config: &Config) -> Result<Self, Failure> {
        let catalog = &config.catalog;
        match catalog.url.split_once(':') {
            None if catalog.url == "sqlite" => return Ok(Self::File(config.data_dir.join("catalog.db"))),
            Some(("sqlite", path)) if !path.is_empty() => return Ok(Self::File(PathBuf::from(path))),
            _ => {}
        }
        let options = PostgresOptions {
            schema: (!catalog.schema.is_empty()).then(|| catalog.schema.clone()),
            max_connections: catalog.max_connections,
            connect_timeout: Duration::from_secs(catalog.connect_timeout_seconds),
            statement_timeout: Duration::from_secs(catalog.statement_timeout_seconds),
            lock_timeout: Duration::from_secs(catalog.lock_timeout_seconds),
            slow_statement: Duration::from_millis(catalog.slow_statement_ms),
            slow_plans: catalog.slow_statement_plans,
            ..PostgresOptions::new(&catalog.url)
        };
        options.check().map_err(Failure::usage)?;
        Ok(Self::Server(options))
    }
}

/// Whether the catalog lies on a server, where a demonstration must keep to itself.
pub fn catalog_is_remote(config: &Config) -> Result<bool, Failure> {
    Ok(matches!(CatalogPlace::of(config)?, CatalogPlace::Server(_)))
}

/// Refuses a data folder in which nothing was ever done.
pub fn require_data(config: &Config) -> Result<(), Failure> {
    if queue::is_in_use(config)? {
        return Ok(());
    }
    let dir = config.data_dir.display();
    Err(Failure::data(format!(
        "there is nothing in {dir} yet; `backstock import FILE` begins, --data-dir names another folder"
    )))
}

/// Checks what the configuration names without opening anything.
pub fn check(config: &Config) -> Result<(), Failure> {
    queue::is_in_use(config)?;
    CatalogPlace::of(config)?;
    limits::of(config)?;
    cache::check(config)?;
    popularity::check(config)?;
    vectors::check(config)?;
    engines::check(config)
}

fn make_folder(dir: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(dir).map_err(|error| {
        Failure::data(format!(
            "cannot make the data folder {}: {error}; --data-dir names another",
            dir.display()
        ))
    })
}
