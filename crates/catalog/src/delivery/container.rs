//! Opens a file, recognises how it is packed by its first bytes, and unpacks it under limits.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::zip_entry::zip_entry;
use super::zstd::ZstdReader;
use super::{Container, FileCode, FileError, Limits};

/// The ratio of a packed file is looked at only beyond this many unpacked bytes.
const RATIO_GRACE_BYTES: u64 = 64 << 20;
const READ_BYTES: usize = 128 << 10;

/// Unpacked bytes of a delivery.
pub(crate) struct Unpacked {
    reader: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
    container: Container,
    path: PathBuf,
    limits: Limits,
    written: u64,
}

/// The file's size, after checking that it is a readable file within the limits.
pub(crate) fn check(path: &Path, limits: &Limits) -> Result<u64, FileError> {
    let metadata = path.metadata().map_err(|error| io_error(path, &error))?;
    if metadata.is_dir() {
        return Err(FileError::new(FileCode::IsDirectory, path, "is a directory; name a file"));
    }
    if !metadata.is_file() {
        return Err(FileError::new(FileCode::NotAFile, path, "is not a regular file; copy it to one first"));
    }
    let bytes = metadata.len();
    if bytes > limits.max_file_bytes {
        let text = format!(
            "has {bytes} bytes, more than the limit of {}; split it or raise the limit",
            limits.max_file_bytes
        );
        return Err(FileError::new(FileCode::FileTooLarge, path, text));
    }
    if bytes == 0 {
        return Err(FileError::new(FileCode::EmptyFile, path, "is empty; deliver it again"));
    }
    Ok(bytes)
}

/// The error of a failed system call on the file.
pub(crate) fn io_error(path: &Path, error: &io::Error) -> FileError {
    let (code, text) = match error.kind() {
        io::ErrorKind::NotFound => (FileCode::NotFound, "does not exist; check the path".to_owned()),
        io::ErrorKind::PermissionDenied => {
            (FileCode::Permission, "may not be read; check its permissions".to_owned())
        }
        io::ErrorKind::IsADirectory => (FileCode::IsDirectory, "is a directory; name a file".to_owned()),
        _ => (FileCode::Unreadable, format!("cannot be read ({error}); try again or check the disk")),
    };
    FileError::new(code, path, text)
}

impl Unpacked {
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self, FileError> {
        let mut file = File::open(path).map_err(|error| io_error(path, &error))?;
        let mut magic = Vec::with_capacity(8);
        (&mut file).take(8).read_to_end(&mut magic).map_err(|error| io_error(path, &error))?;
        file.rewind().map_err(|error| io_error(path, &error))?;
        let read = Arc::new(AtomicU64::new(0));
        let (container, reader): (_, Box<dyn Read + Send>) = if magic.starts_with(&[0x1f, 0x8b]) {
            (Container::Gzip, Box::new(MultiGzDecoder::new(counted(file, &read))))
        } else if is_zstd(&magic) {
            (Container::Zstd, Box::new(ZstdReader::new(counted(file, &read))))
        } else if magic.starts_with(b"PK\x03\x04") || magic.starts_with(b"PK\x05\x06") {
            (Container::Zip, zip_entry(path, file, &read)?)
        } else if let Some(what) = foreign(&magic) {
            let text = format!("is {what}; deliver CSV, JSON lines or a Google Merchant feed");
            return Err(FileError::new(FileCode::UnknownFormat, path, text));
        } else {
            (Container::Plain, Box::new(counted(file, &read)))
        };
        Ok(Self { reader, read, container, path: path.to_owned(), limits: *limits, written: 0 })
    }

    pub(crate) fn container(&self) -> Container {
        self.container
    }

    /// Bytes of the file read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// As [`Read::read`], with errors that name the file; 0 is the end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, FileError> {
        let count = loop {
            match self.reader.read(buffer) {
                Ok(count) => break count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.unpack_error(&error)),
            }
        };
        self.written += count as u64;
        if self.container != Container::Plain {
            self.check_bomb()?;
        }
        Ok(count)
    }

    fn check_bomb(&self) -> Result<(), FileError> {
        let packed = self.bytes_read().max(1);
        let Limits { max_unpacked_bytes, max_ratio, .. } = self.limits;
        if self.written > max_unpacked_bytes {
            let text = format!(
                "unpacks to more than the limit of {max_unpacked_bytes} bytes; split it or raise the limit"
            );
            return Err(FileError::new(FileCode::ZipBomb, &self.path, text));
        }
        if self.written > RATIO_GRACE_BYTES && self.written / packed > max_ratio {
            let text = format!(
                "unpacks to more than {max_ratio} times its size; deliver it unpacked if that is meant"
            );
            return Err(FileError::new(FileCode::ZipBomb, &self.path, text));
        }
        Ok(())
    }

    fn unpack_error(&self, error: &io::Error) -> FileError {
        let (truncated, name) = match self.container {
            Container::Plain => return io_error(&self.path, error),
            Container::Gzip => (FileCode::TruncatedGzip, "gzip"),
            Container::Zstd => (FileCode::TruncatedZstd, "zstd"),
            Container::Zip => (FileCode::TruncatedZip, "zip"),
        };
        if error.raw_os_error().is_some() {
            return io_error(&self.path, error);
        }
        let at = self.bytes_read();
        if error.kind() == io::ErrorKind::UnexpectedEof {
            let text = format!("the {name} data ends early, after {at} bytes; deliver the file again");
            return FileError::new(truncated, &self.path, text);
        }
        let text = format!("the {name} data is damaged near byte {at} ({error}); deliver the file again");
        FileError::new(FileCode::CorruptArchive, &self.path, text)
    }
}

/// What well-known file a foreign first byte sequence belongs to.
fn foreign(magic: &[u8]) -> Option<&'static str> {
    const KNOWN: &[(&[u8], &str)] = &[
        (b"%PDF", "a PDF document"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook or other Office document"),
        (b"\x89PNG", "a PNG image"),
        (b"\xff\xd8\xff", "a JPEG image"),
        (b"GIF8", "a GIF image"),
        (b"SQLite f", "an SQLite database"),
        (b"PAR1", "a Parquet file"),
        (b"BZh", "packed with bzip2"),
        (b"\xfd7zXZ", "packed with xz"),
        (b"7z\xbc\xaf", "a 7-Zip archive"),
        (b"Rar!", "a RAR archive"),
        (b"\x7fELF", "a program"),
    ];
    KNOWN.iter().find(|(bytes, _)| magic.starts_with(bytes)).map(|(_, what)| *what)
}

fn is_zstd(magic: &[u8]) -> bool {
    let skippable =
        magic.len() >= 4 && (0x50..=0x5f).contains(&magic[0]) && magic[1..4] == [0x2a, 0x4d, 0x18];
    magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || skippable
}

pub(super) fn counted<R: Read>(file: R, read: &Arc<AtomicU64>) -> BufReader<Counted<R>> {
    BufReader::with_capacity(READ_BYTES, Counted { inner: file, read: Arc::clone(read) })
}

/// Counts what passes.
pub(super) struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
