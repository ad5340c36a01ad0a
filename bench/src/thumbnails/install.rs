//! Peers by name, from the registries of their languages, into a folder below `target`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// Where peers live from one run to the next.
fn home(name: &str) -> anyhow::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-peers").join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}

/// The folder whose `node_modules` has sharp.
pub fn sharp() -> anyhow::Result<PathBuf> {
    let home = home("sharp")?;
    if !home.join("node_modules/sharp").exists() {
        quietly(
            Command::new("npm")
                .args(["install", "--no-audit", "--no-fund", "--prefix"])
                .arg(&home)
                .arg("sharp@0.35"),
        )?;
    }
    Ok(home)
}

/// A Python that has one of Pillow's packages.
pub fn python_with(package: &str, compiler: Option<&str>) -> anyhow::Result<PathBuf> {
    let home = home(package)?;
    let python = home.join("bin/python");
    if !home.join("ready").exists() {
        quietly(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", package]);
        if let Some(compiler) = compiler {
            install.env("CC", compiler);
        }
        quietly(&mut install)?;
        std::fs::write(home.join("ready"), "")?;
    }
    Ok(python)
}

/// Whether a program of the system is there.
pub fn program(name: &str) -> anyhow::Result<()> {
    quietly(Command::new(name).arg("--version"))
}

fn quietly(command: &mut Command) -> anyhow::Result<()> {
    let shown = format!("{command:?}");
    let ran = command.stdin(Stdio::null()).output().with_context(|| shown.clone())?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    bail!("{shown}: {}", said.lines().last().unwrap_or_default())
}
