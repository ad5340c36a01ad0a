//! What all tests of one run share: a folder under a lock, which ends with the run.

use crate::error::{Doing, TestbedError};
use crate::folder::{keep, open_to_all};
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;

/// The folder of the run, locked against the other test processes until this value is dropped.
pub(crate) struct RunFolder {
    pub(crate) path: PathBuf,
    _lock: File,
}

impl RunFolder {
    /// Waits for the lock. The first to come makes the folder and its keeper.
    pub(crate) fn lock() -> Result<Self, TestbedError> {
        let (name, run) = this_run();
        let path = std::env::temp_dir().join(format!("backstock-run-{name}"));
        let locking = || format!("locking {}", path.display());
        loop {
            std::fs::create_dir_all(&path).doing(locking)?;
            let lock = match File::create(path.join("lock")) {
                // A keeper has just removed the folder of an earlier run.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                opened => opened.doing(locking)?,
            };
            lock.lock().doing(locking)?;
            if !path.join("lock").exists() {
                continue;
            }
            if !path.join("kept").exists() {
                open_to_all(&path)?;
                // Not a child of the test alone: it outlives this process when the run does.
                drop(keep(&path, &format!("tail --pid={run} -f /dev/null"), Stdio::null())?);
                std::fs::write(path.join("kept"), "").doing(locking)?;
            }
            return Ok(Self { path, _lock: lock });
        }
    }

    /// The server called `name`, when one was started in this run and lives: its process and the port it serves.
    pub(crate) fn server(&self, name: &str) -> Option<u16> {
        let note = std::fs::read_to_string(self.path.join(name).with_extension("server")).ok()?;
        let (pid, port) = note.trim().split_once(' ')?;
        crate::process::lives(pid.parse().ok()?).then(|| port.parse().ok())?
    }

    /// Tells the keeper to end these process groups, too.
    pub(crate) fn note_groups(&self, groups: &[u32]) -> Result<(), TestbedError> {
        let before = std::fs::read_to_string(self.path.join("groups")).unwrap_or_default();
        let before = before.lines().filter_map(|line| line.parse().ok());
        let all: Vec<u32> = before.chain(groups.iter().copied()).collect();
        crate::folder::note(&self.path, &all)
    }

    /// Remembers a server for the tests to come.
    pub(crate) fn note_server(&self, name: &str, pid: u32, port: u16) -> Result<(), TestbedError> {
        std::fs::write(self.path.join(name).with_extension("server"), format!("{pid} {port}"))
            .doing(|| format!("noting the shared {name}"))
    }
}

/// The name of this run and the process that it ends with: nextest, which runs each test as a child process, or else
/// this very process.
fn this_run() -> (String, u32) {
    match std::env::var("NEXTEST_RUN_ID") {
        Ok(id) if !id.is_empty() => (id, std::os::unix::process::parent_id()),
        _ => (format!("process-{}", std::process::id()), std::process::id()),
    }
}
