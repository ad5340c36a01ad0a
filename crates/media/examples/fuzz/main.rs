//! Throws damaged pictures at sniffing, decoding and cutting, with every engine of the build:
//! `cargo run --release -p backstock-media --features turbo --example fuzz -- SECONDS [FOLDER] [SEED]`.
//!
//! The seed corpus is made in code, one picture of each kind that the decoders tell apart; files of FOLDER join it. First
//! every file is tried as it is, then mutants until the time is over. A crash ends the program; a contained panic, a
//! mutant that took too long or an output of the wrong size is reported. The same SEED gives the same mutants.
//!
//! `… --example fuzz -- seeds FOLDER` writes the corpus into files instead, for the coverage-guided target in `../fuzz`.
#![allow(
    clippy::print_stdout,
    clippy::type_complexity,
    clippy::similar_names,
    reason = "a program for the terminal"
)]

mod seeds;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs};

use backstock_media::{Engine, Fit, Limits, Output, Recipe, Thumbnailer};

/// Longest that one picture may take here: they are small.
const PATIENCE: Duration = Duration::from_secs(2);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [command, folder] = arguments.as_slice()
        && command == "seeds"
    {
        return write(Path::new(folder));
    }
    let seconds: u64 = arguments.first().map_or(Ok(10), |text| text.parse())?;
    let mut corpus = seeds::seeds()?;
    if let Some(folder) = arguments.get(1) {
        read(Path::new(folder), &mut corpus)?;
    }
    let mut random = Random(arguments.get(2).map_or(Ok(1), |text| text.parse())?);
    let folder = tempfile::tempdir()?;
    let targets = targets(folder.path())?;
    // Contained panics are counted, not shown one by one.
    std::panic::set_hook(Box::new(|_| {}));
    let mut seen = Seen::default();
    for (name, bytes) in &corpus {
        for (target, thumbnailer) in &targets {
            seen.look(name, target, thumbnailer, bytes);
        }
    }
    println!("as they are: {} files, {} executions, {:?}", corpus.len(), seen.executions, seen.outcomes);
    let (start, mut mutant) = (Instant::now(), Vec::new());
    while start.elapsed() < Duration::from_secs(seconds) {
        let (name, seed) = &corpus[random.below(corpus.len())];
        let other = &corpus[random.below(corpus.len())].1;
        mutate(seed, other, &mut random, &mut mutant);
        let (target, thumbnailer) = &targets[random.below(targets.len())];
        seen.look(name, target, thumbnailer, &mutant);
    }
    println!(
        "{} executions in {seconds} s, slowest {:?}: {:?}",
        seen.executions, seen.slowest, seen.outcomes
    );
    seen.complaints.iter().for_each(|(what, times)| println!("{times} × {what}"));
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        status.lines().filter(|line| line.starts_with("VmHWM")).for_each(|line| println!("{line}"));
    }
    Ok(())
}

fn write(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    fs::create_dir_all(folder)?;
    for (name, bytes) in seeds::seeds()? {
        fs::write(folder.join(name.replace(' ', "-")), bytes)?;
    }
    Ok(())
}

/// A thumbnailer for each engine and each way through the steps.
fn targets(folder: &Path) -> Result<Vec<(String, Thumbnailer)>, Box<dyn std::error::Error>> {
    let mut targets = Vec::new();
    for &engine in Engine::AVAILABLE {
        for (name, fit, trim, format) in [
            ("contain", Fit::Contain, false, Output::Auto { quality: 80 }),
            ("cover", Fit::Cover { aspect: (3, 4), focus: (30, 60) }, true, Output::Jpeg { quality: 80 }),
            ("pad", Fit::Pad { background: [255; 3] }, false, Output::WebP { quality: 60 }),
            ("lossless", Fit::Contain, true, Output::Png),
        ] {
            let limits = Limits { max_pixels: 50_000_000, ..Limits::default() };
            let recipe = Recipe { sizes: vec![64, 24], format, fit, trim, engine, limits };
            targets.push((format!("{} {name}", engine.name()), Thumbnailer::new(folder, recipe)?));
        }
    }
    Ok(targets)
}

#[derive(Default)]
struct Seen {
    executions: u64,
    slowest: Duration,
    outcomes: BTreeMap<&'static str, u64>,
    complaints: BTreeMap<String, u64>,
}

impl Seen {
    fn look(&mut self, name: &str, target: &str, thumbnailer: &Thumbnailer, bytes: &[u8]) {
        let start = Instant::now();
        let made = thumbnailer.render(bytes);
        let took = start.elapsed();
        self.executions += 1;
        self.slowest = self.slowest.max(took);
        let mut complain = |what: String| *self.complaints.entry(what).or_default() += 1;
        if took > PATIENCE {
            complain(format!("{target}: {name} took {took:?}"));
        }
        let outcome = match &made {
            Ok(pictures) => {
                let fits = pictures
                    .iter()
                    .all(|picture| picture.width.max(picture.height) <= 64 && !picture.bytes.is_empty());
                if pictures.is_empty() || !fits {
                    complain(format!("{target}: {name} gave wrong sizes"));
                }
                "made"
            }
            Err(error) => {
                if error.code() == "decoder_panicked" {
                    complain(format!("{target}: {error}"));
                }
                error.code()
            }
        };
        *self.outcomes.entry(outcome).or_default() += 1;
    }
}

fn read(folder: &Path, corpus: &mut Vec<(String, Vec<u8>)>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, corpus)?;
        } else {
            corpus.push((path.display().to_string(), fs::read(&path)?));
        }
    }
    Ok(())
}

/// One to eight changes: bytes, bits, numbers at their edges, pieces cut, doubled or taken from another file.
fn mutate(seed: &[u8], other: &[u8], random: &mut Random, mutant: &mut Vec<u8>) {
    const EDGES: [u8; 8] = [0, 1, 0x7F, 0x80, 0xC0, 0xD9, 0xDA, 0xFF];
    mutant.clear();
    mutant.extend_from_slice(seed);
    for _ in 0..=random.below(8) {
        if mutant.is_empty() {
            return;
        }
        // Half of the changes hit the first bytes, where the headers are.
        let reach = if random.below(2) == 0 { mutant.len().min(700) } else { mutant.len() };
        let at = random.below(reach);
        let length = random.below(64).min(mutant.len() - at);
        match random.below(8) {
            0 => mutant[at] = random.next() as u8,
            1 => mutant[at] ^= 1 << random.below(8),
            2 => mutant[at] = EDGES[random.below(EDGES.len())],
            3 => mutant.truncate(at + 1),
            4 => drop(mutant.drain(at..at + length)),
            5 => {
                let piece = mutant[at..at + length].to_vec();
                mutant.splice(at..at, piece);
            }
            6 if !other.is_empty() => {
                let from = random.below(other.len());
                let piece = &other[from..(from + length).min(other.len())];
                mutant.splice(at..at, piece.iter().copied());
            }
            _ => mutant[at..at + length].fill(EDGES[random.below(EDGES.len())]),
        }
    }
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}
