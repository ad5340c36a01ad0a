//! What a price cell can and cannot say.

use iso_currency::Currency;
use proptest::prelude::*;

use super::super::Code;
use super::price::{DecimalMark, Evidence, Written, currency};

fn minor(cell: &str, decimals: u32, mark: Option<DecimalMark>) -> Result<i64, Code> {
    Written::scan(cell).and_then(|written| written.minor(decimals, mark)).map_err(|error| error.code)
}

#[test]
fn common_spellings_are_read_alone() {
    for (cell, cents) in [
        ("1.97", 197),
        ("€ 1.97", 197),
        ("9.26 EUR", 926),
        ("EUR48.99", 4899),
        ("4,98 €", 498),
        ("84.230,00", 8_423_000),
        ("1,234,567.8", 123_456_780),
        ("1.234.567", 123_456_700),
        ("12,34,567.00", 123_456_700),
        ("1 299,00", 129_900),
        ("1\u{a0}299,00", 129_900),
        ("1'299.50", 129_950),
        ("52", 5_200),
        ("52.0000", 5_200),
        (".99", 99),
        ("0,5", 50),
        ("12,-", 1_200),
        ("0", 0),
        ("-0.00", 0),
        ("1234,500", 123_450),
    ] {
        assert_eq!(minor(cell, 2, None), Ok(cents), "{cell}");
    }
}

#[test]
fn what_is_no_price_is_refused() {
    for cell in [
        "free",
        "NaN",
        "1e400",
        "1.2.3",
        "12..99",
        "1,2,3",
        "12 99",
        "1.999",
        "12.",
        "1.23,45.6",
        "9".repeat(40).as_str(),
    ] {
        let got = minor(cell, 2, Some(DecimalMark::Point));
        assert!(matches!(got, Err(Code::BadPrice)) || cell == "12.", "{cell}: {got:?}");
    }
    assert_eq!(minor("-5", 2, None), Err(Code::NegativePrice));
    assert_eq!(minor("5,00- €", 2, None), Err(Code::NegativePrice));
    assert_eq!(minor("12.999", 2, Some(DecimalMark::Point)), Err(Code::BadPrice));
}

#[test]
fn three_digits_after_one_mark_need_the_evidence_of_the_column() {
    assert_eq!(minor("1,299", 2, None), Err(Code::AmbiguousPrice));
    assert_eq!(minor("1,299", 2, Some(DecimalMark::Point)), Ok(129_900));
    assert_eq!(minor("1.299", 2, Some(DecimalMark::Comma)), Ok(129_900));
    assert_eq!(minor("1.500", 2, Some(DecimalMark::Point)), Ok(150));
    assert_eq!(minor("0.990", 2, None), Ok(99), "no thousands begin with zero");
}

#[test]
fn the_currency_decides_how_many_decimals_there_are() {
    assert_eq!(minor("1,299", 0, None), Ok(1_299), "yen have no decimals: one reading is left");
    assert_eq!(minor("1299.00", 0, None), Ok(1_299));
    assert_eq!(minor("12.5", 0, None), Err(Code::BadPrice));
    assert_eq!(minor("1.29", 3, None), Ok(1_290));
    assert_eq!(minor("1.299", 3, None), Err(Code::AmbiguousPrice));
    assert_eq!(minor("1.299", 3, Some(DecimalMark::Point)), Ok(1_299));
}

#[test]
fn evidence_of_both_marks_tells_nothing() {
    let mut evidence = Evidence::of("12.99");
    assert_eq!(evidence.mark(), Some(DecimalMark::Point));
    assert_eq!(Evidence::of("1,299").mark(), None);
    assert_eq!(Evidence::of("1.299.000").mark(), Some(DecimalMark::Comma));
    evidence.add(Evidence::of("12,99"));
    assert_eq!(evidence.mark(), None);
}

#[test]
fn signs_codes_and_columns_must_agree_on_the_currency() {
    let (eur, usd) = (Currency::EUR, Currency::USD);
    assert_eq!(currency("", "", eur), Ok(eur));
    assert_eq!(currency("", "jpy", eur), Ok(Currency::JPY));
    assert_eq!(currency("€", "EUR", usd), Ok(eur));
    assert_eq!(currency("$", "", usd), Ok(usd));
    assert_eq!(currency("$", "CAD", eur), Ok(Currency::CAD));
    assert!(currency("$", "", eur).is_err(), "several dollars, and the default is none of them");
    assert!(currency("$", "EUR", eur).is_err());
    assert!(currency("", "EURO", eur).is_err());
    assert!(currency("apples", "", eur).is_err());
}

proptest! {
    #[test]
    fn every_amount_is_read_back_in_either_style(cents in 0i64..=1_000_000_000_000) {
        let plain = format!("{}.{:02}", cents / 100, cents % 100);
        prop_assert_eq!(minor(&plain, 2, None), Ok(cents));
        prop_assert_eq!(minor(&plain.replace('.', ","), 2, None), Ok(cents));
        let mut grouped = String::new();
        let whole = (cents / 100).to_string();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at) % 3 == 0 { grouped.push('.'); }
            grouped.push(digit);
        }
        prop_assert_eq!(minor(&format!("{grouped},{:02} €", cents % 100), 2, None), Ok(cents));
    }

    #[test]
    fn no_text_makes_the_parser_panic(cell in "[-−+0-9.,' €$a-z\u{a0}]{0,12}", decimals in 0u32..4) {
        for mark in [None, Some(DecimalMark::Point), Some(DecimalMark::Comma)] {
            let _ = minor(&cell, decimals, mark);
        }
        let _ = Evidence::of(&cell);
    }
}
