//! Options that every benchmark takes.

use std::path::PathBuf;

use anyhow::{Context, bail};

/// Parsed from the command line behind the benchmark's name.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Print one JSON line instead of text.
    pub json: bool,
    /// Rows or jobs to work on; each benchmark has its default.
    pub rows: Option<usize>,
    /// Folder with photos to cut.
    pub photos: Option<PathBuf>,
    /// Folder whose photos go through the queue; default the same.
    pub queue_photos: Option<PathBuf>,
    /// Folder with `products.csv` and `sales_by_week.csv.gz`: what was sold when.
    pub popularity: Option<PathBuf>,
    /// What a benchmark tells a process of its own to do.
    pub worker: Option<Vec<String>>,
}

impl Options {
    /// Parses `--json`, `--rows N`, `--photos DIR`, `--queue-photos DIR` and `--popularity DIR`.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--json" => options.json = true,
                "--rows" => {
                    let value = arguments.next().context("--rows needs a number")?;
                    options.rows =
                        Some(value.parse().with_context(|| format!("--rows {value}: not a number"))?);
                }
                "--photos" => {
                    options.photos = Some(arguments.next().context("--photos needs a folder")?.into());
                }
                "--queue-photos" => {
                    options.queue_photos =
                        Some(arguments.next().context("--queue-photos needs a folder")?.into());
                }
                "--popularity" => {
                    options.popularity =
                        Some(arguments.next().context("--popularity needs a folder")?.into());
                }
                "--worker" => options.worker = Some(arguments.by_ref().collect()),
                other => {
                    bail!(
                        "unknown option {other}; known: --json, --rows N, --photos DIR, --queue-photos DIR, --popularity DIR"
                    )
                }
            }
        }
        Ok(options)
    }
}
