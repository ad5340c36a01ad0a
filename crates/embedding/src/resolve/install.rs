//! Putting verified files where others look.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::fetch::{FILES, FetchError};

/// Chooses the last of `folders` that can be written, and a scratch folder beside it (same file system: a
/// rename is atomic). The scratch folder goes away when it is dropped.
pub(super) fn prepare(folders: &[PathBuf]) -> Result<(PathBuf, TempDir), String> {
    let mut reasons = Vec::new();
    for folder in folders.iter().rev() {
        let scratch = fs::create_dir_all(folder)
            .and_then(|()| tempfile::Builder::new().prefix(".incoming-").tempdir_in(folder));
        match scratch {
            Ok(scratch) => return Ok((folder.clone(), scratch)),
            Err(e) => reasons.push(format!("cannot write {}: {e}", folder.display())),
        }
    }
    if reasons.is_empty() { Err("no cache folder to keep it in".into()) } else { Err(reasons.join(", ")) }
}

/// Moves the verified files into place. The weights come last: a folder with weights is complete.
pub(super) fn install(from: &Path, to: &Path) -> Result<(), FetchError> {
    for name in FILES {
        let (source, target) = (from.join(name), to.join(name));
        File::open(&source)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&source, &target))
            .map_err(|e| FetchError::storage(&target, &e))?;
    }
    Ok(())
}
