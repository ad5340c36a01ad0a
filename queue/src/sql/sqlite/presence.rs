//! Who is alive: each open store holds the lock of a file of its own, which the kernel releases at its death.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// Held for as long as this store is open.
#[derive(Debug)]
pub(super) struct Presence {
    name: String,
    path: PathBuf,
    _lock: File,
}

impl Presence {
    /// Appears in `folder`, and sweeps out what dead processes left there.
    pub(super) fn appear(folder: &Path) -> io::Result<Self> {
        sweep(folder);
        // The last 64 bits of a version 7 id are random: short enough for socket paths.
        let name = Uuid::now_v7().simple().to_string().split_off(16);
        let path = folder.join(format!("{name}.lock"));
        // Locked under another name first, so that no sweep finds it unlocked.
        let hidden = folder.join(format!("{name}.new"));
        let lock = File::create_new(&hidden)?;
        lock.try_lock().map_err(io::Error::from)?;
        std::fs::rename(&hidden, &path)?;
        Ok(Self { name, path, _lock: lock })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).ok();
    }
}

/// Whether nobody holds the lock called `name` any more. In doubt somebody does: leases end by themselves.
pub(super) fn is_gone(folder: &Path, name: &str) -> bool {
    let path = folder.join(format!("{name}.lock"));
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) => return error.kind() == io::ErrorKind::NotFound,
    };
    match file.try_lock() {
        Ok(()) => {
            std::fs::remove_file(&path).ok();
            true
        }
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
    }
}

fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
        if path.extension().is_some_and(|extension| extension == "lock") && is_gone(folder, name) {
            std::fs::remove_file(folder.join(format!("{name}.sock"))).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_presence_is_gone_when_it_is_dropped_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let one = Presence::appear(folder.path()).unwrap();
        let two = Presence::appear(folder.path()).unwrap();
        assert!(!is_gone(folder.path(), one.name()));
        let name = two.name().to_owned();
        drop(two);
        assert!(is_gone(folder.path(), &name));
        assert!(!is_gone(folder.path(), one.name()));
    }

    #[test]
    fn what_a_killed_process_left_is_swept_out() {
        let folder = tempfile::tempdir().unwrap();
        let left = [folder.path().join("0123.lock"), folder.path().join("0123.sock")];
        for path in &left {
            File::create_new(path).unwrap();
        }
        let _present = Presence::appear(folder.path()).unwrap();
        assert!(left.iter().all(|path| !path.exists()));
    }
}
