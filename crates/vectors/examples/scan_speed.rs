//! Writes and searches per second of the embedded store on made-up vectors of 384 dimensions, beside the
//! speed at which this machine sums the same bytes.
//! `cargo run --release -p backstock-vectors --example scan_speed -- FOLDER COUNT`
#![allow(clippy::print_stdout, missing_docs)]

use std::path::Path;
use std::time::Instant;

use backstock_vectors::{Filter, Payload, Point, SqliteVectors, SqliteVectorsOptions, VectorStore};

const WIDTH: usize = 384;
const SEARCHES: usize = 50;

fn vector(seed: usize) -> Vec<f32> {
    let mut state = seed as u64 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    (0..WIDTH).map(|_| next()).collect()
}

fn point(n: usize) -> Point {
    let category = vec![format!("category {}", n % 40)];
    let payload = Payload { category, price_minor: Some(n as i64), currency: None };
    Point { key: format!("sku-{n}"), content_hash: vec![n as u8; 16], vector: vector(n), payload }
}

/// Gigabytes per second of reading `values` once, best of five.
fn read_speed(values: &[f32]) -> f64 {
    let pass = || {
        let start = Instant::now();
        let mut sums = [0.0f32; 64];
        for chunk in values.chunks_exact(64) {
            for (sum, value) in sums.iter_mut().zip(chunk) {
                *sum += value;
            }
        }
        std::hint::black_box(sums);
        size_of_val(values) as f64 / start.elapsed().as_secs_f64() / 1e9
    };
    (0..5).map(|_| pass()).fold(0.0, f64::max)
}

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let folder = args.next().expect("give a folder");
    let count: usize = args.next().and_then(|n| n.parse().ok()).unwrap_or(10_000);
    let options = SqliteVectorsOptions::new(Path::new(&folder).join("vectors.db"));
    let store = SqliteVectors::open(options).await.expect("opens");
    let points: Vec<Point> = (0..count).map(point).collect();
    let per_second = |n: usize, start: Instant| n as f64 / start.elapsed().as_secs_f64();
    for round in ["first", "again"] {
        let start = Instant::now();
        for batch in points.chunks(256) {
            store.upsert("speed@1", batch.to_vec()).await.expect("writes");
        }
        println!("upsert, {round}: {:.0} per second", per_second(count, start));
    }
    let start = Instant::now();
    store.search("speed@1", &vector(0), 10, &Filter::default()).await.expect("loads");
    println!("load: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    let narrow = Filter { category: vec!["category 7".into()], ..Filter::default() };
    for (name, filter) in [("all", Filter::default()), ("one category of 40", narrow)] {
        let mut best = f64::MAX;
        for n in 0..SEARCHES {
            let start = Instant::now();
            store.search("speed@1", &vector(n), 10, &filter).await.expect("searches");
            best = best.min(start.elapsed().as_secs_f64());
        }
        let gigabytes = (count * WIDTH * 4) as f64 / 1e9;
        println!("search, {name}: best {:.3} ms ({:.1} GB/s of all)", best * 1e3, gigabytes / best);
    }
    println!("plain read of as many bytes: {:.1} GB/s", read_speed(&vec![1.0f32; count * WIDTH]));
}
