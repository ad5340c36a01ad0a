//! Figures and bars.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::contestant::Contestant;
use super::quality::{Likeness, Reference};
use super::queue::Queue;
use super::threads::Threads;
use super::{Result as Outcome, SIZES};

/// Sizes whose likeness has a bar.
const JUDGED: [u32; 3] = [1200, 600, 300];
const BEST: &str = "sharp smart";

/// One picture in one format.
struct Row {
    format: &'static str,
    picture: String,
    /// Whether the source is a PNG, not a JPEG.
    png: bool,
    results: BTreeMap<&'static str, Outcome>,
    likeness: BTreeMap<(&'static str, u32), Likeness>,
}

/// Everything measured.
pub struct Report {
    absent: Vec<(&'static str, String)>,
    rows: Vec<Row>,
    /// Until a bomb is refused, in milliseconds of CPU time.
    pub bomb_ms: Option<f64>,
    pub threads: Option<Threads>,
    pub queue: Option<Queue>,
    folder: PathBuf,
}

impl Report {
    pub fn new(contestants: &[Contestant], folder: &Path) -> Self {
        let absent = contestants.iter().filter_map(|c| Some((c.name, c.absent()?.to_owned()))).collect();
        Self {
            absent,
            rows: Vec::new(),
            bomb_ms: None,
            threads: None,
            queue: None,
            folder: folder.to_owned(),
        }
    }

    pub fn add(
        &mut self,
        format: &'static str,
        picture: &Path,
        results: BTreeMap<&'static str, Outcome>,
    ) -> anyhow::Result<()> {
        let reference = Reference::new(&std::fs::read(picture)?)?;
        let mut likeness = BTreeMap::new();
        for name in ["turbo", "rust", BEST] {
            for size in JUDGED {
                if let Some(file) = results.get(name).and_then(|result| result.files.get(&size)) {
                    likeness.insert((name, size), reference.likeness(file)?);
                }
            }
        }
        let png = picture.extension().is_some_and(|extension| extension == "png");
        let picture = picture.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        self.rows.push(Row { format, picture, png, results, likeness });
        Ok(())
    }

    /// How much dearer `peer` is than `ours`, for each picture that both cut.
    fn ratios(&self, format: &str, png: bool, ours: &str, peer: &str) -> Vec<f64> {
        let of = |row: &Row| Some(row.results.get(peer)?.cpu_ms / row.results.get(ours)?.cpu_ms);
        let wanted = |row: &&Row| row.format == format && row.png == png;
        self.rows.iter().filter(wanted).filter_map(of).collect()
    }

    fn memory_ratios(&self, ours: &str) -> Vec<f64> {
        let of = |row: &Row| Some(row.results.get(ours)?.peak_mb / row.results.get(BEST)?.peak_mb);
        self.rows.iter().filter(|row| row.format == "jpeg").filter_map(of).collect()
    }

    /// Bytes of all judged JPEG files over those of the best peer.
    fn bytes_ratio(&self, format: &str, ours: &str) -> f64 {
        let sum = |name: &str| -> usize {
            let rows = self.rows.iter().filter(|row| row.format == format);
            let files = rows.filter_map(|row| row.results.get(name)).flat_map(|result| result.files.iter());
            files.filter(|(size, _)| JUDGED.contains(size)).map(|(_, bytes)| bytes.len()).sum()
        };
        sum(ours) as f64 / sum(BEST) as f64
    }

    /// Mean differences to the best peer at one size: SSIM and SSIMULACRA2.
    fn gain(&self, format: &str, ours: &'static str, size: u32) -> Option<(f64, f64)> {
        let rows = self.rows.iter().filter(|row| row.format == format);
        let pairs: Vec<(f64, f64)> = rows
            .filter_map(|row| {
                let (a, b) = (row.likeness.get(&(ours, size))?, row.likeness.get(&(BEST, size))?);
                Some((a.ssim - b.ssim, a.ssimulacra2 - b.ssimulacra2))
            })
            .collect();
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / pairs.len() as f64;
        (!pairs.is_empty())
            .then(|| (mean(&mut pairs.iter().map(|pair| pair.0)), mean(&mut pairs.iter().map(|pair| pair.1))))
    }

    /// Name, figure, and whether it is met.
    fn bars(&self) -> Vec<(String, f64, bool)> {
        let mut bars = Vec::new();
        let mut at_least = |name: String, figure: f64, least: f64| bars.push((name, figure, figure >= least));
        let mean =
            |values: &[f64]| (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp();
        let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
        let jpeg = |ours, peer| self.ratios("jpeg", false, ours, peer);
        for (ours, peer, bar) in [
            ("turbo", BEST, 1.5),
            ("turbo", "sharp naive", 2.5),
            ("turbo", "pillow-simd", 1.3),
            ("rust", BEST, 1.0),
            ("rust", "sharp naive", 1.5),
        ] {
            let ratios = jpeg(ours, peer);
            if !ratios.is_empty() {
                at_least(format!("{ours} over {peer}, JPEG, geometric mean ≥ {bar}"), mean(&ratios), bar);
            }
        }
        let worst = jpeg("turbo", BEST);
        if !worst.is_empty() {
            at_least(format!("turbo over {BEST}, JPEG, worst picture ≥ 1.3"), least(&worst), 1.3);
        }
        for (what, png, bar) in [("WebP", false, 1.15), ("PNG to WebP", true, 1.25)] {
            let ratios = self.ratios("webp", png, "turbo", BEST);
            if !ratios.is_empty() {
                at_least(format!("turbo over {BEST}, {what} ≥ {bar}"), mean(&ratios), bar);
            }
        }
        if let Some(threads) = self.threads {
            at_least("two cores over one ≥ 1.9".to_owned(), threads.speedup(), 1.9);
        }
        for ours in ["turbo", "rust"] {
            let memory = self.memory_ratios(ours);
            if let Some(most) = memory.iter().copied().reduce(f64::max) {
                bars.push((
                    format!("{ours}: highest memory over {BEST}, worst picture ≤ 0.5"),
                    most,
                    most <= 0.5,
                ));
                let bytes = self.bytes_ratio("jpeg", ours);
                bars.push((format!("{ours}: JPEG bytes over {BEST} ≤ 1.01"), bytes, bytes <= 1.01));
            }
            for size in JUDGED {
                if let Some((ssim, s2)) = self.gain("jpeg", ours, size) {
                    bars.push((
                        format!("{ours}: SSIM at {size} beside {BEST} ≥ -0.001"),
                        ssim,
                        ssim >= -0.001,
                    ));
                    bars.push((
                        format!("{ours}: SSIMULACRA2 at {size} beside {BEST} ≥ -0.1"),
                        s2,
                        s2 >= -0.1,
                    ));
                }
            }
        }
        if let Some(ms) = self.bomb_ms {
            bars.push(("50,000 × 50,000 PNG header refused within 10 ms".to_owned(), ms, ms <= 10.0));
        }
        if let Some(queue) = self.queue {
            let over = queue.overhead();
            bars.push((
                format!("{} photos through the queue over the bare pipeline ≤ 1.10", queue.photos),
                over,
                over <= 1.1,
            ));
        }
        bars
    }

    pub fn json(&self) -> Value {
        let mut object = serde_json::Map::new();
        for (name, figure, met) in self.bars() {
            let key: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            object.insert(format!("{key}_ratio"), json!(figure));
            object.insert(format!("{key}_bar_met"), json!(met));
        }
        let rows: Vec<Value> = self.rows.iter().map(row_json).collect();
        object.insert("rows".to_owned(), json!(rows));
        object.insert("absent".to_owned(), json!(self.absent));
        object.insert("photos".to_owned(), json!(self.folder));
        Value::Object(object)
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, reason) in &self.absent {
            let _ = writeln!(text, "absent: {name}: {reason}");
        }
        for row in &self.rows {
            let _ = write!(text, "{} {:<18}", row.format, row.picture);
            for (name, result) in &row.results {
                let _ = write!(text, " {name} {:.1} ms {:.0} MB;", result.cpu_ms, result.peak_mb);
            }
            let _ = writeln!(text);
        }
        for (name, figure, met) in self.bars() {
            let _ = writeln!(text, "{} {figure:.3}  {name}", if met { "met   " } else { "MISSED" });
        }
        text
    }
}

fn row_json(row: &Row) -> Value {
    let results: BTreeMap<_, _> = row
        .results
        .iter()
        .map(|(name, result)| {
            let bytes: BTreeMap<_, _> =
                result.files.iter().map(|(size, bytes)| (size.to_string(), bytes.len())).collect();
            (name, json!({ "cpu_ms": result.cpu_ms, "peak_mb": result.peak_mb, "bytes": bytes }))
        })
        .collect();
    let likeness: Vec<_> = row
        .likeness
        .iter()
        .map(|((name, size), likeness)| json!([name, size, likeness.ssim, likeness.ssimulacra2]))
        .collect();
    debug_assert!(row.results.values().all(|result| result.files.keys().all(|size| SIZES.contains(size))));
    json!({ "format": row.format, "picture": row.picture, "results": results, "likeness": likeness })
}
