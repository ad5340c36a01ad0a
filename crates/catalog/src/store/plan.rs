//! Decides, without touching the database, what each row of a batch comes to.

use std::collections::HashSet;

use super::batch::{Batch, Counters, Issue, PreparedRow};
use super::dirty::DirtyKeys;
use super::hash::Hash;
use super::seen::Seen;

/// What decides whether a stored product has to be written.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) id: i64,
    /// Whether its core hash equals the row's.
    pub(super) same: bool,
    pub(super) updated_at: Option<i64>,
}

/// What decides which follow-up work a change causes.
#[derive(Debug)]
pub(super) struct Old {
    /// Hashes of text, images, price and stock.
    pub(super) parts: [Hash; 3],
    pub(super) status: i64,
    pub(super) category: String,
    pub(super) brand: String,
    pub(super) price_key: String,
}

/// What a batch comes to. Numbers are positions in the batch.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// New products and the ids they get.
    pub(super) created: Vec<(usize, i64)>,
    /// Products to be written again.
    pub(super) changed: Vec<(usize, i64)>,
    /// Rows that need no write.
    pub(super) unchanged: u64,
    /// Rows older than what is stored, as warnings; counted as unchanged too.
    pub(super) stale: Vec<Issue>,
    /// Second and later rows of a SKU in the same import, as rejects: the first one stays.
    pub(super) duplicates: Vec<Issue>,
}

/// Rows with the ids of their products.
type Numbered = Vec<(PreparedRow, i64)>;
type Refs<'a> = Vec<(&'a PreparedRow, i64)>;

impl Plan {
    /// The rows that are written, with their ids: new ones, changed ones.
    pub(super) fn rows<'a>(&self, rows: &'a [PreparedRow]) -> (Refs<'a>, Refs<'a>) {
        let of = |list: &[(usize, i64)]| {
            list.iter().filter_map(|(index, id)| Some((rows.get(*index)?, *id))).collect()
        };
        (of(&self.created), of(&self.changed))
    }

    /// Takes the rows that are written out of the batch, with their ids: new ones, changed ones.
    pub(super) fn split(&self, rows: &mut Vec<PreparedRow>) -> (Numbered, Numbered) {
        let mut places: Vec<Option<PreparedRow>> = rows.drain(..).map(Some).collect();
        let mut take = |list: &[(usize, i64)]| -> Numbered {
            let row = |(index, id): &(usize, i64)| Some((places.get_mut(*index)?.take()?, *id));
            list.iter().filter_map(row).collect()
        };
        let written = (take(&self.created), take(&self.changed));
        rows.extend(places.into_iter().flatten());
        written
    }
}

/// Classifies `rows`; `stored` has one entry a row. New products get ids behind `last_id`.
pub(super) fn plan(rows: &[PreparedRow], stored: &[Option<Stored>], seen: &mut Seen, last_id: i64) -> Plan {
    let mut plan = Plan::default();
    let mut new_skus = HashSet::new();
    let mut next_id = last_id;
    for (index, (row, stored)) in rows.iter().zip(stored).enumerate() {
        let Some(stored) = stored else {
            if new_skus.insert(row.product.sku.as_str()) {
                next_id += 1;
                seen.insert(next_id);
                plan.created.push((index, next_id));
            } else {
                plan.duplicates.push(duplicate(row));
            }
            continue;
        };
        if !seen.insert(stored.id) {
            plan.duplicates.push(duplicate(row));
        } else if stored.same {
            plan.unchanged += 1;
        } else if row.product.source_updated_at_ms.zip(stored.updated_at).is_some_and(|(new, old)| new < old)
        {
            plan.unchanged += 1;
            plan.stale.push(stale(row));
        } else {
            plan.changed.push((index, stored.id));
        }
    }
    plan
}

fn duplicate(row: &PreparedRow) -> Issue {
    Issue {
        record: row.record,
        line: row.line,
        code: "duplicate_sku".into(),
        field: Some("sku".into()),
        message: format!("the SKU {} occurs earlier in this delivery; the first row counts", row.product.sku),
    }
}

fn stale(row: &PreparedRow) -> Issue {
    Issue {
        record: row.record,
        line: row.line,
        code: "stale_row".into(),
        field: Some("source_updated_at".into()),
        message: format!("the stored product {} is newer; the row was left out", row.product.sku),
    }
}

pub(super) fn count(batch: &Batch, plan: &Plan) -> Counters {
    let rejected = (batch.rejects.len() + plan.duplicates.len()) as u64;
    Counters {
        rows: batch.rows.len() as u64 + batch.rejects.len() as u64 + batch.skipped,
        created: plan.created.len() as u64,
        updated: plan.changed.len() as u64,
        unchanged: plan.unchanged,
        rejected,
        skipped: batch.skipped,
        warnings: (batch.warnings.len() + plan.stale.len()) as u64,
    }
}

/// Issues found by the reader and by the comparison, in order of record.
pub(super) fn in_order(given: &[Issue], found: Vec<Issue>) -> Vec<Issue> {
    let mut all: Vec<Issue> = given.iter().cloned().chain(found).collect();
    all.sort_by_key(|issue| issue.record);
    all
}

/// Marks the work that new products cause (links excepted). Nothing can be cached of them yet, and what is stored with
/// their vectors comes with those.
pub(super) fn mark_created<'a>(dirty: &mut DirtyKeys, rows: impl Iterator<Item = &'a PreparedRow> + Clone) {
    dirty.text = rows.clone().map(|row| row.product.sku.clone()).collect();
    for row in rows {
        mark_groups(dirty, &row.category, row.product.brand.as_deref().unwrap_or_default(), &row.price_key);
    }
}

/// Marks the work that a changed product causes (links excepted): old and new groups when it moved.
pub(super) fn mark_changed(dirty: &mut DirtyKeys, row: &PreparedRow, old: &Old) {
    let [text, _, price_stock] = old.parts;
    let status_changed = old.status != i64::from(super::hash::status_code(row.product.status));
    dirty.cache.insert(row.product.sku.clone());
    if status_changed || text != row.hashes.text {
        dirty.text.insert(row.product.sku.clone());
    }
    let brand = row.product.brand.as_deref().unwrap_or_default();
    let moved = old.category != row.category || old.brand != brand;
    if status_changed || moved || price_stock != row.hashes.price_stock {
        mark_groups(dirty, &row.category, brand, &row.price_key);
        mark_groups(dirty, &old.category, &old.brand, &old.price_key);
    }
}

fn mark_groups(dirty: &mut DirtyKeys, category: &str, brand: &str, price: &str) {
    for (set, key) in [(&mut dirty.category, category), (&mut dirty.brand, brand), (&mut dirty.price, price)]
    {
        if !set.contains(key) {
            set.insert(key.to_owned());
        }
    }
}
