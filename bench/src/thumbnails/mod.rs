//! `thumbnails`: one picture cut to 1200, 600, 300 and 100 pixels, by both engines of `crates/media` and by its peers
//! (sharp in its usual and its best use, Pillow, pillow-simd, vipsthumbnail), in turns, each in a process of its own: CPU
//! time around the work, highest memory, bytes, and likeness to a reference.

mod bomb;
mod contestant;
mod install;
mod ours;
mod quality;
mod queue;
mod report;
mod threads;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::options::Options;
use contestant::{Contestant, Ran};

/// Longest sides made.
const SIZES: [u32; 4] = [1200, 600, 300, 100];
/// Turns of every contestant on every picture.
const ROUNDS: usize = 3;
/// Times a picture is cut in a turn, behind one that is not counted.
const TIMES: usize = 5;

/// Runs it and prints the figures.
pub fn run(options: &Options) -> anyhow::Result<()> {
    if let Some(worker) = &options.worker {
        return ours::work(worker);
    }
    let folder = options.photos.as_ref().context("say where the photos are: --photos DIR")?;
    let pictures = pictures(folder)?;
    let scratch = tempfile::tempdir()?;
    let contestants = contestant::all(scratch.path())?;
    let rounds = options.rows.unwrap_or(ROUNDS);
    let mut report = report::Report::new(&contestants, folder);
    for format in ["jpeg", "webp"] {
        for picture in &pictures {
            let is_png = picture.extension().is_some_and(|extension| extension == "png");
            if is_png && format == "jpeg" {
                continue;
            }
            eprintln!("{format}: {}", picture.display());
            let results = measure(&contestants, format, picture, rounds, scratch.path())?;
            report.add(format, picture, results)?;
        }
    }
    report.bomb_ms = Some(bomb::measure()?);
    report.threads = Some(threads::measure(&pictures)?);
    report.queue = Some(queue::measure(options.queue_photos.as_deref().unwrap_or(folder))?);
    println!("{}", if options.json { report.json().to_string() } else { report.text() });
    Ok(())
}

/// The pictures of a folder, by name.
fn pictures(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| ["jpg", "jpeg", "png"].iter().any(|known| extension == *known))
        {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        bail!("no .jpg or .png in {}", folder.display());
    }
    Ok(found)
}

/// What one contestant made of one picture.
#[derive(Clone, Debug, Default)]
struct Result {
    /// The least of all turns: what disturbs can only add.
    cpu_ms: f64,
    /// The most of all turns.
    peak_mb: f64,
    /// Files made, by size.
    files: BTreeMap<u32, Vec<u8>>,
}

fn measure(
    contestants: &[Contestant],
    format: &str,
    picture: &Path,
    rounds: usize,
    scratch: &Path,
) -> anyhow::Result<BTreeMap<&'static str, Result>> {
    let mut results: BTreeMap<&'static str, Result> = BTreeMap::new();
    for _ in 0..rounds {
        for contestant in contestants.iter().filter(|contestant| contestant.takes(format)) {
            let out = scratch.join("out").join(contestant.name);
            std::fs::create_dir_all(&out)?;
            let Some(Ran { cpu_ms, peak_mb }) = contestant.run(format, picture, TIMES, &out)? else {
                continue;
            };
            let result = results
                .entry(contestant.name)
                .or_insert_with(|| Result { cpu_ms: f64::INFINITY, ..Result::default() });
            result.cpu_ms = result.cpu_ms.min(cpu_ms);
            result.peak_mb = result.peak_mb.max(peak_mb);
            for size in SIZES {
                if let Ok(bytes) = std::fs::read(out.join(size.to_string())) {
                    result.files.insert(size, bytes);
                }
            }
        }
    }
    Ok(results)
}
