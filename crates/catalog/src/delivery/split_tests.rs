//! What is a record, and where reading goes on after a lost quotation mark.

use proptest::prelude::*;

use super::LineEnd;
use super::cells::Cells;
use super::split::{Shape, Split, split_record};

fn shape(columns: usize) -> Shape {
    Shape { delimiter: b',', quote: b'"', columns, max_field_bytes: 1 << 10, max_columns: 100 }
}

/// Every record of a whole text as its cells, or the kind of damage with the cells before it.
fn split_all(text: &[u8], shape: &Shape, line_end: LineEnd) -> Vec<(&'static str, Vec<String>)> {
    let (mut at, mut all, mut cells) = (0, Vec::new(), Cells::default());
    while at < text.len() {
        let split = split_record(&text[at..], true, line_end, shape, &mut cells);
        let texts = || cells.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
        let length = match split {
            Split::Record { length, .. } => {
                all.push(("record", texts()));
                length
            }
            Split::Blank { length } => length,
            Split::Unclosed { length, .. } => {
                all.push(("unclosed", texts()));
                length
            }
            Split::FieldTooLarge { .. } => {
                all.push(("too large", texts()));
                return all;
            }
            Split::NeedMore => panic!("whole text never needs more"),
        };
        assert!(length > 0, "progress");
        at += length;
    }
    all
}

fn records(text: &str, columns: usize) -> Vec<Vec<String>> {
    split_all(text.as_bytes(), &shape(columns), LineEnd::Lf).into_iter().map(|(_, cells)| cells).collect()
}

#[test]
fn quoted_cells_hold_delimiters_line_breaks_and_doubled_quotes() {
    assert_eq!(
        records("a,\"b,\"\"x\"\"\nc\",d\r\n1,2,3", 3),
        [vec!["a", "b,\"x\"\nc", "d"], vec!["1", "2", "3"]]
    );
    assert_eq!(
        records("\"a\" ,b\n,\n", 2),
        [["a", "b"]],
        "spaces after a quoted cell; a row of nothing is blank"
    );
}

#[test]
fn a_quotation_mark_that_is_not_doubled_is_taken_as_it_stands() {
    let mut cells = Cells::default();
    let split = split_record(b"1,\"19\" shelf\",x\n", true, LineEnd::Lf, &shape(3), &mut cells);
    assert!(matches!(split, Split::Record { stray_quotes: 1, .. }));
    assert_eq!(cells.get(1), b"19\" shelf");
}

#[test]
fn reading_goes_on_at_the_next_clean_line_after_a_lost_quotation_mark() {
    for next in ["2,plain,y\n3,z,z\n", "2,\"quoted\",y\n3,z,z\n", "2,\"two\nlines\",y\n3,z,z\n"] {
        let text = format!("1,\"never closed,x\n{next}");
        let all = split_all(text.as_bytes(), &shape(3), LineEnd::Lf);
        let kinds: Vec<_> = all.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, ["unclosed", "record", "record"], "{next}");
        assert_eq!(all[0].1, ["1", "\"never closed", "x"]);
        assert_eq!(all[2].1[0], "3");
    }
}

#[test]
fn cells_of_several_lines_are_not_mistaken_for_lost_quotation_marks() {
    let text = "1,\"first\nsecond, with comma\nsaid \"hi\" there\",x\n2,b,y\n";
    let kinds: Vec<_> =
        split_all(text.as_bytes(), &shape(3), LineEnd::Lf).iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, ["record", "record"]);
}

#[test]
fn carriage_returns_alone_end_lines_in_old_spreadsheets() {
    let all = split_all(b"a,b\r\"c\rd\",e\r", &shape(2), LineEnd::Cr);
    assert_eq!(all.iter().map(|(_, cells)| cells.clone()).collect::<Vec<_>>(), [["a", "b"], ["c\rd", "e"]]);
}

#[test]
fn a_field_beyond_the_limit_is_not_kept() {
    for text in [format!("1,{},x\n", "y".repeat(2_000)), format!("1,\"{}\",x\n", "y".repeat(2_000))] {
        assert_eq!(split_all(text.as_bytes(), &shape(3), LineEnd::Lf), [("too large", vec!["1".to_owned()])]);
    }
}

proptest! {
    #[test]
    fn well_formed_text_is_split_as_the_csv_crate_splits_it(
        rows in prop::collection::vec(prop::collection::vec("[a-c\",\n\r ü]{0,6}", 3), 1..8)
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let text = writer.into_inner().unwrap();
        let wanted: Vec<_> = rows.into_iter().filter(|row| row.iter().any(|cell| !cell.trim_ascii().is_empty())).collect();
        let got = split_all(&text, &shape(0), LineEnd::Lf);
        prop_assert!(got.iter().all(|(kind, _)| *kind == "record"));
        prop_assert_eq!(got.into_iter().map(|(_, cells)| cells).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn no_bytes_make_the_splitter_panic_or_stand_still(text in "[a,\"\n\r ]{0,60}", columns in 0usize..4, cr: bool) {
        let line_end = if cr { LineEnd::Cr } else { LineEnd::Lf };
        let tiny = Shape { max_field_bytes: 8, max_columns: 3, ..shape(columns) };
        split_all(text.as_bytes(), &tiny, line_end);
    }

    #[test]
    fn more_text_never_changes_an_answer(text in "[a,\"\n]{0,40}", columns in 0usize..4, small: bool) {
        let shape = Shape { max_field_bytes: if small { 6 } else { 1_000 }, ..shape(columns) };
        let (mut part, mut full) = (Cells::default(), Cells::default());
        let whole = split_record(text.as_bytes(), true, LineEnd::Lf, &shape, &mut full);
        for cut in 0..text.len() {
            let early = split_record(&text.as_bytes()[..cut], false, LineEnd::Lf, &shape, &mut part);
            match (early, whole) {
                (Split::NeedMore, _) => {}
                // Where the passing over begins depends on what was at hand, what is found does not.
                (Split::FieldTooLarge { column: a, quoted: b, .. }, Split::FieldTooLarge { column: c, quoted: d, .. }) => {
                    prop_assert_eq!((a, b), (c, d));
                }
                (early, whole) => prop_assert_eq!(early, whole, "cut at {}", cut),
            }
        }
    }
}
