//! A database cluster on disk: made by `initdb` once a run, copied for every server.

use crate::error::{Doing, TestbedError};
use crate::folder::open_to_all;
use crate::process::Process;
use crate::program;
use crate::shared::RunFolder;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub(super) const SERVER: &str = "postgres";
const PACKAGE: &str = "postgresql";
const FOLDERS: [&str; 2] = ["/usr/lib/postgresql/*/bin", "/usr/local/bin"];
const START_LIMIT: Duration = Duration::from_mins(1);

/// Copies a fresh cluster to `folder/data`. The first call of a run makes it, in 1–3 s.
pub(super) fn copy(run: &RunFolder, folder: &Path) -> Result<PathBuf, TestbedError> {
    let (template, data) = (run.path.join("template"), folder.join("data"));
    if !template.join("made").exists() {
        // Of an attempt that was killed.
        let _ = std::fs::remove_dir_all(&template);
        own_folder(&template)?;
        let mut initdb = as_owner("initdb", &template)?;
        initdb.arg("-D").arg(template.join("data")).args(["-U", "postgres", "-A", "trust", "--no-sync"]);
        initdb.args(["--no-instructions", "-E", "UTF8", "--locale=C"]);
        run_to_end(&mut initdb)?;
        std::fs::write(template.join("made"), "").doing(|| "making a database cluster".into())?;
    }
    let mut copy = Command::new("cp");
    run_to_end(copy.arg("-a").arg(template.join("data")).arg(&data))?;
    Ok(data)
}

/// Starts the server program on a cluster and returns when it takes connections.
///
/// `note` learns its process group before it is waited for.
pub(super) fn serve(
    data: &Path,
    port: u16,
    log: &Path,
    settings: &[String],
    note: impl FnOnce(&[u32]) -> Result<(), TestbedError>,
) -> Result<Process, TestbedError> {
    let mut command = as_owner(SERVER, data)?;
    command.arg("-D").arg(data).args(["-p", &port.to_string()]);
    // A killed server loses nothing without fsync; only the death of the machine would.
    let fixed =
        ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "full_page_writes=off"];
    let fixed = fixed.into_iter().chain(["max_connections=300", "shared_buffers=32MB"]);
    for setting in fixed.chain(settings.iter().map(String::as_str)) {
        command.args(["-c", setting]);
    }
    let mut process = Process::start(SERVER, &mut command, log)?;
    note(&[process.pid()])?;
    process.wait_ready(START_LIMIT, |pid| {
        // What pg_ctl looks at: the first line is the process, the eighth its state.
        let note = std::fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        let mut lines = note.lines();
        lines.next() == Some(&pid.to_string()) && lines.nth(6).is_some_and(|state| state.trim() == "ready")
    })?;
    Ok(process)
}

/// Makes a folder that belongs to the user the server runs as.
pub(super) fn own_folder(path: &Path) -> Result<(), TestbedError> {
    let making = || format!("making {}", path.display());
    std::fs::create_dir_all(path).doing(making)?;
    open_to_all(path)?;
    match owner()? {
        Some((user, group)) => chown(path, Some(user), Some(group)).doing(making),
        None => Ok(()),
    }
}

/// A command of PostgreSQL, which refuses to run as root: as root it runs as the user that its package makes.
fn as_owner(name: &str, folder: &Path) -> Result<Command, TestbedError> {
    let mut command = Command::new(program::find(name, &FOLDERS, PACKAGE)?);
    if let Some((user, group)) = owner()? {
        command.uid(user).gid(group);
    }
    command.current_dir(folder).env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin");
    Ok(command)
}

/// The user and group `postgres`; `None` when we are not root.
fn owner() -> Result<Option<(u32, u32)>, TestbedError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").doing(|| "reading /etc/passwd".into())?;
    let line = users.lines().find_map(|line| line.strip_prefix("postgres:"));
    let mut fields = line.unwrap_or_default().split(':').skip(1).map(str::parse);
    match (fields.next(), fields.next()) {
        (Some(Ok(user)), Some(Ok(group))) => Ok(Some((user, group))),
        _ => Err(TestbedError::Missing { program: "the user postgres".into(), package: PACKAGE }),
    }
}

fn run_to_end(command: &mut Command) -> Result<(), TestbedError> {
    let name = command.get_program().display().to_string();
    let output = command.output().doing(|| format!("running {name}"))?;
    if output.status.success() {
        return Ok(());
    }
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(TestbedError::Ended { server: SERVER, status: format!("{name}: {}", output.status), log })
}
