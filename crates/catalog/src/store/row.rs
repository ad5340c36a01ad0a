//! Rows of either database as values: both stores select the same columns in the same order, whole numbers as 64 bits.

use sqlx::{ColumnIndex, Decode, Row, Type};

use super::batch::{Counters, Issue, Severity};
use super::document::{ImageDoc, levels};
use super::hash;
use super::report::{CodeCount, FileFailure, ImportReport, ImportState, Running, SyncMode};
use crate::product::{Money, Product};

/// The kinds of columns there are.
pub(super) trait Columns {
    fn number(&self, column: usize) -> sqlx::Result<Option<i64>>;
    fn text(&self, column: usize) -> sqlx::Result<Option<String>>;
    fn flag(&self, column: usize) -> sqlx::Result<bool>;
}

impl<R: Row> Columns for R
where
    usize: ColumnIndex<R>,
    i64: Type<R::Database> + for<'r> Decode<'r, R::Database>,
    String: Type<R::Database> + for<'r> Decode<'r, R::Database>,
    bool: Type<R::Database> + for<'r> Decode<'r, R::Database>,
{
    fn number(&self, column: usize) -> sqlx::Result<Option<i64>> {
        self.try_get(column)
    }

    fn text(&self, column: usize) -> sqlx::Result<Option<String>> {
        self.try_get(column)
    }

    fn flag(&self, column: usize) -> sqlx::Result<bool> {
        self.try_get(column)
    }
}

/// A column that is not null, by the schema.
fn whole(row: &impl Columns, column: usize) -> sqlx::Result<i64> {
    row.number(column)?.ok_or_else(|| null(column))
}

fn count(row: &impl Columns, column: usize) -> sqlx::Result<u64> {
    whole(row, column).map(|value| value as u64)
}

fn text(row: &impl Columns, column: usize) -> sqlx::Result<String> {
    row.text(column)?.ok_or_else(|| null(column))
}

fn null(column: usize) -> sqlx::Error {
    sqlx::Error::Decode(format!("column {column} is null").into())
}

/// A product without its image links: columns 1 to 16.
pub(super) fn product(row: &impl Columns) -> sqlx::Result<Product> {
    let (brand, currency) = (text(row, 6)?, text(row, 9)?);
    let small = |column| row.number(column).map(|value| value.map(|value| value as i32));
    Ok(Product {
        sku: text(row, 1)?,
        gtin: row.text(2)?,
        parent_sku: row.text(3)?,
        title: text(row, 4)?,
        description: row.text(5)?,
        brand: (!brand.is_empty()).then_some(brand),
        category: levels(&text(row, 7)?),
        price: row.number(8)?.map(|minor| Money { minor, currency }),
        sale_price_minor: row.number(10)?,
        availability: hash::availability_of(whole(row, 11)?),
        stock: small(12)?,
        weight_g: small(13)?,
        image_links: Vec::new(),
        attributes: json(&text(row, 14)?)?,
        status: hash::status_of(whole(row, 15)?),
        source_updated_at_ms: row.number(16)?,
    })
}

/// An image of a product and why it could not be made: columns 1 to 4.
pub(super) fn image(row: &impl Columns) -> sqlx::Result<(ImageDoc, Option<String>)> {
    let thumbnails = row.text(3)?.map(|manifest| json(&manifest)).transpose()?;
    Ok((ImageDoc { link: text(row, 1)?, content_hash: row.text(2)?, thumbnails }, row.text(4)?))
}

/// The columns of [`super::imports::RUNNING`].
pub(super) fn running(row: &impl Columns) -> sqlx::Result<Running> {
    Ok(Running {
        no: whole(row, 0)?,
        source_id: whole(row, 1)?,
        last_record: count(row, 2)?,
        ended: text(row, 3)? != "running",
        mode: mode(row, 4)?,
        only_new: row.flag(6)?,
    })
}

/// Of this column and the next.
fn mode(row: &impl Columns, column: usize) -> sqlx::Result<SyncMode> {
    let max_missing_percent = whole(row, column + 1)? as u8;
    Ok(if row.flag(column)? { SyncMode::Full { max_missing_percent } } else { SyncMode::Merge })
}

/// The number and, without its codes and issues, the report of an import: the columns of [`super::imports::GET`].
pub(super) fn report(row: &impl Columns) -> sqlx::Result<(i64, ImportReport)> {
    let (code, message) = (row.text(18)?, row.text(19)?);
    let report = ImportReport {
        id: text(row, 1)?,
        file: text(row, 2)?,
        fingerprint: text(row, 3)?,
        source: text(row, 4)?,
        mode: mode(row, 5)?,
        state: match text(row, 7)?.as_str() {
            "running" => ImportState::Running,
            "finished" => ImportState::Finished,
            _ => ImportState::Failed,
        },
        last_record: count(row, 8)?,
        counters: Counters {
            rows: count(row, 9)?,
            created: count(row, 10)?,
            updated: count(row, 11)?,
            unchanged: count(row, 12)?,
            rejected: count(row, 13)?,
            skipped: count(row, 14)?,
            warnings: count(row, 15)?,
        },
        missing: count(row, 16)?,
        archived: count(row, 17)?,
        file_error: code.map(|code| FileFailure { code, message: message.unwrap_or_default() }),
        started_ms: whole(row, 20)?,
        finished_ms: row.number(21)?,
        codes: Vec::new(),
        rejects: Vec::new(),
        remarks: Vec::new(),
    };
    Ok((whole(row, 0)?, report))
}

/// The columns of [`super::imports::CODES`].
pub(super) fn code(row: &impl Columns) -> sqlx::Result<CodeCount> {
    Ok(CodeCount {
        severity: if whole(row, 0)? == 0 { Severity::Error } else { Severity::Warning },
        code: text(row, 1)?,
        count: count(row, 2)?,
    })
}

/// The columns of [`super::imports::ISSUES`].
pub(super) fn issue(row: &impl Columns) -> sqlx::Result<Issue> {
    Ok(Issue {
        record: count(row, 0)?,
        line: count(row, 1)?,
        code: text(row, 2)?,
        field: row.text(3)?,
        message: text(row, 4)?,
    })
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> sqlx::Result<T> {
    serde_json::from_str(text).map_err(|e| sqlx::Error::Decode(e.into()))
}
