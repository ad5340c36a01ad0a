//! Every kind of damage to a record or a file gets its own stable code, and hurts nothing else.

use super::*;
use crate::delivery::{Code, DuplicatePolicy, Limits};

#[test]
fn each_bad_value_is_named_by_its_code() {
    let long_sku = "A".repeat(65);
    let long_title = "t".repeat(501);
    let long_brand = "b".repeat(71);
    let cases: &[(usize, &str, &str)] = &[
        (0, "", "missing_sku"),
        (0, &long_sku, "sku_too_long"),
        (0, "A\u{7}B", "bad_sku"),
        (1, "12AB", "bad_gtin"),
        (1, "4006381333932", "bad_gtin_checksum"),
        (2, "   ", "missing_title"),
        (2, &long_title, "title_too_long"),
        (4, &long_brand, "brand_too_long"),
        (5, "a>b>c>d>e>f>g>h>i>j>k", "bad_category"),
        (6, "", "missing_price"),
        (6, "free", "bad_price"),
        (6, "1e400", "bad_price"),
        (6, "NaN", "bad_price"),
        (6, "1.234.5", "bad_price"),
        (6, "-5", "negative_price"),
        (7, "EURO", "bad_currency"),
        (8, "many", "bad_stock"),
        (8, "-3", "negative_stock"),
        (9, "not a url", "bad_image_link"),
        (9, "ftp://x/y.jpg", "bad_image_link"),
        (9, "javascript:alert(1)", "bad_image_link"),
        (9, "../../etc/passwd.png", "bad_image_link"),
        (3, "a\0b", "nul_byte"),
    ];
    let mut text = HEADER.to_owned();
    for (number, (column, cell, _)) in (1..).zip(cases) {
        text += &row(number, &[(*column, cell)]);
    }
    text += &row(1_000, &[]);
    let batch = read(text);
    let wanted: Vec<_> = (1..).zip(cases).map(|(number, (_, _, code))| (number, *code)).collect();
    assert_eq!(codes(&batch), wanted);
    assert_eq!(batch.rows.len(), 1);
    let price = batch.rejects.iter().find(|reject| reject.code == Code::NegativePrice).unwrap();
    assert_eq!((price.field.as_deref(), price.value.as_str()), (Some("price"), "-5"));
}

#[test]
fn ragged_records_are_rejected_and_empty_cells_at_the_end_are_not() {
    let text =
        catalog(1) + "A,,t,,,,1.00\n" + row(3, &[]).trim_end() + ",EXTRA\n" + row(4, &[]).trim_end() + ",,\n";
    let batch = read(text);
    assert_eq!(codes(&batch), [(2, "too_few_columns"), (3, "too_many_columns")]);
    assert_eq!(batch.rows.len(), 2);
}

#[test]
fn only_accepted_records_claim_their_sku() {
    let text = HEADER.to_owned() + &row(1, &[(6, "free")]) + &row(1, &[]) + &row(1, &[(2, "again")]);
    let batch = read(&text);
    assert_eq!(codes(&batch), [(1, "bad_price"), (3, "duplicate_sku")]);

    let first = ReadOptions { duplicates: DuplicatePolicy::KeepFirst, ..ReadOptions::default() };
    let batch = read_with(&text, &first);
    assert_eq!((batch.skipped, warnings(&batch)), (1, vec![(3, "repeat_skipped")]));

    let last = ReadOptions { duplicates: DuplicatePolicy::KeepLast, ..ReadOptions::default() };
    let batch = read_with(&text, &last);
    assert_eq!(titles(&batch), ["again"]);
    assert_eq!(warnings(&batch), [(2, "superseded")]);
}

#[test]
fn a_lost_quotation_mark_costs_one_record() {
    let text = catalog(3)
        + "SKU-X,123,\"never closed,desc,b,c,1.00,EUR,1,https://x.test/a.jpg\n"
        + &row(5, &[(2, "\"8 1/2\"\" clock\"")])
        + &row(6, &[]);
    let batch = read(text);
    assert_eq!(codes(&batch), [(4, "unclosed_quote")]);
    assert_eq!((batch.rejects[0].line, batch.rejects[0].field.as_deref()), (5, Some("title")));
    assert_eq!(batch.rows.len(), 5);
    assert_eq!(codes(&read(catalog(1) + "B,,\"open to the end")), [(2, "unclosed_quote")]);
}

#[test]
fn a_field_too_large_costs_one_record_and_no_memory() {
    for quoted in [false, true] {
        let cell = "x".repeat(3 << 20);
        let cell = if quoted { format!("\"{cell}\n\"\"{cell}\"") } else { cell };
        let batch = read(HEADER.to_owned() + &row(1, &[]) + &row(2, &[(3, &cell)]) + &row(3, &[]));
        assert_eq!(codes(&batch), [(2, "field_too_large")], "quoted: {quoted}");
        assert_eq!(batch.rows[1].record, 3);
        assert!(batch.rejects[0].raw.iter().all(|cell| cell.len() < 1 << 20));
    }
}

#[test]
fn a_record_too_large_costs_one_record() {
    let limits = Limits { max_record_bytes: 300 << 10, ..Limits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let cells: Vec<(usize, String)> = (3..6).map(|column| (column, "x".repeat(200 << 10))).collect();
    let cells: Vec<(usize, &str)> = cells.iter().map(|(column, cell)| (*column, cell.as_str())).collect();
    let batch = read_with(HEADER.to_owned() + &row(1, &cells) + &row(2, &[]), &options);
    assert_eq!((codes(&batch), batch.rows.len()), (vec![(1, "record_too_large")], 1));
    let line =
        format!("{{\"sku\":\"{}\"}}\n{{\"sku\":\"B\",\"title\":\"t\",\"price\":1}}\n", "x".repeat(400 << 10));
    let batch = read_with(line, &options);
    assert_eq!((codes(&batch), batch.rows.len()), (vec![(1, "record_too_large")], 1));
}

#[test]
fn hostile_html_is_made_harmless() {
    let html = "\"<script>alert(1)</script><p onclick=\"\"x()\"\">ok</p><img src=x onerror=alert(2)>\"";
    let batch = read(HEADER.to_owned() + &row(1, &[(3, html)]) + &row(2, &[(3, "<b>open <i>nest")]));
    let html: Vec<_> = batch.rows.iter().map(|row| row.product.description.as_deref().unwrap()).collect();
    assert!(
        !html[0].contains("script") && !html[0].contains("onclick") && !html[0].contains("onerror"),
        "{}",
        html[0]
    );
    assert_eq!(html[1], "<b>open <i>nest</i></b>");
    let bomb = format!("\"{}\"", "<b>".repeat(10_000));
    assert_eq!(codes(&read(HEADER.to_owned() + &row(1, &[(3, &bomb)]))), [(1, "description_too_long")]);
}

#[test]
fn text_is_normalised_and_long_titles_are_warned_about() {
    let title = "e\u{301}".repeat(151);
    let batch = read(HEADER.to_owned() + &row(1, &[(2, &title)]) + &row(2, &[(2, "\" two\nlines \"")]));
    assert_eq!(titles(&batch), ["é".repeat(151).as_str(), "two lines"]);
    assert_eq!(warnings(&batch), [(1, "long_title")]);
}

#[test]
fn files_that_are_no_deliveries_are_refused_in_one_line() {
    assert_eq!(refusal(""), "empty_file");
    assert_eq!(refusal("\u{feff}\n \n"), "empty_file");
    assert_eq!(refusal(row(1, &[]) + &row(2, &[])), "missing_header");
    assert_eq!(refusal("sku,gtin,title,price,currency,price\nA,,t,1,EUR,2\n"), "duplicate_header");
    assert_eq!(refusal("gtin,title,price\n,t,1\n"), "missing_column");
    assert_eq!(refusal("[{\"sku\":\"A\"}]"), "unknown_format");
    assert_eq!(refusal("<html><body>sku</body></html>"), "unknown_format");
    assert_eq!(refusal("%PDF-1.7"), "unknown_format");
    assert_eq!(refusal("\x01\0\0\0\x02\x03\0\0\0\0sku,title"), "unknown_format");
    let gone = Delivery::open(std::path::Path::new("no/such/file.csv"), &ReadOptions::default()).unwrap_err();
    assert_eq!(gone.code.as_str(), "not_found");
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        Delivery::open(folder.path(), &ReadOptions::default()).unwrap_err().code.as_str(),
        "is_directory"
    );
}

#[test]
fn options_that_mean_nothing_are_refused() {
    let sample = file(catalog(1));
    let refused = |options| Delivery::open(&sample.path, &options).unwrap_err().code.as_str();
    let mapping = |pairs: &[(&str, &str)]| ReadOptions {
        mapping: pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
        ..ReadOptions::default()
    };
    assert_eq!(refused(mapping(&[("a", "no field")])), "bad_mapping");
    assert_eq!(refused(mapping(&[("a", "sku"), ("b", "sku")])), "bad_mapping");
    assert_eq!(
        refused(ReadOptions { default_currency: "EURO".into(), ..ReadOptions::default() }),
        "bad_default_currency"
    );
    assert_eq!(
        refused(ReadOptions { encoding: Some("klingon".into()), ..ReadOptions::default() }),
        "bad_encoding"
    );
    let limits = Limits { max_file_bytes: 10, ..Limits::default() };
    assert_eq!(refused(ReadOptions { limits, ..ReadOptions::default() }), "file_too_large");
}

#[test]
fn a_header_without_records_is_an_empty_delivery() {
    assert_eq!(read(HEADER).last_record, 0);
}
