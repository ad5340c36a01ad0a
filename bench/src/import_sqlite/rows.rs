//! Made-up products: the same number gives the same product, about 550 bytes each as CSV.

use backstock_catalog::{Availability, Money, Product};

const BRANDS: [&str; 12] = [
    "Acme", "Borealis", "Cobalt", "Dune", "Elm & Sons", "Fjord", "Grove", "Harbour", "Iris", "Juniper", "Kiln", "Lumen",
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

/// The product of a number.
pub fn product(number: usize) -> Product {
    let pick = |list: &[&str], salt: usize| list[mix(number, salt) % list.len()].to_owned();
    let (kind, colour) = (pick(&KINDS, 1), pick(&COLOURS, 2));
    let sentences: Vec<String> = (10..15).map(|salt| pick(&SENTENCES, salt)).collect();
    Product {
        sku: format!("{}-{number:08}", pick(&SHELVES, 3)[..3].to_uppercase()),
        gtin: Some(gtin13(number)),
        title: format!("{kind} {colour} no. {number}"),
        description: Some(format!("<p>{kind} in {colour}. {}</p>", sentences.join(" "))),
        brand: Some(pick(&BRANDS, 4)),
        category: vec![pick(&SHELVES, 3), format!("{kind}s")],
        price: Some(Money { minor: 199 + (mix(number, 5) % 40_000) as i64, currency: "EUR".to_owned() }),
        availability: if mix(number, 6) % 9 == 0 { Availability::OutOfStock } else { Availability::InStock },
        stock: Some((mix(number, 7) % 200) as i32),
        weight_g: Some((20 + mix(number, 8) % 5_000) as i32),
        image_links: vec![format!("https://img.example.test/products/{:07}.jpg", number / 2)],
        attributes: std::iter::once(("colour".to_owned(), colour.into())).collect(),
        ..Product::default()
    }
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
