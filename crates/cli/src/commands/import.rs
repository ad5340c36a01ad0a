//! `backstock import`: one delivery, from file to report.

use crate::app::{App, crew::Crew, delivery};
use crate::args::Import;
use crate::failure::Failure;
use crate::show::{self, progress::Progress, report::Report};
use crate::stop;
use backstock_catalog::{ImportReport, import_delivery};
use backstock_config::Config;
use backstock_jobs::import_products::{self, ImportProducts};
use std::path::{Path, PathBuf};
use std::time::Instant;
use uuid::Uuid;

/// Runs the command.
pub async fn run(args: &Import, config: Config, json: bool) -> Result<(), Failure> {
    let file = existing(&args.file)?;
    let images = args.images.as_deref().map(folder).transpose()?;
    let import = Uuid::now_v7();
    let rejects = match &args.rejects {
        Some(path) => std::path::absolute(path).map_err(Failure::usage)?,
        None => std::path::absolute(&config.data_dir)
            .map_err(Failure::usage)?
            .join("rejects")
            .join(format!("{import}.csv")),
    };
    let job = ImportProducts {
        import,
        file,
        images,
        mapping: args.map.iter().cloned().collect(),
        full_sync: args.full_sync,
        rejects,
        supplier: args.supplier.clone(),
    };
    if args.dry_run {
        return dry_run(&job, config, json).await;
    }
    if args.detach {
        return detach(&job, &config, json).await;
    }
    let shutdown =
        stop::on_signals("stopping: finishing what runs, the rest is kept (Ctrl-C again: at once)")
            .map_err(Failure::failed)?;
    let app = stop::unless_stopped(&shutdown, App::open(config)).await?;
    crate::app::limits::apply(&app.config, &*app.tools.store).await?;
    let crew = Crew::start(&app, &shutdown)?;
    let outcome = crew.unless_refused(perform(&app, &job, &shutdown)).await;
    if !outcome.as_ref().is_err_and(Failure::is_data) {
        crew.stop().await;
    }
    let report = outcome?;
    report.show(json);
    report.verdict()
}

/// Enqueues the import and waits until everything that follows from it is done.
pub async fn perform(
    app: &App,
    job: &ImportProducts,
    shutdown: &backstock_service::Shutdown,
) -> Result<Report, Failure> {
    let started = Instant::now();
    let groups = delivery::enqueue(&*app.tools.store, job).await?;
    let mut progress = Progress::new(&app.tools, job, groups.clone());
    let waited = tokio::select! {
        waited = delivery::wait(app, job, &groups, &mut progress) => waited,
        () = shutdown.requested() => Err(Failure::interrupted(
            "interrupted; nothing is lost: `backstock up` (or another import) goes on with the waiting jobs",
        )),
    };
    progress.finish();
    waited?;
    delivery::report(app, job, &groups, started.elapsed()).await
}

async fn detach(job: &ImportProducts, config: &Config, json: bool) -> Result<(), Failure> {
    let store = crate::app::store(config).await?;
    let groups = delivery::enqueue(&*store, job).await?;
    if json {
        show::json(&serde_json::json!({ "import": job.import, "group": groups.whole }));
    } else {
        show::line(format!("enqueued: import {}", job.import));
        show::line("`backstock up` does the work, `backstock status` shows how far it is");
    }
    Ok(())
}

async fn dry_run(job: &ImportProducts, config: Config, json: bool) -> Result<(), Failure> {
    let started = Instant::now();
    let catalog = crate::app::catalog(&config).await?;
    let settings = crate::app::import_settings(&config);
    let mut request = import_products::request(job, &settings);
    request.dry_run = true;
    let report: ImportReport =
        import_delivery(&catalog, &request, &mut (), std::future::pending()).await.map_err(Failure::input)?;
    let report = Report::of(&report, None, started.elapsed());
    report.show_dry_run(json);
    report.verdict()
}

fn existing(file: &Path) -> Result<PathBuf, Failure> {
    let shown = file.display();
    let info = std::fs::metadata(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::input(format!("{shown}: there is no such file; check the path"))
        }
        _ => Failure::input(format!("{shown}: {error}")),
    })?;
    if info.is_dir() {
        return Err(Failure::input(format!("{shown} is a folder; name the product file in it")));
    }
    std::path::absolute(file).map_err(|error| Failure::input(format!("{shown}: {error}")))
}

fn folder(path: &Path) -> Result<PathBuf, Failure> {
    if !path.is_dir() {
        return Err(Failure::input(format!("--images {}: there is no such folder", path.display())));
    }
    std::path::absolute(path).map_err(|error| Failure::input(format!("--images {}: {error}", path.display())))
}
