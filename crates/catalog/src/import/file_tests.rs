//! Imports of real files.

use std::future::pending;
use std::path::Path;

use super::*;
use crate::store::DirtyKind;
use crate::store::tests::bed::{Bed, Shop};

const GOOD: &str = "sku,title,price,category,image_link\n\
    A1,Lamp,12.50,Light > Lamps,https://img.example/a.jpg\n\
    A2,Mug,4.00,Kitchen,\n\
    A3,Rug,abc,Textiles,\n\
    A4,Chair,80.00,Furniture,\n";

struct Folder {
    shop: Shop,
}

impl Folder {
    async fn new(bed: &Bed) -> Self {
        Self { shop: bed.shop().await }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.shop.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn import(&self, id: &str, path: &Path, mode: SyncMode) -> Result<ImportReport, ImportError> {
        let mut request = ImportRequest::new(id, path, || 7);
        request.rejects = Some(self.shop.dir.path().join(format!("{id}.rejects.csv")));
        request.mode = mode;
        import_delivery(&self.shop.catalog, &request, &mut (), pending()).await
    }
}

pub(super) async fn a_rejects_file_can_be_mended_and_imported(bed: &Bed) {
    let folder = Folder::new(bed).await;
    let report = folder.import("i1", &folder.write("a.csv", GOOD), SyncMode::Merge).await.unwrap();
    assert_eq!((report.counters.created, report.counters.rejected), (3, 1));
    assert_eq!((report.rejects[0].record, report.rejects[0].code.as_str()), (3, "bad_price"));
    let rejects = std::fs::read_to_string(folder.shop.dir.path().join("i1.rejects.csv")).unwrap();
    assert!(!folder.shop.dir.path().join("i1.rejects.csv.partial").exists());
    // The price stands twice: in the description of the error and in the delivered column, which is what counts.
    let mended = folder.write("mended.csv", &rejects.replace(",abc,Textiles", ",30.00,Textiles"));
    let report = folder.import("i2", &mended, SyncMode::Merge).await.unwrap();
    assert_eq!((report.counters.rows, report.counters.created), (1, 1), "{:?}", report.rejects);
    let rug = folder.shop.catalog.product_by_sku("A3").await.unwrap().unwrap();
    assert_eq!(rug.price.unwrap().minor, 3000);
}

pub(super) async fn a_delivery_without_rejects_leaves_no_rejects_file(bed: &Bed) {
    let folder = Folder::new(bed).await;
    let path = folder.write("a.csv", &GOOD.replace("abc", "1.00"));
    let report = folder.import("i1", &path, SyncMode::Merge).await.unwrap();
    assert_eq!(report.counters.created, 4);
    assert!(!folder.shop.dir.path().join("i1.rejects.csv").exists());
    assert_eq!(
        folder.shop.catalog.dirty(DirtyKind::Image, None, 10).await.unwrap()[0].key,
        "https://img.example/a.jpg"
    );
}

pub(super) async fn a_refused_file_is_in_the_ledger_with_its_code(bed: &Bed) {
    let folder = Folder::new(bed).await;
    for (name, text, code) in [
        ("empty.csv", "", "empty_file"),
        ("header.csv", "1,2,3\n4,5,6\n", "missing_header"),
        ("twice.csv", "sku,title,price,price\na,b,1,2\n", "duplicate_header"),
    ] {
        let report = folder.import(name, &folder.write(name, text), SyncMode::Merge).await.unwrap();
        assert_eq!(report.state, ImportState::Failed);
        assert_eq!(report.file_error.as_ref().unwrap().code, code);
        assert_eq!(report, folder.shop.catalog.import_report(name).await.unwrap());
    }
}

pub(super) async fn a_bad_row_of_a_full_sync_keeps_its_product(bed: &Bed) {
    let folder = Folder::new(bed).await;
    let path = folder.write("a.csv", &GOOD.replace("abc", "1.00"));
    folder.import("i1", &path, SyncMode::Merge).await.unwrap();
    let path = folder.write("b.csv", GOOD);
    let mode = SyncMode::Full { max_missing_percent: 10 };
    let report = folder.import("i2", &path, mode).await.unwrap();
    assert_eq!((report.counters.rejected, report.missing, report.archived), (1, 0, 0));
}

pub(super) async fn a_stopped_full_sync_is_a_report_with_its_code_however_often_it_runs(bed: &Bed) {
    let folder = Folder::new(bed).await;
    let rows: Vec<String> = (0..30).map(|n| format!("S{n},Title,1.00\n")).collect();
    let path = folder.write("a.csv", &format!("sku,title,price\n{}", rows.concat()));
    folder.import("i1", &path, SyncMode::Merge).await.unwrap();
    let path = folder.write("b.csv", &format!("sku,title,price\n{}", rows[..3].concat()));
    let mode = SyncMode::Full { max_missing_percent: 10 };
    let first = folder.import("i2", &path, mode).await.unwrap();
    assert_eq!(first.file_error.as_ref().unwrap().code, "mass_delete");
    assert_eq!((first.counters.unchanged, first.missing, first.archived), (3, 27, 0));
    assert_eq!(first, folder.import("i2", &path, mode).await.unwrap());
}
