//! Side-by-side benchmarks: ratios in one run. `backstock-bench NAME [--json] [further options of NAME]`.
//!
//! Each benchmark is a module with `run`: it prints what it measured, with `--json` as one line that holds a
//! `…_ratio` number and a `…_bar_met` boolean for each bar.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program whose purpose is to print figures")]

mod cache;
mod crash;
mod import_postgres;
mod import_sqlite;
mod meter;
mod options;
mod percentiles;
mod pickup;
mod pool;
mod process;
mod queue_postgres;
mod queue_rabbitmq;
mod queue_redis;
mod queue_sqlite;
mod rabbit_crash;
mod random;
mod redis_crash;
mod refresh;
mod rows;
mod show;
mod thumbnails;
mod vectors;

use std::process::ExitCode;

use options::Options;

type Benchmark = fn(&Options) -> anyhow::Result<()>;

const NAMES: [(&str, Benchmark); 12] = [
    ("cache", cache::run),
    ("import-postgres", import_postgres::run),
    ("import-sqlite", import_sqlite::run),
    ("queue-postgres", queue_postgres::run),
    ("queue-rabbitmq", queue_rabbitmq::run),
    ("queue-redis", queue_redis::run),
    ("queue-sqlite", queue_sqlite::run),
    ("rabbit-crash", rabbit_crash::run),
    ("redis-crash", redis_crash::run),
    ("refresh", refresh::run),
    ("thumbnails", thumbnails::run),
    ("vectors", vectors::run),
];

/// What benchmarks start as processes of their own.
const PARTS: [(&str, Benchmark); 2] =
    [("rabbit-crash-worker", rabbit_crash::run_worker), ("redis-crash-worker", redis_crash::run_worker)];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let Some((_, run)) = NAMES.iter().chain(&PARTS).find(|(known, _)| *known == name) else {
        let known: Vec<&str> = NAMES.iter().map(|(known, _)| *known).collect();
        eprintln!("usage: backstock-bench NAME [--json] [--rows N]; NAME is one of: {}", known.join(", "));
        return ExitCode::from(2);
    };
    match Options::parse(arguments).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
