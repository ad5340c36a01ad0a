use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::delivery::{FileCode, FileError, Limits};

const NOW: i64 = 1_795_219_200_000; // 2026-11-21
const DAY: Duration = Duration::from_hours(24);

fn options() -> RequestReadOptions {
    RequestReadOptions { mapping: BTreeMap::new(), at_ms: NOW, half_life: DAY, limits: Limits::default() }
}

fn read_with(content: &[u8], options: &RequestReadOptions) -> Result<RequestFile, FileError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    read_requests(file.path(), options)
}

fn read(content: impl AsRef<[u8]>) -> RequestFile {
    read_with(content.as_ref(), &options()).unwrap()
}

/// SKU, requests, weight in hundredths.
fn sums(file: &RequestFile) -> Vec<(&str, u64, u64)> {
    let sorted = file.counts.sorted().into_iter();
    sorted.map(|(sku, asked)| (sku, asked.requests, (asked.weight * 100.0).round() as u64)).collect()
}

fn codes(file: &RequestFile) -> Vec<(u64, &str)> {
    file.report.bad_rows.iter().map(|row| (row.line, row.code)).collect()
}

#[test]
fn rows_are_summed_up_by_product_and_fade_by_their_time() {
    let file = read("sku,count,time\nA,4,2026-11-20\nB,1,2026-11-21\nA,1,2026-11-21T00:00:00Z\nA,8,\n");
    assert_eq!(sums(&file), [("A", 13, 1100), ("B", 1, 100)]);
    assert_eq!((file.report.rows, file.report.bad, file.counts.requests()), (4, 0, 14));
}

#[test]
fn exports_are_understood_by_their_own_names() {
    let expected = [("A", 3, 300), ("B", 2, 200)];
    for content in [
        "day;product_id;lines\n2026-11-21;A;3\n2026-11-21;B;2\n",
        "{\"item_id\":\"A\",\"views\":3}\n\n{\"views\":2.0,\"item_id\":\"B\"}\n",
        "Name,Lineitem sku,Lineitem quantity\n#1,A,3\n#2,B,2\n",
        "\u{feff}Date\tProduct ID\n2026-11-21\tA\n2026-11-21\tA\n2026-11-21\tB\n2026-11-21\tB\n2026-11-21\tA\n",
    ] {
        assert_eq!(sums(&read(content)), expected, "{content}");
    }
    let mapping = [("No.", "sku"), ("Times", "count")].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
    let mapped =
        read_with(b"No.,Times,quantity\nA,3,9\nB,2,9\n", &RequestReadOptions { mapping, ..options() });
    let mapped = mapped.unwrap();
    assert_eq!(sums(&mapped), expected);
    let columns: Vec<_> = mapped.report.columns.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(columns, [("count", "Times"), ("sku", "No.")]);
}

#[test]
fn rows_that_cannot_be_read_are_named_with_their_lines_and_left_out() {
    let file = read(format!(
        "sku,count,time\n,1,\nA,x,\nA,-1,\nA,1.5,\nA,1,soon\nA,1,2026-11-23\nA,1\nA,1,,,9\n{},1,\nA,2,2026-11-22\nA,99999999999999,\n",
        "x".repeat(65)
    ));
    let expected = [
        (2, "missing_sku"),
        (3, "bad_count"),
        (4, "bad_count"),
        (5, "bad_count"),
        (6, "bad_time"),
        (7, "future_time"),
        (8, "too_few_columns"),
        (9, "too_many_columns"),
        (10, "sku_too_long"),
        (12, "bad_count"),
    ];
    assert_eq!(codes(&file), expected);
    assert_eq!((file.report.rows, file.report.bad), (11, 10));
    assert_eq!(sums(&file), [("A", 2, 200)], "a day that has begun elsewhere is today");
    assert!(
        file.report.bad_rows[2].message.contains("\"-1\" is below zero"),
        "{:?}",
        file.report.bad_rows[2]
    );
    let lines = read("{\"sku\":\"A\"}\n{\"sku\":\"A\",\"count\":\"\"}\n{\"sku\":\n[1]\n{\"count\":1}\n");
    assert_eq!(codes(&lines), [(3, "bad_json"), (4, "not_an_object"), (5, "missing_sku")]);
    assert_eq!(sums(&lines), [("A", 2, 200)]);
}

#[test]
fn only_the_first_bad_rows_are_kept() {
    let file = read(format!("sku,count\n{}", "A,x\n".repeat(500)));
    assert_eq!((file.report.bad, file.report.bad_rows.len()), (500, 100));
}

#[test]
fn a_file_that_is_none_is_refused_with_a_code() {
    let code = |content: &[u8]| read_with(content, &options()).unwrap_err().code;
    assert_eq!(code(b""), FileCode::EmptyFile);
    assert_eq!(code(b"week,lines\n1,2\n"), FileCode::MissingColumn);
    assert_eq!(code(b"a,b\n1,2\n"), FileCode::MissingHeader);
    assert_eq!(code(b"sku,sku,count\nA,B,1\n"), FileCode::DuplicateHeader);
    assert_eq!(code(b"<rss><channel><item/></channel></rss>"), FileCode::UnknownFormat);
    let limits = Limits { max_file_bytes: 5, ..Limits::default() };
    let large = read_with(b"sku,count\nA,1\n", &RequestReadOptions { limits, ..options() });
    assert_eq!(large.unwrap_err().code, FileCode::FileTooLarge);
    let mapping = BTreeMap::from([("x".to_owned(), "price".to_owned())]);
    let error = read_with(b"sku\nA\n", &RequestReadOptions { mapping, ..options() }).unwrap_err();
    assert_eq!(error.code, FileCode::BadMapping);
}

#[test]
fn packed_files_count_the_same_and_have_a_fingerprint_of_their_own() {
    let plain = "sku,count\nA,3\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(plain.as_bytes()).unwrap();
    let (plain, packed) = (read(plain), read(gzip.finish().unwrap()));
    assert_eq!(plain.counts, packed.counts);
    assert_ne!(plain.report.fingerprint, packed.report.fingerprint);
}

#[test]
fn more_products_than_can_be_counted_are_refused() {
    let mut counts = RequestCounts::new(0, DAY);
    for number in 0..MAX_PRODUCTS {
        counts.add(&number.to_string(), 1, 0).unwrap();
    }
    assert_eq!(counts.add("one more", 1, 0), Err(TooManyProducts));
    assert_eq!(counts.add("7", 1, 0), Ok(()));
    assert_eq!(counts.products(), MAX_PRODUCTS);
}

proptest! {
    #[test]
    fn no_content_makes_reading_panic_and_every_row_is_accounted_for(rows in prop::collection::vec("\\PC{0,30}", 0..20)) {
        let content = format!("sku,count,time\n{}", rows.join("\n"));
        if let Ok(file) = read_with(content.as_bytes(), &options()) {
            prop_assert!(file.report.bad <= file.report.rows);
            prop_assert!(file.counts.products() as u64 <= file.report.rows);
        }
    }
}
