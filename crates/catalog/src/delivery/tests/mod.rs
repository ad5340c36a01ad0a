//! Whole deliveries, made small and damaged on purpose.

mod damage;
mod formats;
mod properties;
mod rejects;
mod shops;

use std::path::PathBuf;

use super::{Delivery, FileError, ReadOptions, RecordBatch};

/// A file in a folder that lives as long as it.
pub(super) struct Sample {
    _folder: tempfile::TempDir,
    pub(super) path: PathBuf,
}

pub(super) fn file(content: impl AsRef<[u8]>) -> Sample {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("delivery");
    std::fs::write(&path, content).unwrap();
    Sample { _folder: folder, path }
}

/// Everything that a file gives, read `size` records at a time.
pub(super) fn read_by(sample: &Sample, options: &ReadOptions, size: usize) -> Result<RecordBatch, FileError> {
    let mut delivery = Delivery::open(&sample.path, options)?;
    let mut all = RecordBatch::default();
    while let Some(batch) = delivery.next_batch(size)? {
        assert_eq!(batch.records(), batch.last_record - all.last_record, "every record is accounted for");
        all.rows.extend(batch.rows);
        all.rejects.extend(batch.rejects);
        all.warnings.extend(batch.warnings);
        all.skipped += batch.skipped;
        all.last_record = batch.last_record;
        all.bytes_read = batch.bytes_read;
    }
    Ok(all)
}

pub(super) fn read(content: impl AsRef<[u8]>) -> RecordBatch {
    read_with(content, &ReadOptions::default())
}

pub(super) fn read_with(content: impl AsRef<[u8]>, options: &ReadOptions) -> RecordBatch {
    read_by(&file(content), options, 1_000).unwrap()
}

/// The stable code with which a whole file is refused.
pub(super) fn refusal(content: impl AsRef<[u8]>) -> &'static str {
    let error = read_by(&file(content), &ReadOptions::default(), 10).unwrap_err();
    assert!(!error.to_string().contains('\n'), "one line: {error}");
    error.code.as_str()
}

/// Record numbers and codes of the rejects.
pub(super) fn codes(batch: &RecordBatch) -> Vec<(u64, &'static str)> {
    batch.rejects.iter().map(|reject| (reject.record, reject.code.as_str())).collect()
}

pub(super) fn warnings(batch: &RecordBatch) -> Vec<(u64, &'static str)> {
    batch.warnings.iter().map(|warning| (warning.record, warning.code.as_str())).collect()
}

pub(super) fn titles(batch: &RecordBatch) -> Vec<&str> {
    batch.rows.iter().map(|row| row.product.title.as_str()).collect()
}

pub(super) fn minors(batch: &RecordBatch) -> Vec<i64> {
    batch.rows.iter().map(|row| row.product.price.as_ref().unwrap().minor).collect()
}

pub(super) const HEADER: &str = "sku,gtin,title,description,brand,category,price,currency,stock,image_link\n";

/// A sound record of that number, with `changes` to some cells.
pub(super) fn row(number: u32, changes: &[(usize, &str)]) -> String {
    let sku = format!("SKU-{number}");
    let title = format!("Café chair {number}");
    let mut cells = [
        &sku,
        "4006381333931",
        &title,
        "\"<p>Größe M, prix doux</p>\"",
        "Maison",
        "Home > Chairs",
        "12.99",
        "EUR",
        "7",
        "https://img.example.test/1.jpg",
    ];
    for (column, cell) in changes {
        cells[*column] = cell;
    }
    cells.join(",") + "\n"
}

/// A header and `count` sound records.
pub(super) fn catalog(count: u32) -> String {
    (1..=count).fold(HEADER.to_owned(), |text, number| text + &row(number, &[]))
}
