//! A folder of files named by their content.
//!
//! Files are written under a temporary name and renamed into place: a reader never sees half a file, and two writers
//! of the same content do not disturb each other. Temporary files live in one folder, where what a killed process
//! left is found.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::MediaError;

/// Folder for files that are being written.
const TEMPORARY: &str = ".tmp";
/// How many taken names are passed over before the error is reported.
const NAME_ATTEMPTS: usize = 64;

/// Distinguishes the temporary files of one process.
static NEXT_TEMPORARY: AtomicU64 = AtomicU64::new(0);

/// The folder, and whether to wait for the disk.
#[derive(Clone, Debug)]
pub(crate) struct ContentStore {
    root: PathBuf,
    pub(crate) fsync: bool,
}

/// First 16 hex digits of the BLAKE3 of `bytes`: enough for a billion files, and short enough for a URL.
pub(crate) fn short_hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..16].to_owned()
}

impl ContentStore {
    /// Opens the folder, making it where it is missing.
    pub(crate) fn open(root: &Path) -> Result<Self, MediaError> {
        let temporary = root.join(TEMPORARY);
        fs::create_dir_all(&temporary).map_err(|error| MediaError::io("creating", &temporary, error))?;
        Ok(Self { root: root.to_owned(), fsync: false })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where `name` lives, below the root: two levels of folders by its first four characters.
    pub(crate) fn relative(name: &str) -> String {
        format!("{}/{}/{name}", &name[..2], &name[2..4])
    }

    pub(crate) fn read(&self, relative: &str) -> io::Result<Vec<u8>> {
        fs::read(self.root.join(relative))
    }

    /// Whether a file of exactly this length is there. The length catches what a power cut leaves behind.
    pub(crate) fn holds(&self, relative: &str, bytes: u64) -> bool {
        fs::metadata(self.root.join(relative)).is_ok_and(|meta| meta.is_file() && meta.len() == bytes)
    }

    /// Puts a file in place, replacing what is there unless it is the same. All or nothing, also when killed.
    ///
    /// # Errors
    /// [`MediaError::Io`]; nothing but a temporary file is left behind, and that only when its removal fails too.
    pub(crate) fn put(&self, relative: &str, bytes: &[u8]) -> Result<(), MediaError> {
        let path = self.root.join(relative);
        if fs::read(&path).is_ok_and(|present| present == bytes) {
            return Ok(());
        }
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(|error| MediaError::io("creating", folder, error))?;
        let (temporary, file) = self.create_temporary()?;
        let written = self.fill(file, bytes).and_then(|()| fs::rename(&temporary, &path));
        if let Err(error) = written {
            let _ = fs::remove_file(&temporary);
            return Err(MediaError::io("writing", &path, error));
        }
        if self.fsync {
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            synced.map_err(|error| MediaError::io("syncing", folder, error))?;
        }
        Ok(())
    }

    fn fill(&self, mut file: File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)?;
        if self.fsync { file.sync_all() } else { Ok(()) }
    }

    /// A new file under a name of its own. A name that an earlier process with our number left behind is passed over.
    fn create_temporary(&self) -> Result<(PathBuf, File), MediaError> {
        let folder = self.root.join(TEMPORARY);
        let mut attempt = 0;
        loop {
            let number = NEXT_TEMPORARY.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{}-{number}", process::id()));
            match File::create_new(&path) {
                Ok(file) => return Ok((path, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < NAME_ATTEMPTS => {
                    attempt += 1;
                }
                Err(error) => return Err(MediaError::io("writing", &path, error)),
            }
        }
    }

    /// Removes temporary files last touched more than `age` before `now`.
    pub(crate) fn remove_stale(&self, now: SystemTime, age: Duration) -> Result<usize, MediaError> {
        let folder = self.root.join(TEMPORARY);
        let list = fs::read_dir(&folder).map_err(|error| MediaError::io("listing", &folder, error))?;
        let mut removed = 0;
        for entry in list.flatten() {
            let modified = entry.metadata().and_then(|meta| meta.modified());
            let old = modified.is_ok_and(|at| now.duration_since(at).is_ok_and(|since| since > age));
            if old && fs::remove_file(entry.path()).is_ok() {
                removed += 1;
            }
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, ContentStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = ContentStore::open(&folder.path().join("files")).unwrap();
        (folder, store)
    }

    fn temporary_files(store: &ContentStore) -> usize {
        fs::read_dir(store.root.join(TEMPORARY)).unwrap().count()
    }

    #[test]
    fn a_file_is_put_whole_and_leaves_nothing_temporary() {
        let (_folder, mut store) = store();
        store.fsync = true;
        store.put("ab/cd/x", b"content").unwrap();
        assert_eq!(store.read("ab/cd/x").unwrap(), b"content");
        assert_eq!(temporary_files(&store), 0);
        assert!(store.holds("ab/cd/x", 7) && !store.holds("ab/cd/x", 8) && !store.holds("ab/cd", 7));
    }

    #[test]
    fn putting_the_same_content_again_does_not_touch_the_file() {
        let (_folder, store) = store();
        store.put("ab/cd/x", b"content").unwrap();
        let path = store.root.join("ab/cd/x");
        let ancient = SystemTime::UNIX_EPOCH + Duration::from_secs(5);
        File::open(&path).unwrap().set_modified(ancient).unwrap();
        store.put("ab/cd/x", b"content").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), ancient);
    }

    #[test]
    fn a_damaged_file_is_replaced() {
        let (_folder, store) = store();
        store.put("ab/cd/x", b"cont").unwrap();
        store.put("ab/cd/x", b"content").unwrap();
        assert_eq!(store.read("ab/cd/x").unwrap(), b"content");
    }

    #[test]
    fn a_failed_write_leaves_no_temporary_file() {
        let (_folder, store) = store();
        fs::create_dir_all(store.root.join("ab/cd/x")).unwrap();
        assert_eq!(store.put("ab/cd/x", b"content").unwrap_err().code(), "io");
        assert_eq!(temporary_files(&store), 0);
    }

    #[test]
    fn only_temporary_files_older_than_the_age_are_removed() {
        let (_folder, store) = store();
        let (path, file) = store.create_temporary().unwrap();
        let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        file.set_modified(written).unwrap();
        let age = Duration::from_mins(1);
        assert_eq!(store.remove_stale(written + age, age).unwrap(), 0);
        assert_eq!(store.remove_stale(written + age * 2, age).unwrap(), 1);
        assert!(!path.exists());
    }
}
