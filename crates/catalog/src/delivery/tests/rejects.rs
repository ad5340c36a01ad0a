//! The rejects file: corrected or not, it can be delivered again.

use proptest::prelude::*;

use super::*;
use crate::delivery::{Reject, RejectsWriter};

/// The rejects file of a delivery.
fn rejects_file(content: impl AsRef<[u8]>) -> (Vec<Reject>, Vec<u8>) {
    let sample = file(content);
    let delivery = Delivery::open(&sample.path, &ReadOptions::default()).unwrap();
    let rejects = read_by(&sample, &ReadOptions::default(), 10).unwrap().rejects;
    let mut writer = RejectsWriter::new(Vec::new(), delivery.summary()).unwrap();
    for reject in &rejects {
        writer.write(reject).unwrap();
    }
    (rejects, writer.finish().unwrap())
}

#[test]
fn an_uncorrected_rejects_file_is_rejected_for_the_same_reasons() {
    let text = HEADER.to_owned()
        + &row(1, &[(6, "-5"), (2, "=1+1")])
        + &row(2, &[(2, " ")])
        + "short,,row\n"
        + row(4, &[]).trim_end()
        + ",EXTRA\n"
        + &row(5, &[(3, "a\0b")])
        + &row(6, &[(3, &"x".repeat(2 << 20))]);
    let (first, again) = rejects_file(text);
    let (second, third) = rejects_file(&again);
    let without_place = |rejects: &[Reject]| -> Vec<_> {
        rejects.iter().map(|r| (r.code.as_str(), r.value.clone())).collect()
    };
    assert_eq!(without_place(&second[..5]), without_place(&first[..5]));
    assert_eq!((first[5].code.as_str(), second[5].code.as_str()), ("field_too_large", "too_few_columns"));
    let columns = |bytes: &[u8]| bytes.split(|b| *b == b'\n').next().unwrap().to_vec();
    assert_eq!(columns(&third), columns(&again), "its own columns are not carried along");
}

#[test]
fn a_corrected_rejects_file_yields_the_delivered_values() {
    let text =
        HEADER.to_owned() + &row(1, &[(6, "oops"), (2, "=HYPERLINK(1)"), (4, "'@x"), (3, "\"+two\nlines\"")]);
    let (_, again) = rejects_file(text);
    let again = String::from_utf8(again).unwrap();
    let cells = again.lines().nth(1).unwrap();
    assert!(cells.contains("'=HYPERLINK") && !cells.contains(",=HYPERLINK"), "{cells}");
    let batch = read(again.replace(",oops,EUR", ",5.00,EUR"));
    let product = &batch.rows[0].product;
    assert_eq!((product.title.as_str(), product.brand.as_deref()), ("=HYPERLINK(1)", Some("'@x")));
    assert_eq!(product.description.as_deref(), Some("+two\nlines"));
}

#[test]
fn rejected_json_and_feed_items_come_back_as_a_table() {
    let (first, again) = rejects_file(
        "{\"sku\":\"A\",\"title\":\"Chair\",\"price\":\"no\",\"color\":\"red\",\"attributes\":{\"a\":1}}\n",
    );
    assert_eq!(first[0].code.as_str(), "bad_price");
    let corrected = String::from_utf8(again).unwrap().replace(",no,", ",7.00,");
    let corrected = corrected.replacen(",no,", ",x,", 1);
    let batch = read(corrected.replace("bad_price,price,7.00", "bad_price,price,no"));
    assert_eq!(codes(&batch), []);
    let attributes = serde_json::to_string(&batch.rows[0].product.attributes).unwrap();
    assert_eq!(
        (batch.rows[0].product.title.as_str(), attributes.as_str()),
        ("Chair", r#"{"a":1,"color":"red"}"#)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn delivered_cells_survive_the_rejects_file(cells in prop::collection::vec("[a-z'=+@\\-,;\"\n\t ü]{0,8}", 3)) {
        // The price is wrong on purpose; the other cells may be anything.
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["sku", "title", "price", "x", "y", "z"]).unwrap();
        let record: Vec<&str> = ["A", "t", "oops"].into_iter().chain(cells.iter().map(String::as_str)).collect();
        writer.write_record(&record).unwrap();
        let (first, again) = rejects_file(writer.into_inner().unwrap());
        prop_assert_eq!(&first[0].raw, &record);
        let (second, _) = rejects_file(again);
        prop_assert_eq!(&second[0].raw[7..], &first[0].raw[..]);
    }
}
