//! Imports of made-up deliveries, disturbed at every point where a process can die.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::future::{pending, ready};
use std::path::Path;

use super::reader::{RejectsFile, Source};
use super::*;
use crate::delivery::{Code, FileCode, RecordBatch, Reject, Row, Warning};
use crate::product::{Money, Product};
use crate::store::DirtyKind;
use crate::store::tests::bed::{Bed, Shop};

/// A delivery whose every 10th record is refused and every 15th passed over.
#[derive(Clone, Debug)]
struct Made {
    records: u64,
    price: i64,
    /// Breaks off behind this record.
    breaks_at: Option<u64>,
    at: u64,
    panics: bool,
}

impl Made {
    fn new(records: u64) -> Self {
        Self { records, price: 100, breaks_at: None, at: 0, panics: false }
    }

    fn product(&self, record: u64) -> Product {
        Product {
            sku: format!("S{record:06}"),
            title: format!("Title {record}"),
            category: vec![format!("C{}", record % 7)],
            price: Some(Money { minor: self.price + record as i64, currency: "EUR".into() }),
            image_links: vec![format!("{}.jpg", record / 3)],
            ..Product::default()
        }
    }
}

impl Source for Made {
    fn fingerprint(&mut self) -> Result<String, FileError> {
        Ok(format!("{}-{}", self.records, self.price))
    }

    fn open(&mut self) -> Result<(), FileError> {
        self.at = 0;
        Ok(())
    }

    fn next_batch(&mut self, max: usize) -> Result<Option<RecordBatch>, FileError> {
        assert!(!self.panics, "asked to");
        if self.breaks_at.is_some_and(|at| self.at >= at) {
            let path = Path::new("made.csv");
            return Err(FileError::new(
                FileCode::TruncatedGzip,
                path,
                "the file is cut off; deliver it again",
            ));
        }
        let end = self.breaks_at.unwrap_or(self.records).min(self.at + max as u64);
        if self.at == end {
            return Ok(None);
        }
        let mut batch = RecordBatch { last_record: end, bytes_read: end, ..RecordBatch::default() };
        for record in self.at + 1..=end {
            let line = record + 1;
            if record % 10 == 0 {
                batch.rejects.push(Reject {
                    record,
                    line,
                    byte: 0,
                    code: Code::BadPrice,
                    field: Some("price".into()),
                    value: "x".into(),
                    message: "no price".into(),
                    raw: vec![format!("S{record:06}")],
                });
            } else if record % 15 == 0 {
                batch.skipped += 1;
            } else {
                batch.rows.push(Row { record, line, product: self.product(record) });
            }
        }
        self.at = end;
        Ok(Some(batch))
    }

    fn refused_sku(&self, reject: &Reject) -> Option<String> {
        reject.raw.first().cloned()
    }

    fn bytes_total(&self) -> u64 {
        self.records
    }

    fn rejects(&self, path: &Path) -> std::io::Result<Box<dyn RejectsFile>> {
        Ok(Box::new(Lines { path: path.to_owned(), text: String::new() }))
    }
}

struct Lines {
    path: PathBuf,
    text: String,
}

impl RejectsFile for Lines {
    fn write(&mut self, reject: &Reject) -> std::io::Result<()> {
        writeln!(self.text, "{},{}", reject.record, reject.code).map_err(std::io::Error::other)
    }

    fn finish(self: Box<Self>) -> std::io::Result<()> {
        std::fs::write(self.path, self.text)
    }
}

/// A catalog and what imports into it.
struct Importing {
    shop: Shop,
}

impl Importing {
    async fn new(bed: &Bed) -> Self {
        Self { shop: bed.shop().await }
    }

    fn catalog(&self) -> &Catalog {
        &self.shop.catalog
    }

    fn request(&self, id: &str) -> ImportRequest {
        let mut request = ImportRequest::new(id, "made.csv", || 7);
        request.batch_rows = 20;
        request.rejects = Some(self.shop.dir.path().join("rejects.csv"));
        request
    }

    async fn import(&self, id: &str, made: &Made) -> Result<ImportReport, ImportError> {
        import_source(self.catalog(), &self.request(id), made.clone(), &mut (), pending()).await
    }

    /// What is left: every table and the rejects file.
    async fn left(&self) -> (Vec<String>, String) {
        let rejects = std::fs::read_to_string(self.shop.dir.path().join("rejects.csv")).unwrap_or_default();
        (self.catalog().dump().await, rejects)
    }
}

async fn undisturbed(bed: &Bed, made: &Made) -> (Vec<String>, String) {
    let shop = Importing::new(bed).await;
    shop.import("i", made).await.unwrap();
    shop.left().await
}

pub(super) async fn an_import_accounts_for_every_record(bed: &Bed) {
    let shop = Importing::new(bed).await;
    let report = shop.import("i", &Made::new(100)).await.unwrap();
    let expected = Counters { rows: 100, created: 87, rejected: 10, skipped: 3, ..Counters::default() };
    assert_eq!((report.counters, report.last_record), (expected, 100));
    assert_eq!(shop.left().await.1.lines().count(), 10);
    assert_eq!(report.rejects[0].code, "bad_price");
}

pub(super) async fn failing_at_any_point_and_running_again_gives_what_an_undisturbed_run_gives(bed: &Bed) {
    let made = Made::new(130);
    let expected = undisturbed(bed, &made).await;
    let mut points = 0;
    for passes in 0.. {
        let shop = Importing::new(bed).await;
        shop.catalog().faults().fail_after(passes);
        let first = shop.import("i", &made).await;
        shop.catalog().faults().never();
        let again = shop.import("i", &made).await.unwrap();
        assert_eq!(again.counters.rows, 130);
        assert_eq!(shop.left().await, expected, "after {passes} points");
        if first.is_ok() {
            break;
        }
        assert!(first.unwrap_err().is_transient());
        points += 1;
    }
    assert!(points > 20, "only {points} points were hit");
}

pub(super) async fn failing_again_and_again_still_comes_to_an_end(bed: &Bed) {
    let made = Made::new(130);
    let shop = Importing::new(bed).await;
    let mut tries = 0;
    loop {
        shop.catalog().faults().fail_after(6);
        tries += 1;
        if shop.import("i", &made).await.is_ok() {
            break;
        }
    }
    shop.catalog().faults().never();
    assert!(tries > 3);
    assert_eq!(shop.left().await, undisturbed(bed, &made).await);
}

pub(super) async fn a_resumption_with_another_batch_size_counts_every_record_once(bed: &Bed) {
    struct StopAfter(u32);
    impl ImportObserver for StopAfter {
        async fn on_batch(
            &mut self,
            _: &Progress,
            _: &DirtyKeys,
        ) -> Result<(), Box<dyn Error + Send + Sync>> {
            self.0 -= 1;
            if self.0 == 0 { Err("no more".into()) } else { Ok(()) }
        }
    }
    let shop = Importing::new(bed).await;
    let made = Made::new(130);
    let error =
        import_source(shop.catalog(), &shop.request("i"), made.clone(), &mut StopAfter(2), pending()).await;
    assert!(matches!(error, Err(ImportError::Observer(_))));
    let mut request = shop.request("i");
    request.batch_rows = 33;
    let report = import_source(shop.catalog(), &request, made, &mut (), pending()).await.unwrap();
    let expected = Counters { rows: 130, created: 113, rejected: 13, skipped: 4, ..Counters::default() };
    assert_eq!(report.counters, expected);
    assert_eq!(shop.left().await.1.lines().count(), 13);
}

pub(super) async fn a_cancelled_import_says_where_and_continues_there(bed: &Bed) {
    let shop = Importing::new(bed).await;
    let made = Made::new(130);
    let request = shop.request("i");
    let error = import_source(shop.catalog(), &request, made.clone(), &mut (), ready(())).await.unwrap_err();
    assert!(matches!(error, ImportError::Cancelled { last_record: 0 }), "{error}");
    assert_eq!(shop.import("i", &made).await.unwrap().state, ImportState::Finished);
    assert_eq!(shop.left().await, undisturbed(bed, &made).await);
}

pub(super) async fn an_import_that_has_ended_gives_its_report_again(bed: &Bed) {
    let shop = Importing::new(bed).await;
    let first = shop.import("i", &Made::new(50)).await.unwrap();
    assert_eq!(first, shop.import("i", &Made::new(50)).await.unwrap());
    let other = shop.import("i", &Made::new(51)).await.unwrap_err();
    assert!(matches!(other, ImportError::Catalog(CatalogError::FileChanged { .. })));
}

pub(super) async fn an_identical_delivery_causes_no_work(bed: &Bed) {
    let shop = Importing::new(bed).await;
    shop.import("i1", &Made::new(100)).await.unwrap();
    let before = shop.catalog().dirty(DirtyKind::Text, None, 1000).await.unwrap();
    let report = shop.import("i2", &Made::new(100)).await.unwrap();
    assert_eq!((report.counters.unchanged, report.counters.created, report.missing), (87, 0, 0));
    assert_eq!(before, shop.catalog().dirty(DirtyKind::Text, None, 1000).await.unwrap());
}

pub(super) async fn a_file_that_breaks_off_keeps_what_was_read_and_says_so(bed: &Bed) {
    let shop = Importing::new(bed).await;
    let made = Made { breaks_at: Some(45), ..Made::new(100) };
    let report = shop.import("i", &made).await.unwrap();
    assert_eq!((report.state, report.counters.rows), (ImportState::Failed, 45));
    assert_eq!(report.file_error.unwrap().code, "truncated_gzip");
    assert_eq!(shop.left().await.1.lines().count(), 4);
}

pub(super) async fn a_dry_run_counts_the_same_and_writes_nothing(bed: &Bed) {
    let shop = Importing::new(bed).await;
    shop.import("i1", &Made::new(60)).await.unwrap();
    let before = shop.left().await;
    let made = Made { price: 200, ..Made::new(90) };
    let mut request = shop.request("i2");
    request.dry_run = true;
    let dry = import_source(shop.catalog(), &request, made.clone(), &mut (), pending()).await.unwrap();
    assert_eq!(before, shop.left().await);
    let wet = shop.import("i2", &made).await.unwrap();
    assert!(wet.counters.updated > 0 && wet.counters.created > 0);
    assert_eq!(dry, wet);
}

pub(super) async fn a_refused_row_does_not_make_its_product_missing(bed: &Bed) {
    let shop = Importing::new(bed).await;
    let tenth = Made::new(10).product(10);
    let batch =
        Batch { rows: vec![PreparedRow::new(1, 2, tenth, "main")], last_record: 1, ..Batch::default() };
    let new = NewImport {
        images: None,
        id: "i1".into(),
        file: "f".into(),
        fingerprint: "f".into(),
        source: "main".into(),
        mode: SyncMode::Merge,
        now_ms: 1,
    };
    shop.catalog().begin_import(&new).await.unwrap();
    shop.catalog().apply_batch("i1", batch).await.unwrap();
    shop.catalog().finish_import("i1", None, 2).await.unwrap();
    let mut request = shop.request("i2");
    request.mode = SyncMode::Full { max_missing_percent: 10 };
    let report = import_source(shop.catalog(), &request, Made::new(20), &mut (), pending()).await.unwrap();
    assert_eq!((report.missing, report.archived), (0, 0));
}

pub(super) async fn what_the_observer_hears_is_what_the_catalog_keeps(bed: &Bed) {
    #[derive(Default)]
    struct Collect(BTreeSet<String>, Vec<u64>);
    impl ImportObserver for Collect {
        async fn on_batch(
            &mut self,
            p: &Progress,
            d: &DirtyKeys,
        ) -> Result<(), Box<dyn Error + Send + Sync>> {
            self.0.extend(d.text.iter().cloned());
            self.1.push(p.counters.rows);
            assert_eq!(p.bytes_total, 100);
            Ok(())
        }
    }
    let shop = Importing::new(bed).await;
    let mut heard = Collect::default();
    import_source(shop.catalog(), &shop.request("i"), Made::new(100), &mut heard, pending()).await.unwrap();
    let kept = shop.catalog().dirty(DirtyKind::Text, None, 1000).await.unwrap();
    assert_eq!(heard.0, kept.into_iter().map(|d| d.key).collect());
    assert!(heard.1.len() > 2 && heard.1.is_sorted() && heard.1.last() == Some(&100));
}

pub(super) async fn a_panic_of_the_reader_is_an_error_not_a_crash(bed: &Bed) {
    let shop = Importing::new(bed).await;
    let error = shop.import("i", &Made { panics: true, ..Made::new(10) }).await.unwrap_err();
    assert!(matches!(error, ImportError::Reader(_)) && !error.is_transient());
}

/// The report of a warning is not lost on the way.
#[test]
fn warnings_keep_their_record() {
    let warning = Warning {
        record: 3,
        line: 4,
        code: crate::delivery::WarningCode::LongTitle,
        field: None,
        message: "m".into(),
    };
    assert_eq!(warning.code.to_string(), "long_title");
}
