//! Rows that an importer must reject, each for a reason of its own.

use crate::csv::{HEADER, record};
use crate::product::Product;

/// A row that is wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Number of the record in the file: 1 is the first behind the header.
    pub record: usize,
    /// The importer's code for what is wrong.
    pub code: &'static str,
}

type Damage = fn(&mut Vec<String>, &Product);

/// What is wrong, and how it is done to the fields of a good row.
const DAMAGES: [(&str, Damage); 13] = [
    ("missing_sku", |row, _| set(row, "sku", "")),
    ("missing_title", |row, _| set(row, "title", "")),
    ("missing_price", |row, _| set(row, "price", "")),
    ("bad_price", |row, _| set(row, "price", "on request")),
    ("negative_price", |row, _| set(row, "price", "-19.90")),
    ("bad_currency", |row, _| set(row, "currency", "EURO")),
    ("negative_stock", |row, _| set(row, "stock", "-3")),
    ("bad_stock", |row, _| set(row, "stock", "plenty")),
    ("bad_gtin", |row, _| set(row, "gtin", "12345")),
    ("bad_gtin_checksum", |row, good| set(row, "gtin", &wrong_check_digit(&good.gtin))),
    ("duplicate_sku", |row, good| set(row, "sku", &good.sku)),
    ("too_few_columns", |row, _| row.truncate(6)),
    ("too_many_columns", |row, _| row.extend(["surplus".to_owned(), "cells".to_owned()])),
];

fn set(row: &mut [String], column: &str, value: &str) {
    if let Some(at) = HEADER.iter().position(|name| *name == column) {
        value.clone_into(&mut row[at]);
    }
}

fn wrong_check_digit(gtin: &str) -> String {
    let (body, check) = gtin.split_at(gtin.len() - 1);
    format!("{body}{}", (check.parse::<u32>().unwrap_or(0) + 1) % 10)
}

/// Mixes the bad rows evenly among the good ones. A damaged row is a copy of the good row before it under a key of its
/// own, so nothing is wrong with it but the one thing.
pub(crate) fn mix(good: &[(Product, String)]) -> (String, Vec<BadRow>) {
    let mut text = record(&HEADER);
    let mut bad = Vec::with_capacity(DAMAGES.len());
    let mut records = 0;
    for (at, (product, image_link)) in good.iter().enumerate() {
        text += &record(&product.fields(image_link));
        records += 1;
        let due = DAMAGES.len() * (at + 1) / good.len();
        while bad.len() < due {
            let (code, damage) = DAMAGES[bad.len()];
            let mut row = product.fields(image_link).to_vec();
            set(&mut row, "sku", &format!("BAD-{:03}", bad.len() + 1));
            set(&mut row, "gtin", "");
            // Fixed, so that a price change does not reach the copy.
            set(&mut row, "price", "9.90");
            damage(&mut row, product);
            text += &record(&row);
            records += 1;
            bad.push(BadRow { record: records, code });
        }
    }
    (text, bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, product::products};

    #[test]
    fn each_damage_is_there_once_and_its_record_is_named() {
        let good: Vec<_> =
            products(&Options::default()).into_iter().map(|product| (product, "x.jpg".to_owned())).collect();
        let (text, bad) = mix(&good);
        assert_eq!(bad.len(), DAMAGES.len());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 1 + good.len() + bad.len());
        let line_of = |code| lines[bad.iter().find(|row| row.code == code).unwrap().record];
        assert!(line_of("missing_sku").starts_with(','));
        assert!(line_of("bad_price").contains("on request"));
        assert!(line_of("too_many_columns").ends_with("surplus,cells"));
    }
}
