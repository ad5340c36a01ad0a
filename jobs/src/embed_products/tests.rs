//! A backfill that is killed again and again computes each vector once.

use super::*;
use backstock_catalog::{Batch as Rows, NewImport, PreparedRow, Product, SyncMode};
use backstock_embedding::{EmbedError, FeatureHashing, Kind, ModelId};
use backstock_vectors::{
    Filter, Hit, Integrity, PayloadChange, SqliteVectors, SqliteVectorsOptions, VectorError, Written,
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::Notify;

const PRODUCTS: usize = 300;
const BATCH: usize = 32;

/// Counts the texts it embeds.
struct Counting {
    inner: FeatureHashing,
    texts: AtomicUsize,
}

impl Embed for Counting {
    fn model(&self) -> &ModelId {
        self.inner.model()
    }
    fn dimensions(&self) -> usize {
        self.inner.dimensions()
    }
    fn kind(&self) -> Kind {
        self.inner.kind()
    }
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.texts.fetch_add(texts.len(), Ordering::SeqCst);
        self.inner.embed(texts)
    }
}

/// A store whose process dies after a write, if told so: what was written stays, and nothing comes after.
struct Mortal {
    inner: SqliteVectors,
    dies: AtomicBool,
    written: Notify,
}

#[async_trait::async_trait]
impl VectorStore for Mortal {
    async fn upsert(&self, model: &str, points: Vec<Point>) -> Result<Written, VectorError> {
        let written = self.inner.upsert(model, points).await;
        if self.dies.swap(false, Ordering::SeqCst) {
            self.written.notify_one();
            std::future::pending::<()>().await;
        }
        written
    }
    async fn update_payloads(&self, changes: Vec<PayloadChange>) -> Result<Written, VectorError> {
        self.inner.update_payloads(changes).await
    }
    async fn stored_hashes(
        &self,
        model: &str,
        keys: &[String],
    ) -> Result<HashMap<String, Vec<u8>>, VectorError> {
        self.inner.stored_hashes(model, keys).await
    }
    async fn delete(&self, keys: &[String]) -> Result<Written, VectorError> {
        self.inner.delete(keys).await
    }
    async fn delete_model(&self, model: &str) -> Result<u64, VectorError> {
        self.inner.delete_model(model).await
    }
    async fn count(&self, model: &str) -> Result<u64, VectorError> {
        self.inner.count(model).await
    }
    async fn search(
        &self,
        model: &str,
        vector: &[f32],
        k: usize,
        filter: &Filter,
    ) -> Result<Vec<Hit>, VectorError> {
        self.inner.search(model, vector, k, filter).await
    }
    async fn check(&self) -> Result<Integrity, VectorError> {
        self.inner.check().await
    }
}

async fn catalog(folder: &std::path::Path) -> Catalog {
    let catalog = Catalog::open(&folder.join("catalog.db")).await.unwrap();
    let new = NewImport {
        images: None,
        id: "i1".into(),
        file: "products.csv".into(),
        fingerprint: "f".into(),
        source: "main".into(),
        mode: SyncMode::Merge,
        now_ms: 1,
    };
    catalog.begin_import(&new).await.unwrap();
    let row = |n: u64| {
        let product = Product { sku: format!("S{n}"), title: format!("Lamp {n}"), ..Product::default() };
        PreparedRow::new(n, n + 1, product, "main")
    };
    let rows = (1..=PRODUCTS as u64).map(row).collect();
    let batch = Rows { rows, last_record: PRODUCTS as u64, ..Rows::default() };
    catalog.apply_batch("i1", batch).await.unwrap();
    catalog
}

#[tokio::test]
async fn a_backfill_killed_after_each_write_embeds_every_text_once() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Arc::new(catalog(folder.path()).await);
    let inner = SqliteVectors::open(SqliteVectorsOptions::new(folder.path().join("v.db"))).await.unwrap();
    let vectors = Arc::new(Mortal { inner, dies: AtomicBool::new(false), written: Notify::new() });
    let counting = Arc::new(Counting { inner: FeatureHashing::new(), texts: AtomicUsize::new(0) });
    let worker = || ProductEmbedder {
        catalog: Arc::clone(&catalog),
        embedder: Arc::clone(&counting) as Arc<dyn Embed>,
        vectors: Arc::clone(&vectors) as Arc<dyn VectorStore>,
        cpu: CpuPool::new(1),
    };
    let mut kills = 0;
    loop {
        let due = catalog.dirty(DirtyKind::Text, None, BATCH as u32).await.unwrap();
        if due.is_empty() {
            break;
        }
        let skus: Vec<String> = due.into_iter().map(|mark| mark.key).collect();
        vectors.dies.store(true, Ordering::SeqCst);
        let dying = worker();
        tokio::select! {
            ended = dying.bring_up_to_date(&skus) => panic!("{ended:?}"),
            () = vectors.written.notified() => kills += 1,
        }
        // The mark is still there, the vector as well: the next worker finds both.
        worker().bring_up_to_date(&skus).await.unwrap();
    }
    assert_eq!(kills, PRODUCTS.div_ceil(BATCH));
    assert_eq!(counting.texts.load(Ordering::SeqCst), PRODUCTS);
    let model = counting.model().to_string();
    assert_eq!(vectors.count(&model).await.unwrap(), PRODUCTS as u64);
}
