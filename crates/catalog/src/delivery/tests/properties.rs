//! What holds for any bytes.

use proptest::prelude::*;

use super::*;

/// Bits of deliveries, sound and damaged, in every format.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::sample::select(vec![
            "sku,title,price\n",
            "sku;title;price\r\n",
            "A,chair,1.00\n",
            "A;b;1,00\n",
            "B,\"open,2\n",
            "\"x\n",
            ",",
            ";",
            "\n",
            "\r",
            "\"",
            "\"\"",
            "{\"sku\":\"A\",\"title\":\"t\",\"price\":1}\n",
            "{",
            "[]\n",
            "<rss>",
            "<item>",
            "</item>",
            "<g:id>A</g:id>",
            "<title>t</title>",
            "<price>1 EUR</price>",
            "</rss>",
            "<![CDATA[",
            "]]>",
            "&amp;",
            "&#0;",
            "\0",
            "\u{feff}",
            "ü",
            "1,299",
            "sep=;\n",
            "A,b,-1\n",
            "_record,_code,sku,title,price\n",
            "1,x,'=A,'=b,2\n",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ]
}

fn everything(content: &[u8], size: usize) -> Result<RecordBatch, FileError> {
    let sample = file(content);
    read_by(&sample, &ReadOptions::default(), size)
        .map(|batch| RecordBatch { bytes_read: 0, ..batch })
        .map_err(|mut error| {
            error.path.clear();
            error
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_bytes_make_the_reader_panic_and_the_batch_size_changes_nothing(
        head in prop::sample::select(vec!["", "sku,title,price\n", "<rss>", "{\"sku\":1}\n"]),
        pieces in prop::collection::vec(piece(), 0..14),
        size in 1usize..5,
    ) {
        let mut content = head.as_bytes().to_vec();
        content.extend(pieces.concat());
        prop_assert_eq!(everything(&content, size), everything(&content, 1_000));
    }

    #[test]
    fn packed_bytes_that_are_damaged_never_make_it_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), kind in 0..2) {
        let text = catalog(30);
        let mut packed = if kind == 0 {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut writer, text.as_bytes()).unwrap();
            writer.finish().unwrap()
        } else {
            ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest)
        };
        for (at, byte) in flips {
            let at = at.index(packed.len());
            packed[at] = byte;
        }
        let _ = everything(&packed, 10);
    }
}

#[test]
fn a_large_file_in_another_encoding_is_read_to_its_end() {
    let text = catalog(4_000).replace('\n', "\r\n");
    let plain = read(&text);
    let wide: Vec<u8> =
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    let wide = read(wide);
    assert_eq!((wide.rows.len(), wide.rejects.len()), (4_000, 0));
    assert_eq!(wide.rows, plain.rows);
}

#[test]
fn a_delivery_may_move_to_a_blocking_thread() {
    fn is_send<T: Send>() {}
    is_send::<Delivery>();
}

#[test]
fn the_fingerprint_is_that_of_the_bytes_on_disk() {
    let print = |content: &str| crate::delivery::fingerprint(&file(content).path).unwrap();
    assert_eq!(print("a,b\n"), print("a,b\n"));
    assert_ne!(print("a,b\n"), print("a,c\n"));
    assert_eq!(print("x").len(), 32);
}

#[test]
fn an_error_in_the_middle_of_a_file_is_returned_again() {
    let noise: Vec<String> =
        (0..60_000u64).map(|n| format!("{n:x}-{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let rows: Vec<String> = noise.iter().map(|noise| format!("{noise},t {noise},1.00\n")).collect();
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut writer, ("sku,title,price\n".to_owned() + &rows.concat()).as_bytes())
        .unwrap();
    let mut packed = writer.finish().unwrap();
    packed.truncate(packed.len() * 9 / 10);
    let sample = file(packed);
    let mut delivery = Delivery::open(&sample.path, &ReadOptions::default()).unwrap();
    assert!(delivery.next_batch(100).unwrap().is_some_and(|batch| batch.rows.len() == 100));
    let error = loop {
        match delivery.next_batch(1_000) {
            Ok(batch) => assert!(batch.is_some(), "the end is never reached"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code.as_str(), "truncated_gzip");
    assert_eq!(delivery.next_batch(1), Err(error));
}

#[test]
fn a_file_larger_than_every_buffer_gives_every_record_in_order() {
    let text = catalog(9_000);
    assert!(text.len() > 1 << 20);
    let batch = read(&text);
    assert_eq!((batch.rows.len(), batch.rejects.len()), (9_000, 0));
    assert!((1..).zip(&batch.rows).all(|(number, row)| row.record == number && row.line == number + 1));
    assert_eq!(batch.bytes_read, text.len() as u64);
}
