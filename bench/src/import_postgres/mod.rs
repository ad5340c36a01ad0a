//! `import-postgres`: a whole import (validation, hashes, images, dirty sets, checkpoints, report) into a private
//! PostgreSQL server beside bare `COPY` + `INSERT … ON CONFLICT` of the same file, and beside its own repetition.
//! Alternating in one run; CPU seconds are those of this process and of the server together.

mod bare;

use std::future::pending;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};
use backstock_catalog::{Catalog, ImportReport, ImportRequest, PostgresOptions, import_delivery};
use backstock_testbed::PostgresServer;
use bare::Table;
use sqlx::{Connection, PgConnection};

use crate::options::Options;
use crate::process::{cpu_seconds, peak_memory_mb, server_cpu_seconds};
use crate::rows;

const DEFAULT_ROWS: usize = 200_000;
const ROUNDS: usize = 2;
const FRESH_BAR: f64 = 0.7;
const AGAIN_BAR: f64 = 2.5;
const MEMORY_BAR_MB: f64 = 150.0;
/// Durable, as a server in production is, with the memory of a small one. Without autovacuum, whose work would be counted
/// against whoever runs when it comes.
const SETTINGS: [&str; 6] = [
    "fsync=on",
    "full_page_writes=on",
    "shared_buffers=1GB",
    "max_wal_size=4GB",
    "checkpoint_timeout=30min",
    "autovacuum=off",
];
const WRITES: &str =
    "SELECT n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE relid = 'product'::regclass";

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
    client: f64,
    server: f64,
    wall: f64,
}

impl Cost {
    fn cpu(self) -> f64 {
        self.client + self.server
    }
}

#[derive(Debug, Default)]
struct Measured {
    rows: usize,
    fresh: Cost,
    again: Cost,
    plain: Cost,
    products: Cost,
    same_tables: Cost,
    memory_mb: f64,
    again_writes: i64,
}

async fn measure(rows: usize) -> anyhow::Result<Measured> {
    let dir = tempfile::tempdir()?;
    let csv = dir.path().join("products.csv");
    rows::write_csv(&csv, rows)?;
    let server = PostgresServer::start_with(&SETTINGS)?;
    let pid = server.pid().context("the server runs")?;
    let mut sum = Measured { rows: rows * ROUNDS, ..Measured::default() };
    for round in 0..ROUNDS {
        // The yardsticks hold the whole file in memory, so the catalog's peak is taken before them.
        let catalog_url = server.new_database()?;
        let options = PostgresOptions { schema: Some("shop".into()), ..PostgresOptions::new(&catalog_url) };
        let catalog = Catalog::connect(&options).await?;
        let fresh = timed(pid, &mut sum.fresh, import(&catalog, "fresh", &csv)).await?;
        ensure!(fresh.counters.created == rows as u64, "not every row was created: {:?}", fresh.counters);
        // Connections tell the server's statistics what they did when they are closed.
        catalog.close().await;
        let catalog = Catalog::connect(&options).await?;
        let mut look = PgConnection::connect(&catalog_url).await?;
        sqlx::raw_sql("SET search_path = shop").execute(&mut look).await?;
        let before = writes(&mut look).await?;
        let again = timed(pid, &mut sum.again, import(&catalog, "again", &csv)).await?;
        ensure!(again.counters.unchanged == rows as u64, "not every row was unchanged: {:?}", again.counters);
        if round == 0 {
            sum.memory_mb = peak_memory_mb()?;
        }
        catalog.close().await;
        sum.again_writes += writes(&mut look).await? - before;
        for (table, cost) in [
            (Table::Plain, &mut sum.plain),
            (Table::Products("shop"), &mut sum.products),
            (Table::Catalog("shop"), &mut sum.same_tables),
        ] {
            let plain = matches!(table, Table::Plain);
            let url = if plain { server.new_database()? } else { catalog_url.clone() };
            let mut conn = bare::prepare(&url, table).await?;
            timed(pid, cost, bare::import(&mut conn, &csv, table)).await?;
            let count = bare::count(&mut conn).await?;
            ensure!(count == rows, "the yardstick wrote {count} rows");
            conn.close().await?;
            if url != catalog_url {
                drop_database(&server, &url)?;
            }
        }
        look.close().await?;
        drop_database(&server, &catalog_url)?;
    }
    Ok(sum)
}

/// A million rows in every shape take gigabytes.
fn drop_database(server: &PostgresServer, url: &str) -> anyhow::Result<()> {
    let name = url.rsplit_once('/').context("a URL names a database")?.1;
    Ok(server.execute(&format!("DROP DATABASE {name} WITH (FORCE)"))?)
}

/// Rows of products written so far, by connections that are closed.
async fn writes(look: &mut PgConnection) -> anyhow::Result<i64> {
    let mut last = -1;
    loop {
        // The server ends a connection a moment after its client has.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let now = sqlx::query_scalar(WRITES).fetch_one(&mut *look).await?;
        if now == last {
            return Ok(now);
        }
        last = now;
    }
}

async fn import(catalog: &Catalog, id: &str, csv: &Path) -> anyhow::Result<ImportReport> {
    let request = ImportRequest::new(id, csv, || 0);
    import_delivery(catalog, &request, &mut (), pending()).await.context("importing")
}

async fn timed<T>(
    pid: u32,
    cost: &mut Cost,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let (client, served, started) = (cpu_seconds()?, server_cpu_seconds(pid)?, Instant::now());
    let result = work.await?;
    cost.wall += started.elapsed().as_secs_f64();
    cost.client += cpu_seconds()? - client;
    cost.server += server_cpu_seconds(pid)? - served;
    Ok(result)
}

impl Measured {
    /// Against the same rows in the same tables: what the bar is about.
    fn fresh_ratio(&self) -> f64 {
        self.same_tables.cpu() / self.fresh.cpu()
    }

    fn again_ratio(&self) -> f64 {
        self.fresh.cpu() / self.again.cpu()
    }

    fn rate(&self, cost: Cost) -> f64 {
        (self.rows as f64 / cost.wall).round()
    }

    fn json(&self) -> serde_json::Value {
        let round = |value: f64| (value * 1000.0).round() / 1000.0;
        serde_json::json!({
            "name": "import-postgres",
            "rows": self.rows / ROUNDS,
            "fresh_rows_per_s": self.rate(self.fresh),
            "again_rows_per_s": self.rate(self.again),
            "bare_rows_per_s": self.rate(self.same_tables),
            "bare_products_rows_per_s": self.rate(self.products),
            "bare_plain_rows_per_s": self.rate(self.plain),
            "fresh_ratio": round(self.fresh_ratio()),
            "fresh_wall_ratio": round(self.same_tables.wall / self.fresh.wall),
            "fresh_bar": FRESH_BAR,
            "fresh_bar_met": self.fresh_ratio() >= FRESH_BAR,
            "products_ratio": round(self.products.cpu() / self.fresh.cpu()),
            "products_wall_ratio": round(self.products.wall / self.fresh.wall),
            "plain_ratio": round(self.plain.cpu() / self.fresh.cpu()),
            "plain_wall_ratio": round(self.plain.wall / self.fresh.wall),
            "again_ratio": round(self.again_ratio()),
            "again_wall_ratio": round(self.fresh.wall / self.again.wall),
            "again_bar": AGAIN_BAR,
            "again_bar_met": self.again_ratio() >= AGAIN_BAR && self.again_writes == 0,
            "again_product_writes": self.again_writes,
            "memory_mb": self.memory_mb.round(),
            "memory_ratio": round(self.memory_mb / MEMORY_BAR_MB),
            "memory_bar_mb": MEMORY_BAR_MB,
            "memory_bar_met": self.memory_mb <= MEMORY_BAR_MB,
        })
    }

    fn text(&self) -> String {
        let line = |name: &str, cost: Cost| {
            format!(
                "{name:<38}{:>8} rows/s {:>7.2} s CPU here {:>7.2} s CPU of the server\n",
                self.rate(cost),
                cost.client,
                cost.server
            )
        };
        let ratio = |name: &str, bare: Cost, bar: &str| {
            let (cpu, wall) = (bare.cpu() / self.fresh.cpu(), bare.wall / self.fresh.wall);
            format!("{name:<38}{cpu:.2}{bar}, by wall clock {wall:.2}\n")
        };
        format!(
            "{} rows, {ROUNDS} rounds\n{}{}{}{}{}{}{}{}\
             identical / fresh import              {:.2} (bar {AGAIN_BAR}), {} writes to products\n\
             peak memory                           {:.0} MB (bar {MEMORY_BAR_MB})",
            self.rows / ROUNDS,
            line("fresh import", self.fresh),
            line("identical import", self.again),
            line("bare, the same tables", self.same_tables),
            line("bare, without images", self.products),
            line("bare, plain table", self.plain),
            ratio("fresh import / bare, the same tables", self.same_tables, &format!(" (bar {FRESH_BAR})")),
            ratio("fresh import / bare, without images", self.products, ""),
            ratio("fresh import / bare, plain table", self.plain, ""),
            self.again_ratio(),
            self.again_writes,
            self.memory_mb,
        )
    }
}
