//! Reads a delivery and prints what came of it, one JSON object; with `--rejects FILE` also writes the rejects file.
//!
//! ```text
//! cargo run --release -p backstock-catalog --example read_delivery -- FILE [--rejects FILE] [--products]
//! ```
#![allow(clippy::print_stdout, reason = "an example talks to its user")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use backstock_catalog::delivery::{Delivery, ReadOptions, RejectsWriter};
use serde_json::json;

/// Rejects listed one by one; more are only counted.
const MAX_LISTED: usize = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (mut path, mut rejects_path, mut products) = (None, None, false);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--rejects") => rejects_path = arguments.next().map(PathBuf::from),
            Some("--products") => products = true,
            _ => path = Some(PathBuf::from(argument)),
        }
    }
    let path = path.ok_or("name a file")?;
    let start = Instant::now();
    let mut delivery = match Delivery::open(&path, &ReadOptions::default()) {
        Ok(delivery) => delivery,
        Err(error) => {
            println!("{}", json!({ "file_error": error.code, "message": error.to_string() }));
            return Ok(());
        }
    };
    let mut writer = match rejects_path {
        Some(path) => Some(RejectsWriter::new(std::fs::File::create(path)?, delivery.summary())?),
        None => None,
    };
    let (mut accepted, mut skipped, mut rejected, mut rejects) = (0u64, 0u64, 0u64, Vec::new());
    let mut warnings: BTreeMap<&str, u64> = BTreeMap::new();
    let mut file_error = None;
    loop {
        let batch = match delivery.next_batch(10_000) {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(error) => {
                file_error = Some(error);
                break;
            }
        };
        accepted += batch.rows.len() as u64;
        skipped += batch.skipped;
        for warning in &batch.warnings {
            *warnings.entry(warning.code.as_str()).or_default() += 1;
        }
        if products {
            for row in &batch.rows {
                println!("{}", serde_json::to_string(&row.product)?);
            }
        }
        for reject in batch.rejects {
            if let Some(writer) = &mut writer {
                writer.write(&reject)?;
            }
            rejected += 1;
            if rejects.len() >= MAX_LISTED {
                continue;
            }
            rejects.push(json!({
                "record": reject.record, "line": reject.line, "code": reject.code, "field": reject.field,
                "value": reject.value, "message": reject.message,
            }));
        }
    }
    if let Some(writer) = writer {
        writer.finish()?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let summary = delivery.summary();
    println!(
        "{}",
        json!({
            "accepted": accepted, "skipped": skipped, "rejected": rejected, "rejects": rejects, "warnings": warnings,
            "file_error": file_error.as_ref().map(|error| error.code), "summary": summary, "seconds": seconds,
            "rows_per_second": ((accepted + skipped + rejected) as f64 / seconds).round(),
        })
    );
    Ok(())
}
