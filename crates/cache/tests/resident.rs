//! What the cache says it holds is what it takes of the machine's memory. Alone in its process: it measures that.

#![cfg(target_os = "linux")]

use backstock_cache::{Cache, CacheOptions, Key, Kind, Value};

const ENTRIES: u64 = 40_000;

/// Resident bytes of this process.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0
}

/// `SplitMix64`.
fn random(number: u64) -> u64 {
    let number = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    number ^ (number >> 27)
}

/// Bytes that do not get smaller, 0 to 1,000 of them.
fn noise(number: u64) -> Value {
    let length = random(number) % 1000;
    (0..length).map(|at| random(number * 1000 + at) as u8).collect::<Vec<u8>>().into()
}

/// A document that gets smaller, of about two kilobytes.
fn document(number: u64) -> Value {
    let lines = (0..60)
        .map(|at| format!("{{\"name\":\"line\",\"value\":\"{:08x}\"}}", random(number * 60 + at) as u32));
    lines.collect::<String>().into_bytes().into()
}

/// Resident bytes for each that the cache counts; and the cache, lest its memory be used again.
async fn ratio(kind: Kind, value: impl Fn(u64) -> Value) -> (f64, Cache) {
    let cache = Cache::new(CacheOptions { max_bytes: 1 << 30, ..CacheOptions::default() });
    // The first of a kind are looked at before the others come.
    for number in 0..300 {
        cache.put(&Key::new(kind, 0, format!("first-{number}")), value(number)).await;
    }
    cache.settled_statistics().await;
    let (resident_before, held_before) = (resident(), cache.held_bytes());
    for number in 0..ENTRIES {
        cache.put(&Key::new(kind, 1, format!("SKU-{number:06}")), value(number)).await;
    }
    assert_eq!(cache.settled_statistics().await.kind(kind).entries, ENTRIES + 300);
    ((resident() - resident_before) / (cache.held_bytes() - held_before) as f64, cache)
}

#[tokio::test]
async fn the_weight_of_entries_is_the_memory_they_take() {
    let (as_they_are, _first) = ratio(Kind::Search, noise).await;
    let (packed, _second) = ratio(Kind::Product, document).await;
    for (what, ratio) in [("as they are", as_they_are), ("packed", packed)] {
        assert!((0.85..=1.1).contains(&ratio), "{what}: {ratio:.2} times the bytes that are counted");
    }
}
