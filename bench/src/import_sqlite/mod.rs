//! `import-sqlite`
use std::time::Instant;

use backstock_catalog::{Batch, Catalog, NewImport, PreparedRow, SyncMode};

use crate::options::Options;
use crate::process::{cpu_seconds, peak_memory_mb};

mod bare;
mod rows;

async fn ours(catalog: &Catalog, id: &str, n: usize) -> anyhow::Result<(f64, f64, f64)> {
    let new = NewImport { id: id.into(), file: "f".into(), fingerprint: "f".into(), source: "main".into(), mode: SyncMode::Merge, now_ms: 1 };
    catalog.begin_import(&new).await?;
    let (mut cpu, mut wall, mut prep) = (0.0, 0.0, 0.0);
    for start in (0..n).step_by(5000) {
        let ps: Vec<_> = (start..(start + 5000).min(n)).map(rows::product).collect();
        let c = cpu_seconds()?;
        let t = Instant::now();
        let rows: Vec<_> = ps.into_iter().enumerate().map(|(i, p)| PreparedRow::new((start + i) as u64 + 1, 1, p, "main")).collect();
        prep += t.elapsed().as_secs_f64();
        let last = (start + rows.len()) as u64;
        catalog.apply_batch(id, &Batch { rows, last_record: last, ..Batch::default() }).await?;
        cpu += cpu_seconds()? - c;
        wall += t.elapsed().as_secs_f64();
    }
    catalog.finish_import(id, None, 2).await?;
    Ok((cpu, wall, prep))
}

async fn measure(n: usize) -> anyhow::Result<()> {
    for _ in 0..2 {
        let dir = tempfile::tempdir()?;
        let catalog = Catalog::open(&dir.path().join("catalog.db")).await?;
        let f = ours(&catalog, "a", n).await?;
        let r = ours(&catalog, "b", n).await?;
        let mut bare = bare::Bare::create(&dir.path().join("bare.db")).await?;
        let (mut cpu, mut wall) = (0.0, 0.0);
        for start in (0..n).step_by(5000) {
            let ps: Vec<_> = (start..(start + 5000).min(n)).map(rows::product).collect();
            let c = cpu_seconds()?;
            let t = Instant::now();
            bare.upsert(&ps).await?;
            cpu += cpu_seconds()? - c;
            wall += t.elapsed().as_secs_f64();
        }
        let n = n as f64;
        println!("fresh cpu {:.0}/s wall {:.0}/s prep {:.3}s; again cpu {:.0}/s wall {:.0}/s; bare cpu {:.0}/s wall {:.0}/s; ratio {:.2} again {:.2} mem {:.0}",
            n / f.0, n / f.1, f.2, n / r.0, n / r.1, n / cpu, n / wall, cpu / f.0, f.0 / r.0, peak_memory_mb()?);
        let _ = bare.count().await?;
    }
    Ok(())
}

/// Runs it.
pub fn run(options: &Options) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(measure(options.rows.unwrap_or(50_000)))
}
