//! A turn of one of our engines, in a process of its own.

use std::path::Path;

use anyhow::{Context, bail};
use backstock_media::{Engine, Output, Recipe, Thumbnailer};
use serde_json::json;

use super::SIZES;
use crate::process::{main_thread_cpu_ms, peak_memory_mb};

/// `ENGINE FORMAT FILE TIMES OUT`, as [`super::contestant`] passes them.
pub fn work(arguments: &[String]) -> anyhow::Result<()> {
    let [engine, format, file, times, out] = arguments else { bail!("ENGINE FORMAT FILE TIMES OUT") };
    let engine = if engine == "turbo" { Engine::Turbo } else { Engine::Rust };
    let out = Path::new(out);
    let times: u32 = times.parse().context("TIMES")?;
    let source = std::fs::read(file)?;
    let thumbnailer = Thumbnailer::new(out.join("store"), recipe(engine, format))?;
    let mut made = thumbnailer.render(&source)?;
    let before = main_thread_cpu_ms()?;
    for _ in 0..times {
        made = thumbnailer.render(&source)?;
    }
    let cpu_ms = (main_thread_cpu_ms()? - before) / f64::from(times);
    for picture in made {
        let longest = picture.width.max(picture.height);
        // A source below 1200 pixels makes its own size in place of that.
        let size = SIZES.iter().rev().find(|&&size| size >= longest).context("larger than asked for")?;
        std::fs::write(out.join(size.to_string()), picture.bytes)?;
    }
    println!("{}", json!({ "cpu_ms": cpu_ms, "peak_mb": peak_memory_mb()? }));
    Ok(())
}

/// As the peers are asked.
pub fn recipe(engine: Engine, format: &str) -> Recipe {
    let format = if format == "webp" { Output::WebP { quality: 80 } } else { Output::Jpeg { quality: 80 } };
    Recipe { sizes: SIZES.to_vec(), format, engine, ..Recipe::default() }
}
