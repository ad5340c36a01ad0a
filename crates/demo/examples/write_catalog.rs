//! Writes the demonstration catalog: `cargo run -p backstock-demo --example write_catalog -- FOLDER`.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::time::Instant;

use backstock_demo::{Options, write_catalog, write_price_change};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: write_catalog FOLDER")?;
    let options = Options::default();
    let start = Instant::now();
    let catalog = write_catalog(&folder, &options)?;
    let seconds = start.elapsed().as_secs_f64();
    let change = write_price_change(&folder, &options, 5)?;
    println!("{catalog:#?}\n{} prices changed, {seconds:.1} s", change.changed.len());
    Ok(())
}
