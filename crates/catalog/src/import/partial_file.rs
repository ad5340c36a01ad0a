//! A rejects file while it is written: beside its place and locked, so that what a crash left can be told from what
//! another process writes.

use std::fs::{File, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::reader::RejectsFile;
use crate::delivery::{Reject, RejectsWriter, Summary};

const ENDING: &str = ".partial";

/// Written beside its place, then renamed.
pub(super) struct PartialFile {
    writer: RejectsWriter<BufWriter<File>>,
    partial: PathBuf,
    path: PathBuf,
}

impl PartialFile {
    /// Begins what will be `path`; what an earlier try left there is overwritten.
    pub(super) fn create(path: &Path, summary: &Summary) -> io::Result<Self> {
        let mut partial = path.as_os_str().to_owned();
        partial.push(ENDING);
        let partial = PathBuf::from(partial);
        let writer = RejectsWriter::new(BufWriter::new(create_locked(&partial)?), summary)?;
        Ok(Self { writer, partial, path: path.to_owned() })
    }
}

impl RejectsFile for PartialFile {
    fn write(&mut self, reject: &Reject) -> io::Result<()> {
        self.writer.write(reject)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        let mut buffer = self.writer.finish()?;
        buffer.flush()?;
        buffer.get_ref().sync_all()?;
        std::fs::rename(&self.partial, &self.path)
    }
}

/// An empty file that is locked until it is closed.
fn create_locked(path: &Path) -> io::Result<File> {
    loop {
        let file = File::options().write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::Error::other("another import writes it")),
            // A file system without locks: then nothing is swept there either.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // A sweep may have taken it away between the two.
        let (own, there) = (file.metadata()?, std::fs::metadata(path));
        if there.is_ok_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino())) {
            file.set_len(0)?;
            return Ok(file);
        }
    }
}

/// Removes unfinished rejects files in `folder` that no living process writes, and says how many. An import that goes on
/// writes its file again from the start. What cannot be read or removed is left; a missing folder is an empty one.
pub fn sweep_partial_rejects(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let paths = entries.flatten().map(|entry| entry.path());
    let partial = paths.filter(|path| path.to_string_lossy().ends_with(ENDING));
    let abandoned = |path: &PathBuf| {
        let Ok(file) = File::open(path) else { return false };
        file.try_lock().is_ok() && std::fs::remove_file(path).is_ok()
    };
    partial.filter(abandoned).count()
}

#[cfg(test)]
mod tests {
    use super::{create_locked, sweep_partial_rejects};

    #[test]
    fn a_sweep_takes_what_a_crash_left_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("left.csv.partial"), "half").unwrap();
        std::fs::write(path("done.csv"), "whole").unwrap();
        let writing = create_locked(&path("now.csv.partial")).unwrap();
        assert_eq!(sweep_partial_rejects(folder.path()), 1);
        assert!(!path("left.csv.partial").exists());
        assert!(path("done.csv").exists() && path("now.csv.partial").exists());
        drop(writing);
        assert_eq!(sweep_partial_rejects(folder.path()), 1);
        assert_eq!(sweep_partial_rejects(&path("nowhere")), 0);
    }

    #[test]
    fn a_file_that_is_being_written_is_not_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv.partial");
        std::fs::write(&path, "what an earlier try left").unwrap();
        let writing = create_locked(&path).unwrap();
        assert_eq!(writing.metadata().unwrap().len(), 0);
        assert!(create_locked(&path).unwrap_err().to_string().contains("another import"));
    }
}
