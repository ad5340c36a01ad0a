//! The same catalog in every container, encoding, dialect and format gives the same products.

use std::io::Write;

use super::*;
use crate::delivery::{Container, Format, Limits, LineEnd, Preset};

/// Products without what differs by nature between formats.
fn products(content: impl AsRef<[u8]>) -> Vec<crate::Product> {
    let batch = read(content);
    assert_eq!(codes(&batch), []);
    batch.rows.into_iter().map(|row| row.product).collect()
}

fn summary(content: impl AsRef<[u8]>) -> crate::delivery::Summary {
    Delivery::open(&file(content).path, &ReadOptions::default()).unwrap().summary().clone()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(content, ruzstd::encoding::CompressionLevel::Fastest)
}

fn zip(files: &[(&str, &[u8])], method: zip::CompressionMethod) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, content) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2], mark: bool) -> Vec<u8> {
    let mark = mark.then_some(0xfeff);
    mark.into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
}

#[test]
fn containers_are_recognised_by_their_first_bytes() {
    let text = catalog(50);
    let plain = products(&text);
    let bytes = text.as_bytes();
    let two_members = [gzip(&bytes[..99]), gzip(&bytes[99..])].concat();
    let skippable =
        [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstd(&bytes[..99]), &zstd(&bytes[99..])]
            .concat();
    let extras: &[(&str, &[u8])] = &[("export/products.csv", bytes), ("__MACOSX/._products.csv", b"x")];
    for (packed, container) in [
        (gzip(bytes), Container::Gzip),
        (two_members, Container::Gzip),
        (zstd(bytes), Container::Zstd),
        (skippable, Container::Zstd),
        (zip(extras, zip::CompressionMethod::Deflated), Container::Zip),
        (zip(extras, zip::CompressionMethod::Stored), Container::Zip),
    ] {
        assert_eq!(summary(&packed).container, container);
        assert_eq!(products(&packed), plain, "{container:?}");
    }
}

#[test]
fn packed_files_that_end_early_or_are_damaged_are_refused() {
    // Noise keeps the packed data longer than any buffer.
    let noise: Vec<String> =
        (0..20_000u64).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let text = catalog(50) + &noise.concat();
    let (gz, zst) = (gzip(text.as_bytes()), zstd(text.as_bytes()));
    assert_eq!(refusal(&gz[..gz.len() / 2]), "truncated_gzip");
    assert_eq!(refusal(&gz[..gz.len() - 4]), "truncated_gzip");
    assert_eq!(refusal(&zst[..zst.len() / 2]), "truncated_zstd");
    let mut damaged = gz;
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xff);
    assert_eq!(refusal(damaged), "corrupt_archive");
    let packed = zip(&[("a.csv", text.as_bytes())], zip::CompressionMethod::Stored);
    assert_eq!(refusal(&packed[..packed.len() / 2]), "truncated_zip");
    let mut damaged = packed;
    damaged[5_000] ^= 1;
    assert_eq!(refusal(damaged), "corrupt_archive");
}

#[test]
fn a_zip_must_hold_exactly_one_file() {
    let stored = zip::CompressionMethod::Stored;
    assert_eq!(refusal(zip(&[("a.csv", b"x"), ("b.csv", b"y")], stored)), "zip_entries");
    assert_eq!(refusal(zip(&[], stored)), "zip_entries");
    assert_eq!(refusal(zip(&[("[Content_Types].xml", b"x"), ("xl/a", b"y")], stored)), "unknown_format");
}

#[test]
fn a_bomb_is_refused_before_it_fills_anything() {
    let bomb = gzip((catalog(1) + &"x".repeat(4 << 20)).as_bytes());
    let sample = file(bomb);
    let limits = Limits { max_unpacked_bytes: 1 << 20, ..Limits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    assert_eq!(read_by(&sample, &options, 10).unwrap_err().code.as_str(), "zip_bomb");
    let bomb = gzip((catalog(1) + &"x".repeat(70 << 20)).as_bytes());
    assert_eq!(refusal(bomb), "zip_bomb", "by ratio");
}

#[test]
fn encodings_are_found_by_mark_or_content() {
    let text = catalog(20);
    let plain = products(&text);
    let (latin, _, lossy) = encoding_rs::WINDOWS_1252.encode(&text);
    assert!(!lossy);
    for (content, encoding) in [
        (format!("\u{feff}{text}").into_bytes(), "utf-8"),
        (utf16(&text, u16::to_le_bytes, true), "utf-16le"),
        (utf16(&text, u16::to_be_bytes, true), "utf-16be"),
        (utf16(&text, u16::to_le_bytes, false), "utf-16le"),
        (utf16(&text, u16::to_be_bytes, false), "utf-16be"),
        (latin.into_owned(), "windows-1252"),
    ] {
        assert_eq!(summary(&content).encoding, encoding);
        assert_eq!(products(&content), plain, "{encoding}");
    }
}

#[test]
fn the_caller_may_name_the_encoding() {
    let (cyrillic, ..) = encoding_rs::WINDOWS_1251.encode("sku,title,price\nA,стул,1.00\n");
    let options = ReadOptions { encoding: Some("cp1251".into()), ..ReadOptions::default() };
    assert_eq!(titles(&read_with(cyrillic, &options)), ["стул"]);
}

#[test]
fn one_damaged_record_does_not_change_the_encoding_of_the_file() {
    let mut bytes = catalog(20).into_bytes();
    bytes.extend_from_slice(b"L-1,,Caf\xe9 table,,,,5.00,EUR,1,\n");
    bytes.extend_from_slice(row(99, &[]).as_bytes());
    let batch = read(bytes);
    assert_eq!(warnings(&batch), [(21, "mixed_encoding")]);
    assert_eq!(batch.rows[20].product.title, "Café table");
    assert_eq!(batch.rows[21].product.title, "Café chair 99");
}

#[test]
fn half_characters_in_neighbouring_cells_are_not_joined() {
    let mut bytes = catalog(20).into_bytes();
    bytes.extend_from_slice(b"L-1,,x\xc3,\xa9y,,,5.00,EUR,1,\n");
    assert_eq!(read(bytes).rows[20].product.title, "xÃ");
}

#[test]
fn dialects_are_found_from_the_header() {
    let text = catalog(10);
    let plain = products(&text);
    let other = |delimiter: &str| {
        text.replace("\"<p>Größe M, prix doux</p>\"", "<p>Größe M§ prix doux</p>")
            .replace(',', delimiter)
            .replace('§', ",")
    };
    for (content, delimiter, line_end) in [
        (other(";"), ';', LineEnd::Lf),
        (other("\t"), '\t', LineEnd::Lf),
        (other("|"), '|', LineEnd::Lf),
        (format!("sep=;\r\n{}", other(";")), ';', LineEnd::Lf),
        (format!("Export from ERP;21.11.2026\n\n{text}"), ',', LineEnd::Lf),
        (text.replace('\n', "\r\n"), ',', LineEnd::Lf),
        (text.replace('\n', "\r"), ',', LineEnd::Cr),
        (text.replace('\n', "\n\n") + "\n \n,,,\n", ',', LineEnd::Lf),
        (text.replace('"', "'"), ',', LineEnd::Lf),
    ] {
        let content = if content.contains('\'') { content.replacen("sku,", "'sku',", 1) } else { content };
        let dialect = summary(&content).dialect.unwrap();
        assert_eq!((dialect.delimiter, dialect.line_end), (delimiter, line_end), "{content}");
        assert_eq!(products(&content), plain, "{content}");
    }
}

#[test]
fn records_and_lines_are_counted_apart() {
    let text = format!(
        "junk;1\n\n{HEADER}{}\n{}",
        row(1, &[(3, "\"two\nlines\"")]),
        row(2, &[]) + &row(3, &[(6, "x")])
    );
    let batch = read(text);
    let places: Vec<_> = batch.rows.iter().map(|row| (row.record, row.line)).collect();
    assert_eq!(places, [(1, 4), (2, 7)]);
    assert_eq!((batch.rejects[0].record, batch.rejects[0].line), (3, 8));
}

#[test]
fn a_column_of_decimal_commas_is_read_as_such() {
    let batch = read("sku;title;price\nA;a;12,99\nB;b;1.299\nC;c;1.299,5\n");
    assert_eq!(minors(&batch), [1_299, 129_900, 129_950]);
    let mixed = read("sku;title;price\nA;a;12,99\nB;b;1.299\nC;c;12.99\n");
    assert_eq!(codes(&mixed), [(2, "ambiguous_price")], "the column uses both marks");
    let other_column = read("sku;title;price;sale_price\nA;a;1.299;12,99\n");
    assert_eq!(minors(&other_column), [129_900], "the sale price tells");
}

#[test]
fn currencies_have_their_own_number_of_decimals() {
    let batch = read("sku,title,price,currency\nA,a,1299,JPY\nB,b,1.5,BHD\nC,c,£5,\nD,d,1.5,JPY\nE,e,$5,\n");
    assert_eq!(minors(&batch), [1_299, 1_500, 500]);
    assert_eq!(batch.rows[2].product.price.as_ref().unwrap().currency, "GBP");
    assert_eq!(codes(&batch), [(4, "bad_price"), (5, "bad_currency")]);
}

#[test]
fn json_lines_are_read_by_the_same_names() {
    let text = concat!(
        "{\"id\":\"A\",\"name\":\"Chair\",\"price\":1.299,\"currency\":\"BHD\",\"stock\":3,\"color\":\"red\",",
        "\"images\":[\"https://x.test/1.jpg\",\"b/2.png\"],\"attributes\":{\"size\":[1,2]},\"category\":[\"Home\",\"Chairs\"]}\n",
        "{\"sku\":\"B\",\n",
        "\n[]\n",
        "{\"sku\":\"C\",\"title\":{\"en\":\"x\"},\"price\":1}\n",
        "{\"sku\":\"D\",\"title\":\"a\\u0000\",\"price\":1}\n",
    );
    let batch = read(text);
    assert_eq!(codes(&batch), [(2, "bad_json"), (3, "not_an_object"), (4, "wrong_type"), (5, "nul_byte")]);
    let product = &batch.rows[0].product;
    assert_eq!(product.price.as_ref().unwrap().minor, 1_299, "a JSON number is never ambiguous");
    assert_eq!(product.image_links, ["https://x.test/1.jpg", "b/2.png"]);
    assert_eq!(product.category, ["Home", "Chairs"]);
    assert_eq!(serde_json::to_string(&product.attributes).unwrap(), r#"{"color":"red","size":[1,2]}"#);
    assert_eq!(summary(text).format, Format::JsonLines);
}

#[test]
fn product_feeds_are_read_as_rss_and_atom() {
    let item = concat!(
        "<g:id>A</g:id><title>Chair &amp; table</title><g:description><![CDATA[<p>Größe</p>]]></g:description>",
        "<g:price>12.99 EUR</g:price><g:sale_price>9.99 EUR</g:sale_price><g:availability>preorder</g:availability>",
        "<g:image_link>https://x.test/1.jpg</g:image_link><g:additional_image_link>https://x.test/2.jpg</g:additional_image_link>",
        "<g:additional_image_link>https://x.test/3.jpg</g:additional_image_link><g:item_group_id>P</g:item_group_id>",
        "<g:product_type>Home &gt; Chairs</g:product_type><g:shipping><g:price>4 EUR</g:price></g:shipping>",
    );
    let rss = format!(
        "<?xml version=\"1.0\"?><rss xmlns:g=\"http://base.google.com/ns/1.0\"><channel><title>shop</title><item>{item}</item>\n<item><g:id>B</g:id></item></channel></rss>"
    );
    let atom = format!(
        "<feed xmlns:g=\"http://base.google.com/ns/1.0\"><title>shop</title><entry>{item}<link href=\"https://x.test/p\"/></entry></feed>"
    );
    let batch = read(&rss);
    assert_eq!(codes(&batch), [(2, "missing_title")]);
    let product = &batch.rows[0].product;
    assert_eq!(
        (product.title.as_str(), product.description.as_deref()),
        ("Chair & table", Some("<p>Größe</p>"))
    );
    assert_eq!((product.price.as_ref().unwrap().minor, product.sale_price_minor), (1_299, Some(999)));
    assert_eq!(product.availability, crate::Availability::Preorder);
    assert_eq!(
        (product.image_links.len(), product.category.len(), product.parent_sku.as_deref()),
        (3, 2, Some("P"))
    );
    assert_eq!(products(&atom)[0].attributes["link"], "https://x.test/p");
    assert_eq!((summary(&rss).format, summary(&rss).preset), (Format::MerchantXml, Preset::GoogleMerchant));
    assert_eq!(refusal(&rss[..rss.len() - 30]), "bad_xml");
}

#[test]
fn feeds_in_other_encodings_and_with_damage_are_read() {
    let feed = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><rss><item><id>A</id><title>Café</title><price>1 EUR</price></item></rss>";
    let (latin, ..) = encoding_rs::WINDOWS_1252.encode(feed);
    assert_eq!(titles(&read(latin)), ["Café"]);
    let (damaged, ..) = encoding_rs::WINDOWS_1252.encode(feed);
    let damaged =
        [b"<rss><item><title>\xc3\xa4\xc3\xb6\xc3\xbc</title></item>", &damaged[damaged.len() - 80..]]
            .concat();
    let start = damaged.windows(6).position(|window| window == b"<item>").unwrap();
    let batch = read(&damaged[start - 5..]);
    assert!(batch.warnings.iter().all(|warning| warning.code.as_str() == "mixed_encoding"));
}
