//! What only the whole file can tell: how prices are written, which SKU comes last, who is whose parent.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

use super::FileError;
use super::checks::price::{DecimalMark, Evidence};
use super::checks::text;
use super::field::Field;
use super::header::Columns;
use super::presets::Target;
use super::raw::{Raw, Source};

/// Facts about a whole delivery, gathered by reading it once more. Memory: 16 to 24 bytes a record or variant.
#[derive(Debug, Default)]
pub(crate) struct Prepass {
    price: Evidence,
    sale_price: Evidence,
    last: HashMap<u64, u64>,
    parents: HashMap<u64, u32>,
    parent_skus: Vec<String>,
}

/// The key under which a SKU is remembered. Two of a million SKUs share one with probability 3e-8.
pub(crate) fn sku_key(sku: &str) -> u64 {
    xxh3_64(sku.as_bytes())
}

impl Prepass {
    /// Reads `source` to its end. `last`: also remember the last record of each SKU.
    pub(crate) fn run(source: &mut dyn Source, columns: &Columns, last: bool) -> Result<Self, FileError> {
        let at = |field| columns.targets.iter().position(|target| *target == Target::Field(field));
        let (price, sale_price) = (at(Field::Price), at(Field::SalePrice));
        let (sku, variations) = (at(Field::Sku), at(Field::Variations));
        let mut this = Self::default();
        let mut raw = Raw::default();
        let mut record = 0;
        while source.next(&mut raw)? {
            record += 1;
            if raw.fault.is_some() || raw.len() != columns.names.len() {
                continue;
            }
            for (column, evidence) in [(price, &mut this.price), (sale_price, &mut this.sale_price)] {
                if let Some(column) = column.filter(|column| raw.numbers & (1u64 << (column & 63)) == 0) {
                    evidence.add(Evidence::of(raw.cell(column)));
                }
            }
            let own = text::normal(sku.map_or("", |column| raw.cell(column)));
            if last && !own.is_empty() {
                this.last.insert(sku_key(&own), record);
            }
            if let Some(column) = variations {
                this.relate(&own, raw.cell(column));
            }
        }
        Ok(this)
    }

    /// Remembers the variants that a parent lists, `sku=A,size=S|sku=B,size=M`; the first parent of a SKU stays.
    fn relate(&mut self, parent: &str, variations: &str) {
        let skus = variations.split('|').flat_map(|variant| variant.split(','));
        for sku in skus.filter_map(|pair| pair.trim().strip_prefix("sku=")) {
            if self.parent_skus.last().is_none_or(|last| last != parent) {
                self.parent_skus.push(parent.to_owned());
            }
            self.parents.entry(sku_key(&text::normal(sku))).or_insert(self.parent_skus.len() as u32 - 1);
        }
    }

    /// The decimal mark of a price column, by its own cells or else by the other price column.
    pub(crate) fn mark(&self, field: Field) -> Option<DecimalMark> {
        let (own, other) =
            if field == Field::Price { (self.price, self.sale_price) } else { (self.sale_price, self.price) };
        if own == Evidence::default() { other.mark() } else { own.mark() }
    }

    /// The last record that has the SKU.
    pub(crate) fn last_record(&self, key: u64) -> Option<u64> {
        self.last.get(&key).copied()
    }

    /// The product that lists the SKU among its variants.
    pub(crate) fn parent(&self, sku: &str) -> Option<&str> {
        let index = *self.parents.get(&sku_key(sku))?;
        self.parent_skus.get(index as usize).map(String::as_str).filter(|parent| *parent != sku)
    }
}
