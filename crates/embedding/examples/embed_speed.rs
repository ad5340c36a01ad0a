//! Sentences per processor-second of the model in the folder given, on made-up titles and descriptions.
//! `cargo run --release -p backstock-embedding --example embed_speed -- FOLDER` (Linux).
#![allow(clippy::print_stdout, missing_docs)]

use std::path::Path;
use std::time::Instant;

use backstock_embedding::{Embed, FeatureHashing, MiniLm};

const WORDS: &[&str] = &[
    "waterproof",
    "running",
    "jacket",
    "for",
    "men",
    "with",
    "zip",
    "pockets",
    "breathable",
    "trail",
    "shoes",
    "cotton",
    "red",
    "shirt",
    "light",
    "steel",
    "bottle",
    "keeps",
    "drinks",
    "cold",
    "soft",
    "fabric",
    "made",
    "from",
    "recycled",
];

fn text(seed: usize, words: usize) -> String {
    (0..words).map(|n| WORDS[(seed * 7 + n * (seed % 5 + 1) * 3) % WORDS.len()]).collect::<Vec<_>>().join(" ")
}

/// Processor seconds of this process so far, user and system, of all its threads.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum();
    ticks / 100.0
}

fn measure(name: &str, embedder: &dyn Embed, texts: &[String], rounds: usize) {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for _ in 0..rounds {
        let (cpu, wall) = (cpu_seconds(), Instant::now());
        let made = embedder.embed(&texts).expect("embeds").len() as f64;
        let (cpu, wall) = (cpu_seconds() - cpu, wall.elapsed().as_secs_f64());
        println!("{name}: {:.0} per cpu-second, {:.0} per second", made / cpu, made / wall);
    }
}

fn main() {
    let folder = std::env::args().nth(1).expect("give the folder of the model");
    let model = MiniLm::load(Path::new(&folder)).expect("loads");
    let titles: Vec<String> = (0..512).map(|n| text(n, 6 + n % 7)).collect();
    let descriptions: Vec<String> = (0..96).map(|n| text(n, 60 + n % 90)).collect();
    let mixed: Vec<String> = (0..192).map(|n| text(n, if n % 2 == 0 { 8 } else { 50 + n % 90 })).collect();
    for (name, texts) in [("titles", &titles), ("descriptions", &descriptions), ("mixed", &mixed)] {
        measure(name, &model, texts, 3);
    }
    let many: Vec<String> = (0..4096).map(|n| text(n, 60 + n % 90)).collect();
    measure("descriptions, feature hashing", &FeatureHashing::new(), &many, 3);
}
