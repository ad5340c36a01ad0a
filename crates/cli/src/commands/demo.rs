//! `backstock demo`: the whole product on a synthetic catalog.

use crate::app::{App, catalog_is_remote, crew::Crew, erase_queue, queue_is_remote, vectors_are_remote};
use crate::args::Demo;
use crate::commands::import::perform;
use crate::commands::search::table;
use crate::failure::Failure;
use crate::show::{self, report::Report};
use crate::stop;
use backstock_catalog::{CountedSource, RequestCounts};
use backstock_config::Config;
use backstock_jobs::import_products::ImportProducts;
use backstock_queue::{Clock, SystemClock};
use backstock_search::{Found, Query};
use backstock_service::Shutdown;
use backstock_vectors::Filter;
use serde_json::json;
use std::fmt::Write;
use std::path::Path;
use std::time::Instant;
use uuid::Uuid;

/// Results shown for each search.
const RESULTS: usize = 4;
/// Share of prices that the third delivery changes.
const PRICE_CHANGE_PERCENT: u32 = 5;

/// Runs the command.
pub async fn run(args: &Demo, mut config: Config, json: bool) -> Result<(), Failure> {
    let temporary = tempfile::Builder::new().prefix("backstock-demo-").tempdir().map_err(Failure::data)?;
    let dir = args.dir.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&dir)
        .map_err(|error| Failure::data(format!("--dir {}: {error}", dir.display())))?;
    let dir = std::path::absolute(&dir).map_err(Failure::data)?;
    config.data_dir = dir.join("data");
    let names = names_of_its_own(&mut config)?;
    let shutdown = stop::on_signals("stopping the demo (Ctrl-C again: at once)").map_err(Failure::failed)?;
    let tell = |text: String| {
        if !json {
            show::line(text);
        }
    };
    let started = Instant::now();
    let options = backstock_demo::Options::default();
    let made = backstock_demo::write_catalog(&dir, &options).map_err(Failure::failed)?;
    tell(format!(
        "A synthetic catalog of {} products with drawn pictures was generated in {}.\n",
        show::count(made.products as u64),
        dir.display(),
    ));
    let app = App::open(config).await?;
    tell(app.describe());
    count_requests(&app, &options).await?;
    crate::app::limits::apply(&app.config, &*app.tools.store).await?;
    let crew = Crew::start(&app, &shutdown)?;
    let outcome = crew.unless_refused(show_all(&app, &made, &options, &shutdown, &tell)).await;
    crew.stop().await;
    if args.dir.is_none() {
        app.tools.catalog.drop_schema().await.map_err(Failure::data)?;
        erase_queue(&app.config).await?;
        if vectors_are_remote(&app.config)? {
            let model = app.tools.embedder.model().to_string();
            app.tools.vectors.delete_model(&model).await.map_err(Failure::data)?;
        }
    }
    let (imports, searches) = outcome?;
    if json {
        show::json(&json!({
            "imports": imports,
            "searches": searches,
            "model": app.tools.embedder.model().to_string(),
            "environment": names.iter().map(|name| name.trim_end()).collect::<Vec<_>>(),
        }));
    } else {
        let took = show::duration(started.elapsed());
        show::line(format!(
            "\nDone in {took}: three imports, {} searches, every step a durable job.",
            searches.len()
        ));
        if args.dir.is_none() {
            show::line("The demo's folder was removed; `backstock demo --dir DIR` keeps it.");
        } else {
            let environment: String = names.concat();
            let data = dir.join("data");
            show::line(format!("Look around: {environment}backstock --data-dir {} status", data.display()));
        }
    }
    Ok(())
}

/// On servers the demonstration keeps to names of its own. Returns the settings that were changed, as environment
/// variables, a space behind each.
fn names_of_its_own(config: &mut Config) -> Result<Vec<String>, Failure> {
    let (schema, prefix) =
        (format!("backstock_demo_{}", short_id()), format!("backstock-demo-{}", short_id()));
    let (catalog, queue) = (catalog_is_remote(config)?, queue_is_remote(config)?);
    let (vectors, cache) = (vectors_are_remote(config)?, !config.cache.url.is_empty());
    let mut changed = Vec::new();
    for (is_remote, variable, setting, name) in [
        (catalog, "CATALOG__SCHEMA", &mut config.catalog.schema, &schema),
        (queue, "QUEUE__PREFIX", &mut config.queue.prefix, &prefix),
        (vectors, "VECTORS__PREFIX", &mut config.vectors.prefix, &prefix),
        (cache, "CACHE__PREFIX", &mut config.cache.prefix, &prefix),
    ] {
        if is_remote {
            setting.clone_from(name);
            changed.push(format!("BACKSTOCK__{variable}={name} "));
        }
    }
    Ok(changed)
}

/// What the catalog's visitors looked at before; once, however often the demonstration runs in one folder.
async fn count_requests(app: &App, options: &backstock_demo::Options) -> Result<(), Failure> {
    let now_ms = SystemClock.now().as_millis();
    let mut counts = RequestCounts::new(now_ms, crate::app::popularity::settings(&app.config).half_life);
    for (sku, requests) in backstock_demo::popularity(options) {
        counts.add(&sku, requests, now_ms).map_err(Failure::failed)?;
    }
    let name = "drawn by the demonstration".to_owned();
    let source = CountedSource { id: name.clone(), name, replaces: false };
    app.tools.catalog.count_requests(&source, &counts).await.map_err(Failure::data)?;
    Ok(())
}

/// Tells demonstrations on one server apart.
fn short_id() -> String {
    Uuid::now_v7().simple().to_string()[24..].to_owned()
}

async fn show_all(
    app: &App,
    made: &backstock_demo::Catalog,
    options: &backstock_demo::Options,
    shutdown: &Shutdown,
    tell: &impl Fn(String),
) -> Result<(Vec<Report>, Vec<serde_json::Value>), Failure> {
    let mut reports = Vec::new();
    for (heading, file) in [
        ("1. First delivery: everything is new.", made.csv.clone()),
        ("2. The same file again: nothing has to be done.", made.csv.clone()),
        ("3. A delivery with 5 % of the prices changed: only views and caches move.", {
            let dir = made.csv.parent().unwrap_or(Path::new("."));
            backstock_demo::write_price_change(dir, options, PRICE_CHANGE_PERCENT)
                .map_err(Failure::failed)?
                .csv
        }),
    ] {
        tell(format!("\n{heading}"));
        let import = Uuid::now_v7();
        let job = ImportProducts {
            import,
            file,
            images: Some(made.images.clone()),
            mapping: std::collections::BTreeMap::default(),
            full_sync: false,
            rejects: app.config.data_dir.join("rejects").join(format!("{import}.csv")),
            supplier: None,
        };
        let report = perform(app, &job, shutdown).await?;
        tell(summary(&report));
        report.verdict()?;
        reports.push(report);
    }
    tell("\n4. Three searches by meaning.".to_owned());
    let mut searches = Vec::new();
    for wanted in backstock_demo::queries() {
        let query = Query { text: wanted.text.to_owned(), limit: RESULTS, filter: Filter::default() };
        let found: Vec<Found> = app.searcher().search(&query).await.map_err(Failure::failed)?;
        tell(format!("\n“{}”\n{}", wanted.text, table(&found)));
        let results: Vec<_> = found
            .iter()
            .map(|hit| {
                json!({ "sku": hit.product.product.sku, "title": hit.product.product.title,
                               "category": hit.product.product.category, "score": hit.score })
            })
            .collect();
        searches
            .push(json!({ "query": wanted.text, "expected_category": wanted.category, "results": results }));
    }
    Ok((reports, searches))
}

fn summary(report: &Report) -> String {
    let sum = |parts: &[(&str, u64)]| {
        parts
            .iter()
            .map(|(name, number)| format!("{} {name}", show::count(*number)))
            .collect::<Vec<_>>()
            .join(" · ")
    };
    let rows = sum(&[
        ("rows", report.rows),
        ("created", report.created),
        ("updated", report.updated),
        ("unchanged", report.unchanged),
        ("rejected", report.rejected),
    ]);
    let work = sum(&[
        ("thumbnails", report.thumbnails),
        ("embeddings", report.embeddings),
        ("views refreshed", report.views_refreshed),
        ("cache entries warmed", report.cache_warmed),
    ]);
    let mut text = format!("   {rows}\n   {work}\n   {:.2} s", report.seconds);
    if report.images_failed > 0 {
        let _ = write!(text, " · {} unusable image kept as a warning", report.images_failed);
    }
    text
}
