//! A delivered file as a source of records, and its rejects file.

use std::path::{Path, PathBuf};

use super::ImportRequest;
use super::partial_file::PartialFile;
use super::reader::{RejectsFile, Source};
use crate::delivery::{self, Delivery, FileError, ReadOptions, RecordBatch, Reject, Summary};

/// A file that is opened when it is read.
pub(super) struct DeliverySource {
    path: PathBuf,
    options: ReadOptions,
    opened: Option<Delivery>,
    /// Position of the SKU in refused records.
    sku_column: Option<usize>,
}

impl DeliverySource {
    pub(super) fn new(request: &ImportRequest) -> Self {
        Self { path: request.path.clone(), options: request.read.clone(), opened: None, sku_column: None }
    }

    fn delivery(&mut self) -> Result<&mut Delivery, FileError> {
        let opened = match self.opened.take() {
            Some(delivery) => delivery,
            None => Delivery::open(&self.path, &self.options)?,
        };
        self.sku_column = sku_column(opened.summary());
        Ok(self.opened.insert(opened))
    }
}

fn sku_column(summary: &Summary) -> Option<usize> {
    let mapped = summary.mapped.iter().find(|(_, field)| field == "sku").map(|(column, _)| column.as_str());
    let name = mapped.unwrap_or("sku");
    summary.columns.iter().position(|column| column == name)
}

impl Source for DeliverySource {
    fn fingerprint(&mut self) -> Result<String, FileError> {
        delivery::fingerprint(&self.path)
    }

    fn open(&mut self) -> Result<(), FileError> {
        self.opened = None;
        self.delivery().map(|_| ())
    }

    fn next_batch(&mut self, max: usize) -> Result<Option<RecordBatch>, FileError> {
        self.delivery()?.next_batch(max)
    }

    fn refused_sku(&self, reject: &Reject) -> Option<String> {
        let sku = reject.raw.get(self.sku_column?)?.trim();
        (!sku.is_empty()).then(|| sku.to_owned())
    }

    fn bytes_total(&self) -> u64 {
        self.opened.as_ref().map_or(0, |delivery| delivery.summary().file_bytes)
    }

    fn rejects(&self, path: &Path) -> std::io::Result<Box<dyn RejectsFile>> {
        let Some(delivery) = &self.opened else {
            return Err(std::io::Error::other("the delivery is not open"));
        };
        Ok(Box::new(PartialFile::create(path, delivery.summary())?))
    }
}
