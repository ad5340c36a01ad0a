//! What goes into one transaction, and what came of it.

use serde::{Deserialize, Serialize};

use super::dirty::DirtyKeys;
use super::hash::FieldHashes;
use super::keys;
use crate::product::Product;

/// A product with everything that can be computed before the database is touched: hashes and group keys.
#[derive(Clone, Debug)]
pub struct PreparedRow {
    pub(super) record: u64,
    pub(super) line: u64,
    pub(super) product: Product,
    pub(super) attributes: String,
    pub(super) category: String,
    pub(super) price_key: String,
    pub(super) hashes: FieldHashes,
}

impl PreparedRow {
    /// Hashes a row (about 1 µs). `record` counts from 1 in the delivery, `line` is where it starts.
    pub fn new(record: u64, line: u64, product: Product, source: &str) -> Self {
        let attributes =
            if product.attributes.is_empty() { "{}".to_owned() } else { json_object(&product.attributes) };
        let hashes = FieldHashes::of(&product, source, &attributes);
        let (category, price_key) = (keys::category_key(&product.category), keys::price_key(&product));
        Self { record, line, product, attributes, category, price_key, hashes }
    }
}

/// Keys sorted whatever the map's own order is, so that equal objects have equal text.
fn json_object(map: &serde_json::Map<String, serde_json::Value>) -> String {
    let mut pairs: Vec<_> = map.iter().collect();
    pairs.sort_by_key(|(name, _)| *name);
    let fields: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name.as_str())))
        .collect();
    format!("{{{}}}", fields.join(","))
}

/// Whether an issue cost the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The record was refused.
    Error,
    /// The record was taken, something about it deserves a look.
    Warning,
}

/// One remark on one record of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Number of the record, from 1.
    pub record: u64,
    /// Line on which it starts, from 1.
    pub line: u64,
    /// Stable code, `snake_case`.
    pub code: String,
    /// Canonical field name, where one is at fault.
    pub field: Option<String>,
    /// One line for people.
    pub message: String,
}

/// The records of a delivery that are committed together with the checkpoint behind them.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Valid rows in order of record.
    pub rows: Vec<PreparedRow>,
    /// Refused records.
    pub rejects: Vec<Issue>,
    /// SKUs that refused records name: a full sync must not take their products for missing.
    pub refused_skus: Vec<String>,
    /// Remarks on rows that are taken.
    pub warnings: Vec<Issue>,
    /// Records passed over on purpose: counted only.
    pub skipped: u64,
    /// Number of the last record in this batch: the checkpoint.
    pub last_record: u64,
}

/// Counts of an import. `rows = created + updated + unchanged + rejected + skipped`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Records read.
    pub rows: u64,
    /// New products.
    pub created: u64,
    /// Products with at least one changed field.
    pub updated: u64,
    /// Products that needed no write, stale rows included.
    pub unchanged: u64,
    /// Refused records.
    pub rejected: u64,
    /// Records passed over on purpose.
    pub skipped: u64,
    /// Remarks on records that were taken.
    pub warnings: u64,
}

impl Counters {
    /// Adds the counts of another batch.
    pub fn add(&mut self, other: Self) {
        let Self { rows, created, updated, unchanged, rejected, skipped, warnings } = other;
        self.rows += rows;
        self.created += created;
        self.updated += updated;
        self.unchanged += unchanged;
        self.rejected += rejected;
        self.skipped += skipped;
        self.warnings += warnings;
    }
}

/// What one committed batch did.
#[derive(Clone, Debug, Default)]
pub struct BatchOutcome {
    /// Of this batch alone; all zero when the batch lies before the checkpoint.
    pub counters: Counters,
    /// Follow-up work that this batch caused. Also kept in the database, so losing it loses nothing.
    pub dirty: DirtyKeys,
    /// Rows of the batch that are of no more use. The thread that made them frees them cheapest.
    pub spent: Vec<PreparedRow>,
}
