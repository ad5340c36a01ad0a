//! Behaviour of the storage on real files. Helpers first; the tests are grouped by subject below.

mod batches;
mod full_sync;
mod opening;
mod reading;
mod views;

use tempfile::TempDir;

use super::*;
use crate::product::{Money, Product};

/// A catalog in its own folder.
struct Shop {
    catalog: Catalog,
    dir: TempDir,
}

impl Shop {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&dir.path().join("catalog.db")).await.unwrap();
        Self { catalog, dir }
    }

    async fn begin(&self, id: &str, mode: SyncMode) -> ImportReport {
        self.catalog.begin_import(&new_import(id, mode)).await.unwrap()
    }

    /// A whole delivery in one batch.
    async fn deliver(&self, id: &str, mode: SyncMode, products: &[Product]) -> (BatchOutcome, ImportReport) {
        self.begin(id, mode).await;
        let outcome = self.catalog.apply_batch(id, batch(1, products)).await.unwrap();
        (outcome, self.catalog.finish_import(id, None, 2).await.unwrap())
    }

    async fn merge(&self, id: &str, products: &[Product]) -> BatchOutcome {
        self.deliver(id, SyncMode::Merge, products).await.0
    }

    /// Forgets all waiting work.
    async fn settle(&self) {
        for kind in DirtyKind::ALL {
            let all = self.catalog.dirty(kind, None, 100_000).await.unwrap();
            self.catalog.clear_dirty(kind, &all).await.unwrap();
        }
    }

    async fn keys(&self, kind: DirtyKind) -> Vec<String> {
        self.catalog.dirty(kind, None, 100_000).await.unwrap().into_iter().map(|d| d.key).collect()
    }

    async fn dump(&self) -> Vec<String> {
        self.catalog.dump().await
    }
}

fn new_import(id: &str, mode: SyncMode) -> NewImport {
    NewImport {
        images: Some("/photos".into()),
        id: id.into(),
        file: "products.csv".into(),
        fingerprint: "f".into(),
        source: "main".into(),
        mode,
        now_ms: 1,
    }
}

fn batch(first_record: u64, products: &[Product]) -> Batch {
    let row = |(i, p): (usize, &Product)| {
        let record = first_record + i as u64;
        PreparedRow::new(record, record + 1, p.clone(), "main")
    };
    Batch {
        rows: products.iter().enumerate().map(row).collect(),
        last_record: first_record + products.len() as u64 - 1,
        ..Batch::default()
    }
}

fn issue(record: u64, code: &str) -> Issue {
    Issue { record, line: record + 1, code: code.into(), field: None, message: code.into() }
}

fn product(number: usize) -> Product {
    Product {
        sku: format!("SKU-{number:05}"),
        title: format!("Product {number}"),
        brand: Some(format!("Brand {}", number % 3)),
        category: vec!["Shop".into(), format!("Shelf {}", number % 5)],
        price: Some(Money { minor: 500 + 37 * number as i64, currency: "EUR".into() }),
        stock: Some(number as i32 % 7),
        image_links: vec![format!("https://img.example/{}.jpg", number / 2)],
        ..Product::default()
    }
}

fn products(count: usize) -> Vec<Product> {
    (0..count).map(product).collect()
}
