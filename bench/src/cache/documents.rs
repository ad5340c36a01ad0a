//! Made-up products as the catalog renders them.

use super::replay::key;
use super::skew::Sales;
use crate::random::Random;
use backstock_cache::{Cache, CacheOptions, Packed, Value};
use backstock_catalog::{Availability, ImageDoc, Money, Product, ProductDoc, Status};
use backstock_media::{Format, Manifest, OutputFile};
use std::time::Instant;

const SYLLABLES: [&str; 32] = [
    "ba", "cor", "den", "el", "fin", "gra", "hol", "im", "ja", "kel", "lor", "mas", "nin", "op", "per",
    "qui", "ras", "sto", "tum", "ur", "vel", "wen", "xi", "yar", "zen", "ch", "st", "tion", "ing", "er",
    "ly", "ment",
];
const COMMON: [&str; 16] = [
    "the", "and", "with", "for", "of", "in", "is", "to", "a", "from", "your", "or", "on", "made", "all", "by",
];
/// Words in all descriptions together.
const VOCABULARY: f64 = 4_000.0;
/// Of the documents looked at for what packing gains.
const SAMPLE: usize = 5_000;

/// The document of a product: a description of 60 to 140 words, one picture with four thumbnails. The same number gives the
/// same document.
pub fn render(sales: &Sales, product: u32) -> Vec<u8> {
    let (sku, name) = &sales.products[product as usize];
    let random = Random::seeded(u64::from(product) * 31 + 5);
    let title = if name.is_empty() { words(&random, 5) } else { name.clone() };
    let length = 60 + random.below(80);
    let link = format!("p/{sku}.jpg");
    let manifest = manifest(&random);
    let doc = ProductDoc {
        product: Product {
            sku: sku.clone(),
            gtin: Some(format!("{:013}", random.below(10_000_000_000_000))),
            parent_sku: None,
            title,
            description: Some(format!("<p>{}.</p>", words(&random, length))),
            brand: Some(words(&random, 1)),
            category: vec![words(&random, 1), words(&random, 1)],
            price: Some(Money { minor: random.below(20_000) as i64, currency: "EUR".to_owned() }),
            sale_price_minor: None,
            availability: Availability::InStock,
            stock: Some(random.below(500) as i32),
            weight_g: Some(random.below(5_000) as i32),
            image_links: vec![link.clone()],
            attributes: serde_json::Map::new(),
            status: Status::Active,
            source_updated_at_ms: None,
        },
        images: vec![ImageDoc {
            link,
            content_hash: Some(manifest.source_hash.clone()),
            thumbnails: serde_json::to_value(&manifest).ok(),
        }],
        warnings: Vec::new(),
    };
    serde_json::to_vec(&doc).expect("a document has no keys that are not text")
}

/// Words as rare as in a language: the n-th most common one is about n times as rare as the first.
fn words(random: &Random, number: u64) -> String {
    let word = |random: &Random| {
        let rank = VOCABULARY.powf(random.unit()) as u64;
        if let Some(common) = COMMON.get(rank as usize - 1) {
            (*common).to_owned()
        } else {
            let of_rank = Random::seeded(rank);
            (0..2 + rank % 3).map(|_| SYLLABLES[of_rank.below(32) as usize]).collect()
        }
    };
    (0..number).map(|_| word(random)).collect::<Vec<String>>().join(" ")
}

/// One picture with four thumbnails.
fn manifest(random: &Random) -> Manifest {
    let hex = |bytes: u64| {
        let digits = (0..2 * bytes).filter_map(|_| char::from_digit(random.below(16) as u32, 16));
        digits.collect::<String>()
    };
    let (source_hash, recipe_id, thumbhash, perceptual) =
        (hex(32), "5f2c9a7be01d4c33".to_owned(), hex(25), hex(8));
    let outputs = [1200, 600, 300, 100].map(|width| {
        let name = hex(8);
        let file = format!("{}/{}/{name}-{width}.jpg", &name[..2], &name[2..4]);
        OutputFile { width, height: width * 3 / 4, bytes: u64::from(width) * 73, file }
    });
    Manifest {
        source_hash,
        recipe_id,
        format: Format::Jpeg,
        width: 1600,
        height: 1200,
        bytes: 180_000 + random.below(90_000),
        dominant_colour: Some("#8a7f6c".to_owned()),
        thumbhash: Some(thumbhash),
        perceptual_hash: Some(perceptual),
        outputs: outputs.into(),
    }
}

/// What packing gains and costs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Packing {
    pub mean_bytes: f64,
    /// Each alone, as in level 2.
    pub mean_packed_bytes: f64,
    /// An entry of level 1, with all that it takes of memory.
    pub mean_entry_bytes: f64,
    pub make_us: f64,
}

pub async fn packing(sales: &Sales) -> Packing {
    let step = (sales.products.len() / SAMPLE).max(1);
    let products: Vec<u32> = (0..sales.products.len() as u32).step_by(step).collect();
    let documents: Vec<Value> = products.iter().map(|product| render(sales, *product).into()).collect();
    let number = documents.len() as f64;
    let bytes: usize = documents.iter().map(|document| document.bytes.len()).sum();
    let packed: usize =
        documents.iter().map(|document| Packed::new(document.clone(), 1024).bytes().len()).sum();
    let cache = Cache::new(CacheOptions::default());
    let weigh = |(product, document): (&u32, &Value)| cache.weigh(&key(sales, *product), document.clone());
    products.iter().zip(&documents).map(weigh).for_each(drop);
    cache.settled_statistics().await;
    let start = Instant::now();
    let entries: u64 = products.iter().zip(&documents).map(weigh).sum();
    let make = start.elapsed();
    Packing {
        mean_bytes: bytes as f64 / number,
        mean_packed_bytes: packed as f64 / number,
        mean_entry_bytes: entries as f64 / number,
        make_us: make.as_secs_f64() * 1e6 / number,
    }
}
