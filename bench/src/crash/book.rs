//! What was begun and ended, by whom, in one file that all workers append to.

use anyhow::Context;
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

/// A run of a job began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub job: u32,
    pub pid: u32,
    pub fence: u64,
    /// Milliseconds since the epoch.
    pub at: i64,
    pub end: bool,
}

const BYTES: usize = 25;

impl Entry {
    fn bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..4].copy_from_slice(&self.job.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.pid.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.fence.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.at.to_le_bytes());
        bytes[24] = self.end.into();
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            job: u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?),
            pid: u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?),
            fence: u64::from_le_bytes(bytes.get(8..16)?.try_into().ok()?),
            at: i64::from_le_bytes(bytes.get(16..24)?.try_into().ok()?),
            end: *bytes.get(24)? == 1,
        })
    }
}

/// One write an entry, so that entries of several processes do not mix.
#[derive(Debug)]
pub struct Book(File);

impl Book {
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::new().create(true).append(true).open(path).map(Self)
    }

    pub fn write(&self, entry: Entry) -> io::Result<()> {
        (&self.0).write_all(&entry.bytes())
    }
}

/// All entries, in the order they were written.
pub fn read(path: &Path) -> anyhow::Result<Vec<Entry>> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    bytes.chunks(BYTES).map(|bytes| Entry::read(bytes).context("half an entry")).collect()
}

/// How many entries there are.
pub fn length(path: &Path) -> u64 {
    // Nobody has written yet where there is no file.
    std::fs::metadata(path).map_or(0, |file| file.len()) / BYTES as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book");
        let (one, two) = (Book::open(&path).unwrap(), Book::open(&path).unwrap());
        let entry = Entry { job: 7, pid: 8, fence: u64::MAX, at: -9, end: true };
        one.write(entry).unwrap();
        two.write(Entry { end: false, ..entry }).unwrap();
        assert_eq!(read(&path).unwrap(), [entry, Entry { end: false, ..entry }]);
    }
}
