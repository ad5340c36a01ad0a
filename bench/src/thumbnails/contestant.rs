//! Who takes part: programs that cut one picture again and again and print what it cost.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use backstock_media::Engine;
use serde::Deserialize;

use super::install;

/// A program, or why it is absent.
pub struct Contestant {
    pub name: &'static str,
    command: Result<Vec<String>, String>,
    formats: &'static [&'static str],
}

/// What a turn cost.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Ran {
    /// User and system time of all its threads for one picture.
    pub cpu_ms: f64,
    /// Highest resident memory of the process.
    pub peak_mb: f64,
}

impl Contestant {
    fn new(name: &'static str, command: anyhow::Result<Vec<String>>) -> Self {
        Self { name, command: command.map_err(|error| format!("{error:#}")), formats: &["jpeg", "webp"] }
    }

    /// Why it does not take part.
    pub fn absent(&self) -> Option<&str> {
        self.command.as_ref().err().map(String::as_str)
    }

    pub fn takes(&self, format: &str) -> bool {
        self.formats.contains(&format)
    }

    /// One turn; none where it is absent.
    pub fn run(&self, format: &str, picture: &Path, times: usize, out: &Path) -> anyhow::Result<Option<Ran>> {
        let Ok(command) = &self.command else { return Ok(None) };
        let [program, arguments @ ..] = command.as_slice() else { bail!("no program") };
        let ran = Command::new(program)
            .args(arguments)
            .arg(format)
            .arg(picture)
            .arg(times.to_string())
            .arg(out)
            .output()
            .with_context(|| program.clone())?;
        if !ran.status.success() {
            bail!("{} on {}: {}", self.name, picture.display(), String::from_utf8_lossy(&ran.stderr));
        }
        let said = String::from_utf8_lossy(&ran.stdout);
        let last = said.lines().last().unwrap_or_default();
        Ok(Some(serde_json::from_str(last).with_context(|| format!("{}: {said}", self.name))?))
    }
}

/// Everyone, in the order of their turns.
pub fn all(scratch: &Path) -> anyhow::Result<Vec<Contestant>> {
    let script = |name: &str, text: &str| -> anyhow::Result<String> {
        let path: PathBuf = scratch.join(name);
        std::fs::write(&path, text)?;
        Ok(path.display().to_string())
    };
    let sharp_script = script("sharp.mjs", include_str!("peers/sharp.mjs"))?;
    let pillow_script = script("pillow.py", include_str!("peers/pillow.py"))?;
    let vips_script = script("vipsthumbnail.py", include_str!("peers/vipsthumbnail.py"))?;
    let sharp = |mode: &str| {
        let home = install::sharp()?.display().to_string();
        Ok(vec!["node".to_owned(), sharp_script.clone(), home, mode.to_owned()])
    };
    let python = |package: &str, compiler| {
        let python = install::python_with(package, compiler)?.display().to_string();
        Ok(vec![python, pillow_script.clone()])
    };
    let vips = install::program("vipsthumbnail").map(|()| vec!["python3".to_owned(), vips_script]);
    let mut all = Vec::new();
    for engine in [Engine::Turbo, Engine::Rust] {
        let program = std::env::current_exe()?.display().to_string();
        let name = engine.name();
        let command = vec![program, "thumbnails".to_owned(), "--worker".to_owned(), name.to_owned()];
        let absent = || anyhow::anyhow!("not in this build; run with --features turbo");
        let command = if engine.is_available() { Ok(command) } else { Err(absent()) };
        // The engine in Rust writes WebP without loss, which is another job.
        let formats: &[&str] = if engine == Engine::Turbo { &["jpeg", "webp"] } else { &["jpeg"] };
        all.push(Contestant { formats, ..Contestant::new(name, command) });
    }
    all.push(Contestant::new("sharp smart", sharp("smart")));
    all.push(Contestant::new("sharp naive", sharp("naive")));
    // Built from source, it has WebP only where the system has its headers.
    let simd = Contestant::new("pillow-simd", python("pillow-simd", Some("cc -mavx2")));
    all.push(Contestant { formats: &["jpeg"], ..simd });
    all.push(Contestant::new("pillow", python("pillow", None)));
    all.push(Contestant::new("vipsthumbnail", vips));
    Ok(all)
}
