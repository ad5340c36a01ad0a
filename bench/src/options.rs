//! Options that every benchmark takes.

use anyhow::{Context, bail};

/// Parsed from the command line behind the benchmark's name.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Print one JSON line instead of text.
    pub json: bool,
    /// Rows or jobs to work on; each benchmark has its default.
    pub rows: Option<usize>,
}

impl Options {
    /// Parses `--json` and `--rows N`.
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
                other => bail!("unknown option {other}; known: --json, --rows N"),
            }
        }
        Ok(options)
    }
}
