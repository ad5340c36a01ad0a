//! How soon a bomb is refused: a file of a few bytes that announces ten gigabytes of pixels.

use anyhow::bail;
use backstock_media::{Engine, Thumbnailer};

use super::ours::recipe;
use crate::process::main_thread_cpu_ms;

/// Signature and header of a PNG of 50,000 × 50,000 pixels in RGBA, an empty data chunk and the end.
const BOMB: &[u8] = b"\x89PNG\r\n\x1A\n\
    \0\0\0\x0DIHDR\0\0\xC3\x50\0\0\xC3\x50\x08\x06\0\0\0\x4B\xAF\x3D\xCA\
    \0\0\0\0IDAT\x35\xAF\x06\x1E\0\0\0\0IEND\xAE\x42\x60\x82";
/// Tries; the worst counts.
const TIMES: usize = 100;

/// Milliseconds of CPU time until it is refused.
pub fn measure() -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let thumbnailer = Thumbnailer::new(folder.path(), recipe(Engine::default(), "jpeg"))?;
    let mut worst = 0.0_f64;
    for _ in 0..TIMES {
        let before = main_thread_cpu_ms()?;
        let refused = thumbnailer.make(BOMB);
        worst = worst.max(main_thread_cpu_ms()? - before);
        match refused {
            Err(error) if error.code() == "too_many_pixels" => {}
            other => bail!("the bomb was not refused for its pixels: {other:?}"),
        }
    }
    Ok(worst)
}
