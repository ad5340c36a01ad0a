//! Photos through the queue beside the bare pipeline: what claiming, batching, settling and the catalog add.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use backstock_cache::{Cache, CacheOptions};
use backstock_catalog::Catalog;
use backstock_catalog::delivery::ReadOptions;
use backstock_cpu::CpuPool;
use backstock_jobs::make_thumbnails::MakeThumbnails;
use backstock_jobs::{Tools, import_products::Settings, registry};
use backstock_media::{Engine, Thumbnailer};
use backstock_queue::{JobState, NewJob, SqliteOptions, SqliteStore, Store, SystemClock};
use backstock_vectors::{SqliteVectors, SqliteVectorsOptions};
use backstock_worker::{LaneOptions, PoolOptions, WorkerPool};

use super::ours::recipe;
use crate::process::cpu_seconds;

/// CPU seconds for the same photos.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    pub photos: usize,
    pub bare: f64,
    pub queued: f64,
}

impl Queue {
    pub fn overhead(self) -> f64 {
        self.queued / self.bare
    }
}

/// Every `.jpg` below the folder, once bare and once through the queue, each into a folder of its own.
pub fn measure(folder: &Path) -> anyhow::Result<Queue> {
    let mut photos = Vec::new();
    list(folder, &mut photos)?;
    photos.sort();
    let place = tempfile::tempdir()?;
    let bare = Thumbnailer::new(place.path().join("bare"), recipe(Engine::default(), "jpeg"))?;
    let before = cpu_seconds()?;
    for photo in &photos {
        bare.make_file(photo)?;
    }
    let bare = cpu_seconds()? - before;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let queued = runtime.block_on(through_the_queue(folder, &photos, place.path()))?;
    Ok(Queue { photos: photos.len(), bare, queued })
}

fn list(folder: &Path, photos: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, photos)?;
        } else if path.extension().is_some_and(|extension| extension == "jpg") {
            photos.push(path);
        }
    }
    Ok(())
}

async fn through_the_queue(folder: &Path, photos: &[PathBuf], place: &Path) -> anyhow::Result<f64> {
    let options = SqliteOptions { clock: Arc::new(SystemClock), ..SqliteOptions::default() };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(place.join("queue.db"), options).await?);
    let vectors = SqliteVectors::open(SqliteVectorsOptions::new(place.join("vectors.db"))).await?;
    let tools = Tools {
        store: Arc::clone(&store),
        catalog: Arc::new(Catalog::open(&place.join("catalog.db")).await?),
        thumbnailer: Arc::new(Thumbnailer::new(place.join("queued"), recipe(Engine::default(), "jpeg"))?),
        remote: Arc::default(),
        embedder: Arc::new(backstock_embedding::FeatureHashing::default()),
        vectors: Arc::new(vectors),
        cache: Arc::new(Cache::new(CacheOptions::default())),
        cpu: CpuPool::per_core(),
        import: Settings { read: ReadOptions::default(), batch_rows: 1000, max_delete_percent: 10 },
        warm: backstock_jobs::warm_cache::WarmSettings::default(),
        count: backstock_jobs::count_popularity::CountSettings::default(),
    };
    let before = cpu_seconds()?;
    let jobs: Result<Vec<NewJob>, _> = photos
        .iter()
        .map(|photo| {
            let link = photo.strip_prefix(folder).unwrap_or(photo).display().to_string();
            NewJob::of(&MakeThumbnails { link, images: folder.to_owned() })
        })
        .collect();
    for chunk in jobs?.chunks(500) {
        store.enqueue(chunk.to_vec()).await?;
    }
    let lanes = vec![LaneOptions::new("images", 1)];
    let pool = WorkerPool::new(
        Arc::clone(&store),
        registry(&tools),
        PoolOptions { lanes, ..PoolOptions::default() },
    )?;
    let watched = Arc::clone(&store);
    let wanted = photos.len() as u64;
    pool.run_until(async move {
        let mut look = tokio::time::interval(Duration::from_millis(100));
        loop {
            look.tick().await;
            let done = watched.queues().await.is_ok_and(|queues| {
                queues
                    .iter()
                    .any(|queue| queue.counts.get(&JobState::Completed).copied().unwrap_or(0) >= wanted)
            });
            if done {
                return;
            }
        }
    })
    .await;
    Ok(cpu_seconds()? - before)
}
