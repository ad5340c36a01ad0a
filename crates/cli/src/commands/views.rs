//! `backstock views`: how the views stand, and bringing them up to date.

use crate::app;
use crate::args::Views;
use crate::commands::jobs::utc;
use crate::failure::Failure;
use crate::show::{self, Table};
use backstock_catalog::{
    Catalog, CatalogError, PlainReason, RefreshMode, RefreshReport, Refreshed, ViewInfo, ViewKind,
};
use backstock_config::Config;
use backstock_queue::Timestamp;
use serde_json::json;

/// Runs the subcommand.
pub async fn run(command: &Views, config: &Config, as_json: bool) -> Result<(), Failure> {
    if !app::catalog_is_remote(config)? {
        app::require_data(config)?;
    }
    let catalog = app::catalog(config).await?;
    match command {
        Views::List => list(&catalog.views().await.map_err(Failure::data)?, as_json),
        Views::Refresh { view, full } => refresh(&catalog, view, *full, as_json).await?,
    }
    Ok(())
}

fn list(views: &[ViewInfo], as_json: bool) {
    if as_json {
        show::json(&views);
        return;
    }
    let mut table =
        Table::new(&["VIEW", "KIND", ">LEVEL", "STATE", ">COST", "REFRESHED", "DUE AGAIN", "NOTE"]);
    for view in views {
        let time = |time: Option<i64>| time.map_or_else(String::new, |ms| utc(Timestamp(ms)));
        table.row([
            view.name.clone(),
            match view.kind {
                ViewKind::Summary => "summary".into(),
                ViewKind::Materialized => "materialized".into(),
            },
            view.level.to_string(),
            if view.stale { "stale".into() } else { "fresh".into() },
            view.cost_ms.map_or_else(String::new, |ms| show::duration(std::time::Duration::from_millis(ms))),
            time(view.finished_ms),
            time(view.next_due_ms),
            note(view),
        ]);
    }
    show::line(table);
}

fn note(view: &ViewInfo) -> String {
    if let Some(error) = &view.last_error {
        return format!("failed: {error}");
    }
    if !view.allowed {
        return "belongs to another database user, so it is not refreshed".into();
    }
    match view.plain_because {
        Some(PlainReason::NotPopulated) => "holds no rows yet".into(),
        Some(PlainReason::NoUniqueKey) => "a refresh shuts readers out: it has no unique index".into(),
        None => String::new(),
    }
}

async fn refresh(catalog: &Catalog, view: &str, full: bool, as_json: bool) -> Result<(), Failure> {
    let mode = if full { RefreshMode::Full } else { RefreshMode::Incremental };
    let reports = if view == "all" {
        catalog.refresh_views(mode).await.map_err(Failure::data)?
    } else {
        vec![(view.to_owned(), catalog.refresh_view(view, mode).await)]
    };
    if as_json {
        let one = |(view, report): &(String, Result<RefreshReport, CatalogError>)| match report {
            Ok(report) => json!(report),
            Err(error) => json!({ "view": view, "error": error.to_string() }),
        };
        show::json(&reports.iter().map(one).collect::<Vec<_>>());
    } else {
        let view_count = reports.len();
        for (view, report) in &reports {
            match report {
                Ok(report) => show::line(sentence(report)),
                Err(CatalogError::View { source, .. }) if view_count > 1 => {
                    show::line(format!("{view}: failed, {source}"));
                }
                Err(_) => {}
            }
        }
    }
    match reports.into_iter().find_map(|(_, report)| report.err()) {
        None => Ok(()),
        Some(error @ CatalogError::UnknownView { .. }) => Err(Failure::usage(error)),
        Some(error) => Err(Failure::data(error)),
    }
}

fn sentence(report: &RefreshReport) -> String {
    let took = show::duration(report.elapsed);
    let what = match report.done {
        Refreshed::Keys => {
            let things = match (report.view.as_str(), report.keys) {
                ("product", 1) => "product",
                ("product", _) => "products",
                (_, 1) => "group",
                _ => "groups",
            };
            format!("{} {things} computed again in {took}", show::count(report.keys))
        }
        Refreshed::Concurrently => format!("refreshed beside its readers in {took}"),
        Refreshed::Plain(PlainReason::NotPopulated) => format!("filled for the first time in {took}"),
        Refreshed::Plain(PlainReason::NoUniqueKey) => {
            format!("refreshed in {took}, readers waited: it has no unique index")
        }
        Refreshed::Fresh => "fresh".into(),
        Refreshed::NotDue => {
            "stale, but not due again yet (`backstock views list` says when); --full does not wait".into()
        }
        Refreshed::Busy => "is being refreshed by somebody else".into(),
    };
    format!("{}: {what}", report.view)
}
