//! `backstock status`: what is there, what waits, who works.

use crate::commands::{jobs::utc, queues};
use crate::failure::Failure;
use crate::show::{self, Table, measured::Measured};
use backstock_catalog::{Catalog, ImportReport};
use backstock_config::Config;
use backstock_queue::{Clock, QueueStatus, Store, SystemClock, WorkerStatus};
use serde_json::json;
use std::time::{Duration, UNIX_EPOCH};

/// How many imports are shown.
const IMPORTS: u32 = 5;

/// Runs the command.
pub async fn run(config: &Config, as_json: bool) -> Result<(), Failure> {
    let store = crate::app::existing_store(config).await?;
    let catalog = crate::app::catalog(config).await?;
    let queues = store.queues().await.map_err(Failure::data)?;
    let workers = store.workers().await.map_err(Failure::data)?;
    let imports = recent(&catalog).await?;
    let products = catalog.count().await.map_err(Failure::data)?;
    let dirty = catalog.dirty_counts().await.map_err(Failure::data)?;
    let answered = catalog.ping().await.map_err(Failure::data)?;
    let measured = measured(config)?;
    if as_json {
        show::json(&json!({
            "store": store.name(),
            "catalog": { "place": catalog.place(), "answered_in_ms": answered.as_secs_f64() * 1000.0 },
            "products": products,
            "dirty": dirty.iter().map(|(kind, number)| json!({ "kind": kind, "keys": number })).collect::<Vec<_>>(),
            "queues": queues,
            "workers": workers,
            "imports": imports,
            "measured": measured,
        }));
        return Ok(());
    }
    let (products, place) = (show::count(products), catalog.place());
    let answered = answered.as_secs_f64() * 1000.0;
    show::line(format!("catalog: {products} products in {place}, which answers in {answered:.1} ms"));
    show_imports(&imports);
    show_queues(&*store, &queues);
    show_workers(&workers);
    let lines = measured.lines();
    if !lines.is_empty() {
        show::line(format!("\n{}", lines.join("\n")));
    }
    Ok(())
}

/// What the processes of this data folder wrote into their metrics files.
fn measured(config: &Config) -> Result<Measured, Failure> {
    let now = UNIX_EPOCH + Duration::from_millis(u64::try_from(SystemClock.now().as_millis()).unwrap_or(0));
    let files = crate::app::metrics::folder(config).read().map_err(Failure::data)?;
    Ok(Measured::of(&files, now))
}

async fn recent(catalog: &Catalog) -> Result<Vec<ImportReport>, Failure> {
    let mut reports = Vec::new();
    for id in catalog.imports(IMPORTS).await.map_err(Failure::data)? {
        let mut report = catalog.import_report(&id).await.map_err(Failure::data)?;
        report.rejects.truncate(10);
        report.remarks.truncate(10);
        reports.push(report);
    }
    Ok(reports)
}

fn show_imports(imports: &[ImportReport]) {
    if imports.is_empty() {
        show::line("imports: none yet");
        return;
    }
    let heads =
        ["IMPORT", "STARTED", "STATE", ">ROWS", ">CREATED", ">UPDATED", ">UNCHANGED", ">REJECTED", "FILE"];
    let mut table = Table::new(&heads);
    for import in imports {
        let rows = &import.counters;
        table.row([
            import.id.clone(),
            utc(backstock_queue::Timestamp(import.started_ms)),
            format!("{:?}", import.state).to_lowercase(),
            show::count(rows.rows),
            show::count(rows.created),
            show::count(rows.updated),
            show::count(rows.unchanged),
            show::count(rows.rejected),
            import.file.clone(),
        ]);
    }
    show::line(format!("\n{table}"));
}

fn show_queues(store: &dyn Store, queues: &[QueueStatus]) {
    if queues.is_empty() {
        show::line(format!("\nqueues ({}): empty", store.name()));
    } else {
        show::line(format!("\n{}", queues::table(queues)));
    }
}

fn show_workers(workers: &[WorkerStatus]) {
    if workers.is_empty() {
        show::line("\nworkers: none; `backstock up` starts one");
        return;
    }
    let mut table = Table::new(&["WORKER", "HOST", ">PID", ">RUNNING", "SINCE", "SEEN"]);
    for worker in workers {
        table.row([
            worker.id.to_string(),
            worker.host.clone(),
            worker.pid.to_string(),
            show::count(worker.running),
            utc(worker.started_at),
            utc(worker.seen_at),
        ]);
    }
    show::line(format!("\n{table}"));
}
