//! Made-up products: the same number gives the same product, about 550 bytes each as CSV.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Columns in the order in which [`row`] gives them.
pub const HEADER: [&str; 13] = [
    "sku",
    "gtin",
    "title",
    "description",
    "brand",
    "category",
    "price",
    "currency",
    "availability",
    "stock",
    "weight_g",
    "image_link",
    "attributes",
];

/// Writes a CSV file with `count` products.
pub fn write_csv(path: &Path, count: usize) -> anyhow::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "{}", HEADER.join(","))?;
    for number in 0..count {
        let cells = row(number).map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")));
        writeln!(out, "{}", cells.join(","))?;
    }
    Ok(out.flush()?)
}

const BRANDS: [&str; 12] = [
    "Acme",
    "Borealis",
    "Cobalt",
    "Dune",
    "Elm & Sons",
    "Fjord",
    "Grove",
    "Harbour",
    "Iris",
    "Juniper",
    "Kiln",
    "Lumen",
];
const SHELVES: [&str; 10] =
    ["Garden", "Kitchen", "Office", "Outdoor", "Toys", "Lighting", "Bath", "Storage", "Sport", "Textiles"];
const KINDS: [&str; 8] = ["Lamp", "Basket", "Mug", "Chair", "Blanket", "Shelf", "Bottle", "Rug"];
const COLOURS: [&str; 8] = ["red", "blue", "black", "white", "green", "grey", "navy", "beige"];
const SENTENCES: [&str; 6] = [
    "Ideal for daily use at home and on the way.",
    "Store in a cool, dry place away from direct light.",
    "The packaging is recyclable and free of plastic.",
    "Made in small series by people who know their craft.",
    "A favourite of our customers for more than ten years.",
    "Ships within one working day, returns are free.",
];

/// The cells of a number.
fn row(number: usize) -> [String; 13] {
    let pick = |list: &[&str], salt: usize| list[mix(number, salt) % list.len()].to_owned();
    let (kind, colour, shelf) = (pick(&KINDS, 1), pick(&COLOURS, 2), pick(&SHELVES, 3));
    let sentences: Vec<String> = (10..15).map(|salt| pick(&SENTENCES, salt)).collect();
    let cents = 199 + mix(number, 5) % 40_000;
    let availability = if mix(number, 6).is_multiple_of(9) { "out_of_stock" } else { "in_stock" };
    [
        format!("{}-{number:08}", shelf[..3].to_uppercase()),
        gtin13(number),
        format!("{kind} {colour} no. {number}"),
        format!("<p>{kind} in {colour}. {}</p>", sentences.join(" ")),
        pick(&BRANDS, 4),
        format!("{shelf} > {kind}s"),
        format!("{}.{:02}", cents / 100, cents % 100),
        "EUR".to_owned(),
        availability.to_owned(),
        (mix(number, 7) % 200).to_string(),
        (20 + mix(number, 8) % 5_000).to_string(),
        format!("https://img.example.test/products/{:07}.jpg", number / 2),
        format!("{{\"colour\":\"{colour}\"}}"),
    ]
}

/// A well-mixed number (`SplitMix64`).
fn mix(number: usize, salt: usize) -> usize {
    let mut z = (number as u64 * 31 + salt as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 1) as usize
}

fn gtin13(number: usize) -> String {
    let digits = format!("{:012}", 200_000_000_000 + number);
    let sum: u32 =
        digits.bytes().enumerate().map(|(i, b)| u32::from(b - b'0') * if i % 2 == 0 { 1 } else { 3 }).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}
