//! SIGKILL in the middle of writing: what was acknowledged is there, unharmed, and nothing is half there.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{SqliteVectors, SqliteVectorsOptions};
use crate::{Payload, Point, VectorStore};

const FOLDER: &str = "BACKSTOCK_VECTORS_CRASH_FOLDER";
const FIRST: &str = "BACKSTOCK_VECTORS_CRASH_FIRST";
const MODEL: &str = "m";
/// Points of one call, one transaction.
const TOGETHER: u64 = 40;
const DIMENSIONS: u64 = 96;
/// Calls after which each child is killed, the last one still under way.
const KILLS: [u64; 12] = [1, 2, 3, 5, 8, 4, 13, 7, 2, 21, 1, 11];

/// The `round`-th writing of point `n`.
fn point(n: u64, round: u64) -> Point {
    let component = |i: u64| ((n * 31 + round * 7 + i * i) % 97) as f32 - 48.0;
    Point {
        key: format!("k{n}"),
        content_hash: format!("{n}/{round}").into_bytes(),
        vector: (0..DIMENSIONS).map(component).collect(),
        payload: Payload::default(),
    }
}

async fn open(folder: &Path) -> SqliteVectors {
    SqliteVectors::open(SqliteVectorsOptions::new(folder.join("vectors.db"))).await.unwrap()
}

/// Calls write the same 400 points over and over, so that pages are both added and changed.
fn batch(call: u64) -> Vec<Point> {
    (0..TOGETHER).map(|n| point((call * TOGETHER + n) % 400, call)).collect()
}

#[tokio::test]
#[ignore = "the child of what_was_acknowledged_survives_sigkill"]
async fn child() {
    let folder = std::env::var(FOLDER).expect("only started by its parent");
    let first: u64 = std::env::var(FIRST).expect("only started by its parent").parse().unwrap();
    let store = open(Path::new(&folder)).await;
    for call in first.. {
        store.upsert(MODEL, batch(call)).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "call {call}").unwrap();
        out.flush().unwrap();
    }
}

/// Lets a child write from call `first` on, and kills it once it has acknowledged `calls`; the last acknowledged call.
fn kill_after(folder: &Path, first: u64, calls: u64) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::crash_tests::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut last = None;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        // The harness prints lines of its own, one of them without an end.
        let line = line.unwrap();
        let Some((_, number)) = line.rsplit_once("call ") else { continue };
        let Ok(call) = number.parse() else { continue };
        last = Some(call);
        if call + 1 == first + calls {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    last.expect("the child wrote something")
}

#[tokio::test]
async fn what_was_acknowledged_survives_sigkill() {
    let folder = tempfile::tempdir().unwrap();
    let mut next = 0;
    for calls in KILLS {
        let last = kill_after(folder.path(), next, calls);
        assert!(last + 1 >= next + calls, "acknowledged {last}");
        let store = open(folder.path()).await;
        assert!(store.check().await.unwrap().faults.is_empty());
        let mut expected: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for point in (0..=last).flat_map(batch) {
            expected.insert(point.key, point.content_hash);
        }
        let keys: Vec<String> = (0..400).map(|n| format!("k{n}")).collect();
        let stored: BTreeMap<_, _> = store.stored_hashes(MODEL, &keys).await.unwrap().into_iter().collect();
        let mut and_one_more = expected.clone();
        and_one_more.extend(batch(last + 1).into_iter().map(|point| (point.key, point.content_hash)));
        // The call under way when the kill came is there as a whole, or not at all.
        assert!(stored == expected || stored == and_one_more, "after call {last}");
        nearest_to_themselves(&store, &stored).await;
        store.close().await;
        next = last + 1;
    }
}

/// The vectors belong to the hashes beside them.
async fn nearest_to_themselves(store: &SqliteVectors, stored: &BTreeMap<String, Vec<u8>>) {
    for (key, hash) in stored.iter().step_by(41) {
        let text = String::from_utf8(hash.clone()).unwrap();
        let (n, round) = text.split_once('/').unwrap();
        let query = point(n.parse().unwrap(), round.parse().unwrap()).vector;
        let hits = store.search(MODEL, &query, 5, &crate::Filter::default()).await.unwrap();
        let own = hits.iter().find(|hit| hit.key == *key).unwrap_or_else(|| panic!("{key} not in {hits:?}"));
        assert!(own.score > 0.9999, "{key}: {own:?}");
    }
}
