//! Makes the default sizes of every file below a folder: `cargo run -p backstock-media --example thumbs -- FROM TO`.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs, io};

use backstock_media::{Recipe, Thumbnailer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [from, to] = arguments.as_slice() else { return Err("usage: thumbs FROM TO".into()) };
    let thumbnailer = Thumbnailer::new(to, Recipe::default())?;
    let mut files = Vec::new();
    list(Path::new(from), &mut files)?;
    files.sort();
    let (start, mut made, mut there, mut refused) = (Instant::now(), 0, 0, BTreeMap::<_, usize>::new());
    for file in &files {
        match thumbnailer.make_file(file) {
            Ok(result) if result.reused => there += 1,
            Ok(_) => made += 1,
            Err(error) => {
                println!("{}: {error}", file.display());
                *refused.entry(error.code()).or_default() += 1;
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{made} made, {there} reused, refused {refused:?}, {:.1} ms each",
        seconds * 1e3 / files.len() as f64
    );
    Ok(())
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { list(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
