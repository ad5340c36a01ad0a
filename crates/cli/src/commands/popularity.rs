//! `backstock popularity`: which products are asked for most, and counting requests from a file.

use crate::args::{Popularity, PopularityImport};
use crate::commands::jobs::utc;
use crate::failure::Failure;
use crate::show::{self, Table};
use backstock_catalog::{
    Catalog, CountOutcome, CountedSource, RequestFile, RequestReadOptions, RequestReport, read_requests,
};
use backstock_config::Config;
use backstock_queue::{Clock, SystemClock, Timestamp};
use serde_json::json;

/// Bad rows shown to people.
const SHOWN: usize = 10;
/// Latest counts shown.
const COUNTS: u32 = 10;

/// Runs the subcommand.
pub async fn run(command: &Popularity, config: &Config, as_json: bool) -> Result<(), Failure> {
    let catalog = crate::app::catalog(config).await?;
    match command {
        Popularity::Import(args) => import(args, config, &catalog, as_json).await,
        Popularity::List { limit } => list(&catalog, (*limit).into(), as_json).await,
    }
}

async fn import(
    args: &PopularityImport,
    config: &Config,
    catalog: &Catalog,
    as_json: bool,
) -> Result<(), Failure> {
    let settings = crate::app::popularity::settings(config);
    let now_ms = SystemClock.now().as_millis();
    let options = RequestReadOptions {
        mapping: args.map.iter().cloned().collect(),
        at_ms: args.at.map_or(now_ms, jiff::Timestamp::as_millisecond),
        half_life: settings.half_life,
        limits: settings.limits,
    };
    let file = args.file.clone();
    let reading = tokio::task::spawn_blocking(move || read_requests(&file, &options));
    let RequestFile { counts, report } = reading.await.map_err(Failure::failed)?.map_err(Failure::input)?;
    let nothing = report.bad == report.rows && report.rows > 0;
    let outcome = if args.dry_run || nothing {
        None
    } else {
        let source = CountedSource {
            id: report.fingerprint.clone(),
            name: report.file.display().to_string(),
            replaces: args.replace,
        };
        Some(catalog.count_requests(&source, &counts).await.map_err(Failure::data)?)
    };
    if as_json {
        let read = json!({ "products": counts.products(), "requests": counts.requests() });
        show::json(&json!({ "file": report, "read": read, "counted": outcome }));
    } else {
        tell(&report, counts.products() as u64, counts.requests(), outcome);
    }
    if nothing {
        let first = &report.bad_rows[0];
        return Err(Failure::input(format!(
            "{}: none of {} rows could be counted; line {}: {} [{}]",
            report.file.display(),
            report.rows,
            first.line,
            first.message,
            first.code
        )));
    }
    Ok(())
}

fn tell(report: &RequestReport, products: u64, requests: u64, outcome: Option<CountOutcome>) {
    for row in report.bad_rows.iter().take(SHOWN) {
        show::line(format!("line {}: {} [{}]", row.line, row.message, row.code));
    }
    if report.bad > SHOWN as u64 {
        show::line(format!(
            "… and {} more rows that were not counted",
            show::count(report.bad - SHOWN as u64)
        ));
    }
    if !report.columns.is_empty() {
        let read = report.columns.iter().map(|(name, column)| format!("{name} from {column:?}"));
        show::line(format!("columns: {}", read.collect::<Vec<_>>().join(", ")));
    }
    let (rows, bad) = (show::count(report.rows), show::count(report.bad));
    let (requests, products) = (show::count(requests), show::count(products));
    let what = format!("{requests} requests for {products} products in {rows} rows, {bad} of them bad");
    show::line(match outcome {
        None => format!("{what}; nothing was counted"),
        Some(CountOutcome { repeated: true, .. }) => format!("{what}; counted before, so nothing changed"),
        Some(CountOutcome { unknown: 0, .. }) => format!("counted: {what}"),
        Some(CountOutcome { unknown: 1, .. }) => {
            format!("counted: {what}; one product is not in the catalog (yet)")
        }
        Some(CountOutcome { unknown, .. }) => {
            format!("counted: {what}; {} products are not in the catalog (yet)", show::count(unknown))
        }
    });
}

async fn list(catalog: &Catalog, limit: u32, as_json: bool) -> Result<(), Failure> {
    let total = catalog.popularity().await.map_err(Failure::data)?;
    let mut popular = catalog.popular(limit).await.map_err(Failure::data)?;
    popular.retain(|product| product.weight > 0.0);
    let counted = catalog.counted(COUNTS).await.map_err(Failure::data)?;
    let share = |weight: f64| if total > 0.0 { weight / total } else { 0.0 };
    if as_json {
        let products = popular.iter().map(|product| {
            json!({ "sku": product.sku, "requests": product.requests, "share": share(product.weight) })
        });
        show::json(&json!({ "products": products.collect::<Vec<_>>(), "counted": counted }));
        return Ok(());
    }
    if popular.is_empty() {
        show::line("nothing was counted yet; `backstock popularity import FILE` counts orders or views");
        return Ok(());
    }
    let mut table = Table::new(&["SKU", ">REQUESTS", ">SHARE NOW", ">TOGETHER"]);
    let mut together = 0.0;
    for product in &popular {
        together += share(product.weight);
        table.row([
            product.sku.clone(),
            show::count(product.requests),
            format!("{:.2} %", share(product.weight) * 100.0),
            format!("{:.1} %", together * 100.0),
        ]);
    }
    show::line(table);
    let mut table = Table::new(&["COUNTED", "AT", ">PRODUCTS", ">REQUESTS"]);
    for one in &counted {
        table.row([
            one.name.clone(),
            utc(Timestamp(one.counted_ms)),
            show::count(one.products),
            show::count(one.requests),
        ]);
    }
    show::line(format!("\n{table}"));
    Ok(())
}
