//! A temporary folder with a keeper: whatever happens to us, its servers end and it is removed.

use crate::error::{Doing, TestbedError};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The file that lists the process groups of the servers in a folder.
const GROUPS: &str = "groups";

/// What a keeper does when its wait is over. The folder is `$1`; a server that is just dying may still write to it.
const END: &str = r#"for group in $(cat "$1/groups" 2>/dev/null); do kill -s KILL -- "-$group" 2>/dev/null; done
rm -rf "$1" 2>/dev/null || { sleep 0.3; rm -rf "$1"; }"#;

/// A folder that lives as long as this value, and its servers no longer than this process.
pub(crate) struct Folder {
    path: PathBuf,
    keeper: Child,
}

impl Folder {
    /// A new, empty folder. Its keeper waits on a pipe of this process, which the kernel closes when we die.
    pub(crate) fn new(server: &str) -> Result<Self, TestbedError> {
        let path = tempfile::Builder::new()
            .prefix(&format!("backstock-{server}-"))
            .tempdir()
            .doing(|| "making a temporary folder".into())?
            .keep();
        open_to_all(&path)?;
        let keeper = keep(&path, "cat >/dev/null", Stdio::piped())?;
        Ok(Self { path, keeper })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Tells the keeper which process groups to kill at the end.
    pub(crate) fn note(&self, groups: &[u32]) -> Result<(), TestbedError> {
        note(&self.path, groups)
    }
}

impl Drop for Folder {
    /// Lets the keeper do its work and waits for it. The servers should be dead by now; it kills those that are not.
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Makes a folder usable for a server that runs as another user.
pub(crate) fn open_to_all(path: &Path) -> Result<(), TestbedError> {
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755))
        .doing(|| format!("opening {} to other users", path.display()))
}

/// Replaces the list of process groups that the keeper of `folder` kills.
pub(crate) fn note(folder: &Path, groups: &[u32]) -> Result<(), TestbedError> {
    let text = groups.iter().map(u32::to_string).collect::<Vec<_>>().join("\n");
    let next = folder.join("groups.next");
    std::fs::write(&next, text + "\n")
        .and_then(|()| std::fs::rename(&next, folder.join(GROUPS)))
        .doing(|| format!("noting the servers of {}", folder.display()))
}

/// Starts a keeper: a shell that waits by the command `wait` and then ends the servers and removes the folder. It leads
/// a process group of its own, out of reach of what kills our group.
pub(crate) fn keep(folder: &Path, wait: &str, stdin: Stdio) -> Result<Child, TestbedError> {
    Command::new("/bin/sh")
        .args(["-c", &format!("trap '' HUP INT TERM QUIT\n{wait}\n{END}"), "keeper"])
        .arg(folder)
        .current_dir("/")
        .stdin(stdin)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .doing(|| "starting /bin/sh as keeper".into())
}
