//! For tests: everything that handlers stand on, embedded below one folder; a worker of one call; answers of a server.

use crate::import_products::Settings;
use crate::warm_cache::WarmSettings;
use crate::{Tools, registry};
use backstock_cache::{Cache, CacheOptions};
use backstock_catalog::{Catalog, delivery::ReadOptions};
use backstock_cpu::CpuPool;
use backstock_embedding::FeatureHashing;
use backstock_media::{Recipe, Thumbnailer};
use backstock_queue::{
    Claim, Context, Draws, Job, KindRange, MemoryStore, PriorityOrder, Settlement, SystemClock, WorkerId,
    WorkerInfo,
};
use backstock_vectors::{SqliteVectors, SqliteVectorsOptions};
use std::path::Path;
use std::{sync::Arc, time::Duration};

/// A picture of one pixel.
pub(crate) const GIF: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\xFF\0\0\xFF\xFF\xFF,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

pub(crate) async fn tools(dir: &Path) -> Tools {
    let vectors = SqliteVectors::open(SqliteVectorsOptions::new(dir.join("vectors.db"))).await;
    Tools {
        store: Arc::new(MemoryStore::new(Arc::new(SystemClock))),
        catalog: Arc::new(Catalog::open(&dir.join("catalog.db")).await.unwrap()),
        thumbnailer: Arc::new(Thumbnailer::new(dir.join("thumbnails"), Recipe::default()).unwrap()),
        remote: Arc::default(),
        embedder: Arc::new(FeatureHashing::new()),
        vectors: Arc::new(vectors.unwrap()),
        cache: Arc::new(Cache::new(CacheOptions::default())),
        cpu: CpuPool::new(1),
        import: Settings {
            read: ReadOptions { default_currency: "EUR".into(), ..ReadOptions::default() },
            batch_rows: 10,
            max_delete_percent: 10,
        },
        warm: WarmSettings::default(),
        count: crate::count_popularity::CountSettings::default(),
    }
}

/// Claims up to `max` jobs of a kind, performs them in one call, and settles what came of it.
pub(crate) async fn perform<J: Job>(tools: &Tools, max: usize) -> Vec<Settlement> {
    let kinds = vec![KindRange { kind: J::KIND.into(), max_version: 1 }];
    let (id, patience) = (WorkerId("w".into()), Duration::from_mins(1));
    let worker = WorkerInfo { id: id.clone(), host: "h".into(), pid: 1, kinds: kinds.clone(), patience };
    tools.store.check_in(&worker).await.unwrap();
    let claim = Claim {
        worker: id,
        queue: J::QUEUE.into(),
        kinds,
        max,
        lease_for: Duration::from_mins(1),
        order: PriorityOrder::default(),
        draw: 0,
    };
    let leases = tools.store.claim(&claim).await.unwrap().leases;
    let draws = Arc::new(Draws::seeded(1));
    let settlements = registry(tools).run(J::KIND, leases, Context::detached(), draws).await;
    tools.store.settle(settlements.clone()).await.unwrap();
    settlements
}

/// An answer with this status line and these further header lines.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}
