use super::*;
use backstock_queue::{JobFilter, MemoryStore, Page};

struct Shop {
    dir: tempfile::TempDir,
    store: Arc<MemoryStore>,
    catalog: Arc<Catalog>,
}

impl Shop {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&dir.path().join("catalog.db")).await.unwrap();
        Self { dir, store: Arc::new(MemoryStore::new(Arc::new(SystemClock))), catalog: Arc::new(catalog) }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("orders.csv")
    }

    async fn run(&self, replaces: bool) -> Result<(), String> {
        let settings = CountSettings { file: Some(self.file()), replaces, ..CountSettings::default() };
        let (catalog, store) = (Arc::clone(&self.catalog), Arc::clone(&self.store) as Arc<dyn Store>);
        let counter = PopularityCounter { catalog, store, settings };
        counter.count(NOW).await.map_err(|error| format!("{error:?}"))
    }

    async fn requests(&self) -> Vec<(String, u64)> {
        let counted = self.catalog.counted(9).await.unwrap();
        counted.into_iter().map(|counted| (counted.name, counted.requests)).collect()
    }

    async fn warm_ups(&self) -> usize {
        let filter = JobFilter { kind: Some(WarmCache::KIND.into()), ..JobFilter::default() };
        self.store.jobs(&filter, Page { offset: 0, limit: 10 }).await.unwrap().len()
    }
}

const NOW: i64 = 1_795_219_200_000; // 2026-11-21

#[tokio::test]
async fn a_file_is_counted_whenever_its_content_is_new_and_is_worth_a_warm_up() {
    let shop = Shop::new().await;
    shop.run(false).await.unwrap();
    assert_eq!((shop.requests().await.len(), shop.warm_ups().await), (0, 0), "it is not there yet");
    std::fs::write(shop.file(), "sku,count\nA,3\nB,x\n").unwrap();
    shop.run(false).await.unwrap();
    assert_eq!(shop.requests().await, [(shop.file().display().to_string(), 3)]);
    assert_eq!(shop.warm_ups().await, 1);
    shop.run(false).await.unwrap();
    std::fs::write(shop.file(), "sku,count\nA,4\n").unwrap();
    shop.run(false).await.unwrap();
    let requests: u64 = shop.requests().await.into_iter().map(|(_, requests)| requests).sum();
    assert_eq!(requests, 7);
    assert_eq!(shop.warm_ups().await, 1, "one that waits is enough");
    std::fs::write(shop.file(), "sku,count\nA,5\n").unwrap();
    shop.run(true).await.unwrap();
    assert_eq!(shop.requests().await, [(shop.file().display().to_string(), 5)]);
}

#[tokio::test]
async fn a_file_that_is_none_is_no_reason_to_try_again() {
    let shop = Shop::new().await;
    std::fs::write(shop.file(), "week,lines\n1,2\n").unwrap();
    let error = shop.run(false).await.unwrap_err();
    assert!(error.contains("missing_column"), "{error}");
    assert_eq!(shop.warm_ups().await, 0);
}
