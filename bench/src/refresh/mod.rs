//! `refresh`: what a reader of a materialized view notices of its refresh, and what an incremental refresh of 1 % of the
//! products costs beside a full one. On a private PostgreSQL server; CPU seconds are the server's.

mod reader;

use std::future::pending;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use backstock_catalog::{
    Catalog, ImportRequest, PostgresOptions, RefreshMode, RefreshReport, Refreshed, import_delivery,
};
use backstock_testbed::PostgresServer;
use reader::{Reader, Reads};
use sqlx::{Connection, PgConnection};

use crate::options::Options;
use crate::process::server_cpu_seconds;
use crate::rows;

const DEFAULT_ROWS: usize = 200_000;
const ROUNDS: usize = 3;
const WORST_BAR: f64 = 2.0;
const INCREMENTAL_BAR: f64 = 8.0;
const VIEW: &str = "product_performance";
const SETTINGS: [&str; 4] = ["fsync=on", "full_page_writes=on", "shared_buffers=1GB", "max_wal_size=4GB"];
const DIFFERENT: &str = "SELECT count(*) FROM (
    (SELECT id, price_minor, score, stock, in_stock, sku, currency, category, brand, title FROM shop.view_product
     EXCEPT ALL SELECT * FROM defined) UNION ALL
    (SELECT * FROM defined
     EXCEPT ALL SELECT id, price_minor, score, stock, in_stock, sku, currency, category, brand, title FROM shop.view_product)
    ) d";
const DEFINED: &str = "CREATE TEMPORARY VIEW defined
    (id, price_minor, score, stock, in_stock, sku, currency, category, brand, title) AS SELECT p.id, coalesce(p.sale_minor, p.price_minor), coalesce(o.score, 0),
    p.stock, p.availability = 0, p.sku, p.currency, p.category, p.brand, p.title
    FROM shop.product p LEFT JOIN shop.popularity o ON o.sku = p.sku WHERE p.status = 0";

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

#[derive(Debug, Default)]
struct Measured {
    rows: usize,
    quiet: Reads,
    concurrent: Reads,
    plain: Reads,
    /// Worst quiet and worst disturbed read of each round, in milliseconds.
    worst: Vec<(f64, f64)>,
    concurrent_s: f64,
    plain_s: f64,
    full_cpu: f64,
    full_s: f64,
    incremental_cpu: f64,
    incremental_s: f64,
    incremental_keys: u64,
    different: i64,
}

async fn measure(rows: usize) -> anyhow::Result<Measured> {
    let dir = tempfile::tempdir()?;
    let server = PostgresServer::start_with(&SETTINGS)?;
    let url = server.new_database()?;
    let options = PostgresOptions { schema: Some("shop".into()), ..PostgresOptions::new(&url) };
    let catalog = Catalog::connect(&options).await?;
    deliver(&catalog, dir.path(), rows, 0).await?;
    catalog.refresh_views(RefreshMode::Full).await?;
    let mut measured = Measured { rows, ..Measured::default() };
    for round in 0..ROUNDS {
        readers(&mut measured, &catalog, &url, rows as i64).await?;
        by_product(&mut measured, &catalog, &server, dir.path(), round + 1).await?;
    }
    let mut conn = PgConnection::connect(&url).await?;
    sqlx::raw_sql(DEFINED).execute(&mut conn).await?;
    measured.different = sqlx::query_scalar(DIFFERENT).fetch_one(&mut conn).await?;
    Ok(measured)
}

/// A delivery in which, from the second on, another 1 % of the products changed.
async fn deliver(catalog: &Catalog, dir: &Path, rows: usize, round: usize) -> anyhow::Result<()> {
    let csv = dir.join(format!("{round}.csv"));
    rows::write_csv(&csv, rows)?;
    if round > 0 {
        let text = std::fs::read_to_string(&csv)?;
        let changed = text.lines().enumerate().map(|(number, line)| {
            let hit = number > 0 && (1..=round).any(|past| (number + past).is_multiple_of(100));
            if hit { line.replacen(" no. ", " new no. ", 1) } else { line.to_owned() }
        });
        std::fs::write(&csv, changed.collect::<Vec<_>>().join("\n"))?;
    }
    let request = ImportRequest::new(format!("d{round}"), &csv, || 0);
    let report = import_delivery(catalog, &request, &mut (), pending()).await.context("importing")?;
    ensure!(report.counters.rejected == 0, "rows were rejected: {:?}", report.codes);
    Ok(())
}

/// Reads without a refresh, beside a concurrent one and beside a plain one, for about the same time each.
async fn readers(measured: &mut Measured, catalog: &Catalog, url: &str, rows: i64) -> anyhow::Result<()> {
    let reader = Reader::start(url, rows).await?;
    let begun = Instant::now();
    let report = catalog.refresh_view(VIEW, RefreshMode::Full).await?;
    ensure!(report.done == Refreshed::Concurrently, "not beside its readers: {report:?}");
    let took = begun.elapsed();
    let disturbed = reader.stop().await?;
    measured.concurrent_s += took.as_secs_f64();
    let quiet = quietly(url, rows, took).await?;
    measured.worst.push((quiet.worst_ms(), disturbed.worst_ms()));
    measured.quiet.add(quiet);
    measured.concurrent.add(disturbed);
    let reader = Reader::start(url, rows).await?;
    let mut conn = PgConnection::connect(url).await?;
    let begun = Instant::now();
    sqlx::raw_sql("REFRESH MATERIALIZED VIEW shop.product_performance").execute(&mut conn).await?;
    measured.plain_s += begun.elapsed().as_secs_f64();
    measured.plain.add(reader.stop().await?);
    Ok(())
}

async fn quietly(url: &str, rows: i64, time: Duration) -> anyhow::Result<Reads> {
    let reader = Reader::start(url, rows).await?;
    tokio::time::sleep(time).await;
    reader.stop().await
}

/// The summary by product: what changed, then everything.
async fn by_product(
    measured: &mut Measured,
    catalog: &Catalog,
    server: &PostgresServer,
    dir: &Path,
    round: usize,
) -> anyhow::Result<()> {
    let pid = server.pid().context("the server runs")?;
    deliver(catalog, dir, measured.rows, round).await?;
    let (report, cpu) = timed(pid, catalog, RefreshMode::Incremental).await?;
    ensure!(
        report.mode == RefreshMode::Incremental && report.keys > 0,
        "nothing was incremental: {report:?}"
    );
    measured.incremental_keys = report.keys;
    measured.incremental_s += report.elapsed.as_secs_f64();
    measured.incremental_cpu += cpu;
    if round == ROUNDS {
        // The last incremental refresh is what is compared with the definition.
        return Ok(());
    }
    let (report, cpu) = timed(pid, catalog, RefreshMode::Full).await?;
    measured.full_s += report.elapsed.as_secs_f64();
    measured.full_cpu += cpu;
    Ok(())
}

async fn timed(pid: u32, catalog: &Catalog, mode: RefreshMode) -> anyhow::Result<(RefreshReport, f64)> {
    let before = server_cpu_seconds(pid)?;
    let report = catalog.refresh_view("product", mode).await?;
    Ok((report, server_cpu_seconds(pid)? - before))
}

impl Measured {
    /// Median over the rounds of worst disturbed read over worst quiet read.
    fn worst_ratio(&self) -> f64 {
        let mut ratios: Vec<f64> = self.worst.iter().map(|(quiet, disturbed)| disturbed / quiet).collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().unwrap_or(f64::INFINITY)
    }

    /// Of the mean full refresh over the mean incremental one, by wall clock: the CPU time of a short one is below what the
    /// system's clock tells apart.
    fn incremental_ratio(&self) -> f64 {
        (self.full_s / (ROUNDS - 1) as f64) / (self.incremental_s / ROUNDS as f64)
    }

    fn json(&self) -> serde_json::Value {
        let round = |value: f64| (value * 1000.0).round() / 1000.0;
        serde_json::json!({
            "name": "refresh",
            "rows": self.rows,
            "quiet_worst_ms": round(self.quiet.worst_ms()),
            "quiet_p99_ms": round(self.quiet.at(0.99)),
            "concurrent_worst_ms": round(self.concurrent.worst_ms()),
            "concurrent_p99_ms": round(self.concurrent.at(0.99)),
            "plain_worst_ms": round(self.plain.worst_ms()),
            "concurrent_s": round(self.concurrent_s / ROUNDS as f64),
            "plain_s": round(self.plain_s / ROUNDS as f64),
            "worst_ratio": round(self.worst_ratio()),
            "worst_bar": WORST_BAR,
            "worst_bar_met": self.worst_ratio() <= WORST_BAR,
            "incremental_keys": self.incremental_keys,
            "incremental_ms": round(self.incremental_s / ROUNDS as f64 * 1000.0),
            "full_ms": round(self.full_s / (ROUNDS - 1) as f64 * 1000.0),
            "incremental_ratio": round(self.incremental_ratio()),
            "incremental_bar": INCREMENTAL_BAR,
            "incremental_bar_met": self.incremental_ratio() >= INCREMENTAL_BAR && self.different == 0,
            "rows_different_from_definition": self.different,
        })
    }

    fn text(&self) -> String {
        let line = |name: &str, reads: &Reads| {
            format!(
                "{name:<34}{:>8} reads, p50 {:.2} ms, p99 {:.2} ms, worst {:.1} ms\n",
                reads.count(),
                reads.at(0.5),
                reads.at(0.99),
                reads.worst_ms()
            )
        };
        let rounds = ROUNDS as f64;
        format!(
            "{} products, {ROUNDS} rounds\n{}{}{}concurrent refresh {:.2} s, plain {:.2} s\n\
             worst read, concurrent / quiet    {:.2} (bar ≤ {WORST_BAR}, median of the rounds)\n\
             full / incremental refresh        {:.1} (bar ≥ {INCREMENTAL_BAR}): {:.0} ms of {} products, {:.0} ms of all; \
             CPU {:.2} s and {:.2} s; {} rows differ from the definition",
            self.rows,
            line("reads alone", &self.quiet),
            line("reads beside a concurrent refresh", &self.concurrent),
            line("reads beside a plain refresh", &self.plain),
            self.concurrent_s / rounds,
            self.plain_s / rounds,
            self.worst_ratio(),
            self.incremental_ratio(),
            self.incremental_s / rounds * 1000.0,
            self.incremental_keys,
            self.full_s / (rounds - 1.0) * 1000.0,
            self.incremental_cpu / rounds,
            self.full_cpu / (rounds - 1.0),
            self.different,
        )
    }
}
