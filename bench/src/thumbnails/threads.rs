//! What a picture costs when every core cuts one, beside one core alone: shared memory and locks would show here.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use backstock_media::{Engine, Thumbnailer};

use super::ours::recipe;
use crate::process::cpu_seconds;

/// How often the set is cut in a run.
const TIMES: usize = 6;
/// Runs of each kind, in turns; the least counts.
const ROUNDS: usize = 3;

/// CPU seconds for the same pictures.
#[derive(Clone, Copy, Debug)]
pub struct Threads {
    pub one: f64,
    pub two: f64,
}

impl Threads {
    /// Work two cores do in the time of one: their CPU time is their time, whatever else the machine does.
    pub fn speedup(self) -> f64 {
        2.0 * self.one / self.two
    }
}

pub fn measure(pictures: &[PathBuf]) -> anyhow::Result<Threads> {
    let jpegs: Vec<&Path> = pictures
        .iter()
        .map(PathBuf::as_path)
        .filter(|path| path.extension().is_some_and(|e| e != "png"))
        .collect();
    let sources = jpegs.iter().map(std::fs::read).collect::<Result<Vec<_>, _>>()?;
    let folder = tempfile::tempdir()?;
    let thumbnailer = Thumbnailer::new(folder.path(), recipe(Engine::default(), "jpeg"))?;
    let mut least = Threads { one: f64::INFINITY, two: f64::INFINITY };
    for _ in 0..ROUNDS {
        least.one = least.one.min(run(&thumbnailer, &sources, 1)?);
        least.two = least.two.min(run(&thumbnailer, &sources, 2)?);
    }
    Ok(least)
}

fn run(thumbnailer: &Thumbnailer, sources: &[Vec<u8>], threads: usize) -> anyhow::Result<f64> {
    let next = AtomicUsize::new(0);
    let before = cpu_seconds()?;
    let done: Result<Vec<()>, anyhow::Error> = std::thread::scope(|scope| {
        let cut = || -> anyhow::Result<()> {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= sources.len() * TIMES {
                    return Ok(());
                }
                thumbnailer.render(&sources[at % sources.len()])?;
            }
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(cut)).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("a thread panicked")))
            .collect()
    });
    done?;
    Ok(cpu_seconds()? - before)
}
