//! `import-sqlite`: a whole import (validation, hashes, images, dirty sets, checkpoints, report) beside a bare
//! upsert of the same file, and beside its own repetition. Alternating in one process, CPU seconds of all threads.

mod bare;

use std::future::pending;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};
use backstock_catalog::{Catalog, ImportReport, ImportRequest, import_delivery};

use crate::options::Options;
use crate::process::{cpu_seconds, peak_memory_mb};
use crate::rows;

const DEFAULT_ROWS: usize = 50_000;
const ROUNDS: usize = 2;
const FRESH_BAR: f64 = 0.5;
const AGAIN_BAR: f64 = 2.5;
const MEMORY_BAR_MB: f64 = 150.0;

/// Runs it and prints the figures.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let rows = options.rows.unwrap_or(DEFAULT_ROWS);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let measured = runtime.block_on(measure(rows))?;
    if options.json {
        println!("{}", measured.json());
    } else {
        println!("{}", measured.text());
    }
    Ok(())
}

/// CPU and wall seconds of something.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    cpu: f64,
    wall: f64,
}

#[derive(Debug, Default)]
struct Measured {
    rows: usize,
    fresh: Cost,
    again: Cost,
    bare: Cost,
    memory_mb: f64,
}

async fn measure(rows: usize) -> anyhow::Result<Measured> {
    let dir = tempfile::tempdir()?;
    let csv = dir.path().join("products.csv");
    rows::write_csv(&csv, rows)?;
    let mut sum = Measured { rows: rows * ROUNDS, ..Measured::default() };
    for round in 0..ROUNDS {
        let path = |name: &str| dir.path().join(format!("{name}{round}.db"));
        let catalog = Catalog::open(&path("catalog")).await?;
        let fresh = timed(&mut sum.fresh, import(&catalog, "fresh", &csv)).await?;
        ensure!(fresh.counters.created == rows as u64, "not every row was created: {:?}", fresh.counters);
        let again = timed(&mut sum.again, import(&catalog, "again", &csv)).await?;
        ensure!(again.counters.unchanged == rows as u64, "not every row was unchanged: {:?}", again.counters);
        catalog.close().await;
        if round == 0 {
            sum.memory_mb = peak_memory_mb()?;
        }
        let count = timed(&mut sum.bare, bare::import(&csv, &path("bare"))).await?;
        ensure!(count == rows, "the yardstick wrote {count} rows");
    }
    Ok(sum)
}

async fn import(catalog: &Catalog, id: &str, csv: &Path) -> anyhow::Result<ImportReport> {
    let request = ImportRequest::new(id, csv, || 0);
    import_delivery(catalog, &request, &mut (), pending()).await.context("importing")
}

async fn timed<T>(cost: &mut Cost, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let (cpu, started) = (cpu_seconds()?, Instant::now());
    let result = work.await?;
    cost.cpu += cpu_seconds()? - cpu;
    cost.wall += started.elapsed().as_secs_f64();
    Ok(result)
}

impl Measured {
    fn fresh_ratio(&self) -> f64 {
        self.bare.cpu / self.fresh.cpu
    }

    fn again_ratio(&self) -> f64 {
        self.fresh.cpu / self.again.cpu
    }

    /// Rows a CPU second and rows a second.
    fn rates(&self, cost: Cost) -> (f64, f64) {
        let rows = self.rows as f64;
        ((rows / cost.cpu).round(), (rows / cost.wall).round())
    }

    fn json(&self) -> serde_json::Value {
        let round = |value: f64| (value * 1000.0).round() / 1000.0;
        serde_json::json!({
            "name": "import-sqlite",
            "rows": self.rows / ROUNDS,
            "fresh_rows_per_s": self.rates(self.fresh).1,
            "again_rows_per_s": self.rates(self.again).1,
            "bare_rows_per_s": self.rates(self.bare).1,
            "fresh_ratio": round(self.fresh_ratio()),
            "fresh_bar": FRESH_BAR,
            "fresh_bar_met": self.fresh_ratio() >= FRESH_BAR,
            "again_ratio": round(self.again_ratio()),
            "again_bar": AGAIN_BAR,
            "again_bar_met": self.again_ratio() >= AGAIN_BAR,
            "memory_mb": self.memory_mb.round(),
            "memory_ratio": round(self.memory_mb / MEMORY_BAR_MB),
            "memory_bar_mb": MEMORY_BAR_MB,
            "memory_bar_met": self.memory_mb <= MEMORY_BAR_MB,
        })
    }

    fn text(&self) -> String {
        let line = |name: &str, cost: Cost| {
            let (cpu, wall) = self.rates(cost);
            format!("{name:<28}{cpu:>9} rows per CPU second {wall:>9} rows per second\n")
        };
        format!(
            "{} rows, {ROUNDS} rounds\n{}{}{}fresh import / bare upsert   {:.2} (bar {FRESH_BAR})\n\
             identical / fresh import     {:.2} (bar {AGAIN_BAR})\npeak memory                  {:.0} MB (bar {MEMORY_BAR_MB})",
            self.rows / ROUNDS,
            line("fresh import", self.fresh),
            line("identical import", self.again),
            line("bare upsert", self.bare),
            self.fresh_ratio(),
            self.again_ratio(),
            self.memory_mb,
        )
    }
}
