//! Finds an embedder as the program does, with an empty data folder given as the argument, and says which.
//! `cargo run -p backstock-embedding --example resolve_model -- FOLDER`
#![allow(clippy::print_stdout, missing_docs)]

use std::path::Path;

use backstock_embedding::{ResolveOptions, resolve};

fn main() {
    let folder = std::env::args().nth(1).expect("give a data folder");
    let options = ResolveOptions::new(Path::new(&folder), None);
    let mut stage = None;
    let resolution = resolve(&options, &mut |progress| {
        if stage.replace(progress.stage) != Some(progress.stage) {
            println!("{progress:?}");
        }
    });
    println!("{}", resolution.expect("resolves").explanation);
}
