//! What reading yields: products, rejected records and warnings.

use serde::{Deserialize, Serialize};

use super::{Code, WarningCode};
use crate::Product;

/// The next records of a delivery. `last_record` of one batch + 1 is the first record of the next:
/// `records = rows + rejects + skipped`, always.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordBatch {
    /// Accepted, in file order.
    pub rows: Vec<Row>,
    /// Rejected, in file order.
    pub rejects: Vec<Reject>,
    /// Oddities of accepted and skipped records, in file order.
    pub warnings: Vec<Warning>,
    /// Records passed over on purpose (duplicate policy, image-only rows); each has a warning.
    pub skipped: u64,
    /// Number of the last record in here; the first record of a file is 1.
    pub last_record: u64,
    /// Bytes of the file (compressed, if it is) read so far, for progress.
    pub bytes_read: u64,
}

impl RecordBatch {
    /// Accepted, rejected and skipped records together.
    pub fn records(&self) -> u64 {
        self.rows.len() as u64 + self.rejects.len() as u64 + self.skipped
    }
}

/// An accepted record.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Number in the file, from 1, header and blank lines not counted.
    pub record: u64,
    /// Physical line in the (unpacked) file on which it begins, from 1.
    pub line: u64,
    /// The product.
    pub product: Product,
}

/// A rejected record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// Number in the file, from 1, header and blank lines not counted.
    pub record: u64,
    /// Physical line in the (unpacked) file on which it begins, from 1.
    pub line: u64,
    /// Where it begins, in bytes of the unpacked text after conversion to UTF-8.
    pub byte: u64,
    /// The first thing that is wrong, in the order of [`Code`].
    pub code: Code,
    /// Name of the field at fault, if it is one field.
    pub field: Option<String>,
    /// The value at fault, at most 200 characters.
    pub value: String,
    /// What is wrong and what to do.
    pub message: String,
    /// The delivered columns, parallel to [`Summary::columns`](super::Summary::columns); fewer or more when the
    /// record had fewer or more. Ends before a field that was too large to keep.
    pub raw: Vec<String>,
}

/// Something odd about a record that was not rejected for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Number in the file, from 1.
    pub record: u64,
    /// Physical line on which it begins, from 1.
    pub line: u64,
    /// What is odd.
    pub code: WarningCode,
    /// Name of the field concerned, if it is one field.
    pub field: Option<String>,
    /// What was done about it.
    pub message: String,
}
