//! Files that say how often products were asked for: the same containers, encodings, dialects and formats as deliveries,
//! but other columns.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::{ISOWeekDate, Weekday};

use super::checks::text;
use super::checks::values::updated_at_ms;
use super::field::Field;
use super::header::Mapping;
use super::open::Plan;
use super::presets::Target;
use super::raw::{Raw, Source};
use super::{FileCode, FileError, Format, Limits};

pub(crate) use super::Code;
pub(crate) use super::raw::clip;

/// The three columns borrow the places of fields of a product, whose names they share in part.
pub(crate) const SKU: Field = Field::Sku;
/// How often.
pub(crate) const COUNT: Field = Field::Stock;
/// When.
pub(crate) const TIME: Field = Field::UpdatedAt;

const NAMES: [(&str, Field); 3] = [("sku", SKU), ("count", COUNT), ("time", TIME)];

/// Names of exports of shops and of analytics, besides those that deliveries know.
#[rustfmt::skip]
const ALIASES: [(&str, Field); 39] = [
    ("sku", SKU), ("product id", SKU), ("product", SKU), ("product sku", SKU), ("item id", SKU), ("item", SKU),
    ("lineitem sku", SKU), ("article", SKU), ("artikel", SKU),
    ("count", COUNT), ("quantity", COUNT), ("qty", COUNT), ("lines", COUNT), ("orders", COUNT), ("sales", COUNT),
    ("units", COUNT), ("units sold", COUNT), ("sold", COUNT), ("views", COUNT), ("page views", COUNT),
    ("item views", COUNT), ("items viewed", COUNT), ("items purchased", COUNT), ("requests", COUNT), ("hits", COUNT),
    ("lineitem quantity", COUNT), ("qty ordered", COUNT), ("menge", COUNT), ("anzahl", COUNT),
    ("time", TIME), ("timestamp", TIME), ("date", TIME), ("day", TIME), ("week", TIME), ("datum", TIME),
    ("ordered at", TIME), ("created at", TIME), ("order date", TIME), ("paid at", TIME),
];

/// Most characters of a SKU, as of a product's.
const MAX_SKU_CHARS: usize = 64;

/// Reads rows one after the other. Blocking.
pub(crate) struct CountingSource {
    plan: Plan,
    source: Box<dyn Source>,
    raw: Raw,
}

/// A row, its cells by what they mean.
pub(crate) struct Cells<'a> {
    plan: &'a Plan,
    raw: &'a Raw,
}

impl CountingSource {
    pub(crate) fn open(
        path: &Path,
        mapping: &BTreeMap<String, String>,
        limits: Limits,
    ) -> Result<Self, FileError> {
        let mapping = names(mapping).map_err(|text| FileError::new(FileCode::BadMapping, path, text))?;
        let plan = Plan::with(path, None, limits, mapping, &[SKU])?;
        if plan.format() == Format::MerchantXml {
            let text = "is XML; write requests as CSV or JSON lines";
            return Err(FileError::new(FileCode::UnknownFormat, path, text));
        }
        let source = plan.source()?;
        Ok(Self { plan, source, raw: Raw::default() })
    }

    /// What is read from which column; empty where records name their values themselves.
    pub(crate) fn columns(&self) -> BTreeMap<String, String> {
        if self.plan.format() != Format::Csv {
            return BTreeMap::new();
        }
        let columns = &self.plan.columns;
        let of = |(name, field): (&str, Field)| {
            let at = columns.targets.iter().position(|target| *target == Target::Field(field))?;
            Some((name.to_owned(), columns.names[at].trim().to_owned()))
        };
        NAMES.into_iter().filter_map(of).collect()
    }

    /// The next row and its line; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Cells<'_>)>, FileError> {
        if !self.source.next(&mut self.raw)? {
            return Ok(None);
        }
        Ok(Some((self.raw.line, Cells { plan: &self.plan, raw: &self.raw })))
    }
}

impl Cells<'_> {
    /// Whether the row can be taken apart.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        if let Some(fault) = &self.raw.fault {
            return Err((fault.code.as_str(), fault.message.clone().into_owned()));
        }
        let (has, wanted) = (self.raw.len(), self.plan.columns.names.len());
        if has < wanted {
            let text = format!("has {has} columns where the header has {wanted}; add what is missing");
            return Err((Code::TooFewColumns.as_str(), text));
        }
        if self.raw.dropped > 0 || (wanted..self.raw.kept()).any(|at| !self.raw.cell(at).trim().is_empty()) {
            let text =
                format!("has {has} columns where the header has {wanted}; quote cells with the delimiter");
            return Err((Code::TooManyColumns.as_str(), text));
        }
        Ok(())
    }

    fn at(&self, field: Field) -> Option<usize> {
        self.plan.columns.targets.iter().position(|target| *target == Target::Field(field))
    }

    /// Whether rows say this at all: in CSV by their header, in JSON lines each for itself.
    pub(crate) fn has(&self, field: Field) -> bool {
        self.at(field).is_some() && (self.plan.format() == Format::Csv || !self.get(field).is_empty())
    }

    /// Trimmed; empty where there is none.
    pub(crate) fn get(&self, field: Field) -> &str {
        self.at(field).map_or("", |at| self.raw.cell(at)).trim()
    }
}

/// Known names, and those of the caller, which take the place of the known ones of their field.
fn names(mapping: &BTreeMap<String, String>) -> Result<Mapping, String> {
    let mut own: Vec<(&str, Field)> = Vec::new();
    for (column, name) in mapping {
        let Some((_, field)) = NAMES.into_iter().find(|(known, _)| known == name) else {
            return Err(format!("{column:?} cannot be read as {name:?}; use sku, count or time"));
        };
        if let Some((other, _)) = own.iter().find(|(_, taken)| *taken == field) {
            return Err(format!("both {other:?} and {column:?} are read as {name:?}; map one of them"));
        }
        own.push((column, field));
    }
    let free = |(_, field): &(&str, Field)| !own.iter().any(|(_, taken)| taken == field);
    let known: Vec<_> = ALIASES.into_iter().filter(free).collect();
    Ok(Mapping::of(known.into_iter().chain(own)))
}

/// A SKU as deliveries write it.
pub(crate) fn sku_of(cell: &str) -> Result<String, (Code, &'static str)> {
    let sku = text::line(cell);
    if sku.is_empty() {
        return Err((Code::MissingSku, "the SKU is missing; every row needs one"));
    }
    if !text::fits(&sku, MAX_SKU_CHARS) {
        return Err((Code::SkuTooLong, "the SKU has more than 64 characters; no product has such a one"));
    }
    if sku.chars().any(char::is_control) {
        return Err((Code::BadSku, "the SKU contains control characters; remove them"));
    }
    Ok(sku.into_owned())
}

/// A moment in milliseconds since the Unix epoch: RFC 3339, the same without zone (UTC) or time (midnight), a week such
/// as `2026-W47` (its Monday), seconds or milliseconds since 1970.
pub(crate) fn time_ms(cell: &str) -> Option<i64> {
    /// Larger numbers are milliseconds: as seconds they would be the year 5138.
    const MILLISECONDS_FROM: i64 = 100_000_000_000;
    if let Ok(number) = cell.parse::<i64>() {
        return match number {
            ..100_000_000 => None, // a day without dashes, a week, a year: no seconds since 1973
            100_000_000..MILLISECONDS_FROM => number.checked_mul(1000),
            _ => Some(number),
        };
    }
    updated_at_ms(cell).or_else(|| {
        let (year, week) = cell.split_once("-W").or_else(|| cell.split_once("-w"))?;
        let monday = ISOWeekDate::new(year.parse().ok()?, week.parse().ok()?, Weekday::Monday).ok()?;
        updated_at_ms(&monday.date().to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_the_ways_that_exports_write_them() {
        let day = Some(1_795_219_200_000);
        for cell in
            ["2026-11-21", "2026-11-21T00:00:00Z", "2026-11-21 00:00:00", "1795219200", "1795219200000"]
        {
            assert_eq!(time_ms(cell), day, "{cell}");
        }
        assert_eq!(time_ms("2026-W47"), time_ms("2026-11-16"));
        for bad in ["", "yesterday", "20261121", "47", "2026-W54", "2026-13-01", "99999999999999999999"] {
            assert_eq!(time_ms(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_mapping_takes_the_place_of_the_known_names() {
        let map = |pairs: &[(&str, &str)]| {
            names(&pairs.iter().map(|(column, name)| ((*column).to_owned(), (*name).to_owned())).collect())
        };
        let mapped = map(&[("Article No.", "sku")]).unwrap();
        assert_eq!(mapped.target("articleno"), Some(Target::Field(SKU)));
        assert_eq!(mapped.target("item"), None);
        assert_eq!(mapped.target("views"), Some(Target::Field(COUNT)));
        assert!(map(&[("x", "price")]).unwrap_err().contains("use sku, count or time"));
        assert!(map(&[("x", "sku"), ("y", "sku")]).unwrap_err().contains("both"));
    }
}
