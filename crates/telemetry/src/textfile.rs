//! A folder of metrics, one file a process, as the textfile collector of Prometheus's node exporter reads it.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A folder into which each process writes `NAME.prom`.
#[derive(Clone, Debug)]
pub struct MetricsFolder(PathBuf);

/// What one process wrote last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsFile {
    /// Who wrote it.
    pub name: String,
    /// When.
    pub written: SystemTime,
    /// In the Prometheus text format.
    pub text: String,
}

/// The folder or a file in it cannot be used. May pass (a full disk, say).
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be kept in {}: {source}", path.display())]
pub struct MetricsFolderError {
    path: PathBuf,
    source: io::Error,
}

impl MetricsFolder {
    /// Files that were not written again for this long are of processes that are gone.
    pub const KEPT: Duration = Duration::from_hours(1);
    /// Most files read, and most bytes of each.
    const MAX: (usize, u64) = (1000, 4 << 20);
    const ENDING: &str = ".prom";
    const UNFINISHED: &str = ".prom.tmp";

    /// The folder at `path`. Touches nothing.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Replaces the file of the process `name` by `text`; who reads sees the old text or the new one. Makes the folder
    /// where it is missing. Characters of `name` other than letters, digits, `.`, `_` and `-` become `_`.
    ///
    /// # Errors
    /// Whatever the file system says; then the old text stands.
    pub fn write(&self, name: &str, text: &str) -> Result<(), MetricsFolderError> {
        let name = file_name(name);
        let unfinished = self.0.join(format!("{name}{}", Self::UNFINISHED));
        let path = self.0.join(format!("{name}{}", Self::ENDING));
        let written = fs::create_dir_all(&self.0)
            .and_then(|()| fs::write(&unfinished, text))
            .and_then(|()| fs::rename(&unfinished, &path));
        written.map_err(|source| {
            let _may_not_exist = fs::remove_file(&unfinished);
            MetricsFolderError { path, source }
        })
    }

    /// Deletes what was not written since [`MetricsFolder::KEPT`] before `now`, finished or not. Other files are left
    /// alone, and so is what cannot be deleted.
    pub fn tidy(&self, now: SystemTime) {
        for (path, written) in self.files(&[Self::ENDING, Self::UNFINISHED]).unwrap_or_default() {
            if now.duration_since(written).is_ok_and(|age| age > Self::KEPT) {
                let _may_be_gone = fs::remove_file(path);
            }
        }
    }

    /// What the processes wrote, by name; none where there is no folder. At most 1,000 files of 4 MiB.
    ///
    /// # Errors
    /// The folder cannot be read. A file that cannot be read is left out: it may just have been deleted.
    pub fn read(&self) -> Result<Vec<MetricsFile>, MetricsFolderError> {
        let files = self.files(&[Self::ENDING]);
        let files = files.map_err(|source| MetricsFolderError { path: self.0.clone(), source })?;
        let mut read: Vec<MetricsFile> = files
            .into_iter()
            .take(Self::MAX.0)
            .filter_map(|(path, written)| {
                let mut text = String::new();
                fs::File::open(&path).ok()?.take(Self::MAX.1).read_to_string(&mut text).ok()?;
                let name = path.file_stem()?.to_str()?.to_owned();
                Some(MetricsFile { name, written, text })
            })
            .collect();
        read.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(read)
    }

    /// Regular files with one of these endings, with the time of their last change.
    fn files(&self, endings: &[&str]) -> io::Result<Vec<(PathBuf, SystemTime)>> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let found = entries.flatten().filter_map(|entry| {
            let ours = is_named(&entry.path(), endings);
            let info = entry.metadata().ok().filter(|info| ours && info.is_file())?;
            Some((entry.path(), info.modified().ok()?))
        });
        Ok(found.collect())
    }
}

fn is_named(path: &Path, endings: &[&str]) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    endings.iter().any(|ending| name.ends_with(ending))
}

fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' };
    name.chars().take(200).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::MetricsFolder;
    use std::time::Duration;

    fn names(folder: &MetricsFolder) -> Vec<String> {
        folder.read().unwrap().into_iter().map(|file| file.name).collect()
    }

    #[test]
    fn the_last_text_of_each_process_is_read_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let folder = MetricsFolder::new(dir.path().join("metrics"));
        assert_eq!(names(&folder), [""; 0]);
        for (name, text) in [("b", "old"), ("b", "new"), ("../a/ä", "x")] {
            folder.write(name, text).unwrap();
        }
        std::fs::write(dir.path().join("metrics/notes.txt"), "not ours").unwrap();
        std::fs::write(dir.path().join("metrics/c.prom.tmp"), "unfinished").unwrap();
        assert_eq!(names(&folder), [".._a__", "b"]);
        assert_eq!(folder.read().unwrap()[1].text, "new");
    }

    #[test]
    fn files_of_processes_that_are_gone_are_deleted_and_others_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let folder = MetricsFolder::new(dir.path());
        folder.write("worker", "x").unwrap();
        for other in ["killed.prom.tmp", "notes.txt"] {
            std::fs::write(dir.path().join(other), "x").unwrap();
        }
        let written = folder.read().unwrap()[0].written;
        folder.tidy(written);
        assert_eq!(names(&folder), ["worker"]);
        folder.tidy(written + MetricsFolder::KEPT + Duration::from_mins(1));
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["notes.txt"]);
    }

    #[test]
    fn a_text_that_cannot_be_written_leaves_the_old_one_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let folder = MetricsFolder::new(dir.path());
        folder.write("worker", "old").unwrap();
        // A folder stands where the new text would be written first.
        std::fs::create_dir(dir.path().join("worker.prom.tmp")).unwrap();
        let message = folder.write("worker", "new").unwrap_err().to_string();
        assert!(message.contains("worker.prom"), "{message}");
        assert_eq!(folder.read().unwrap()[0].text, "old");
    }
}
