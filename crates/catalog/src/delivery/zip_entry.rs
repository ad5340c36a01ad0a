//! The content of a zip with exactly one file.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use flate2::read::DeflateDecoder;

use super::container::{counted, io_error};
use super::{FileCode, FileError};

/// The one file in a zip, read straight from its place in the archive.
pub(super) fn zip_entry(
    path: &Path,
    file: File,
    read: &Arc<AtomicU64>,
) -> Result<Box<dyn Read + Send>, FileError> {
    let damaged = |error: &dyn std::fmt::Display| {
        let text =
            format!("the zip directory cannot be read ({error}); it may be cut off: deliver the file again");
        FileError::new(FileCode::TruncatedZip, path, text)
    };
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(&error))?;
    let is_content =
        |name: &str| !name.ends_with('/') && !name.starts_with("__MACOSX/") && !name.ends_with(".DS_Store");
    let mut wanted = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|error| damaged(&error))?;
        let name = entry.name().map_err(|error| damaged(&error))?;
        if name == "[Content_Types].xml" {
            let text = "is an Excel or Word document; save it as CSV (UTF-8)";
            return Err(FileError::new(FileCode::UnknownFormat, path, text));
        }
        if is_content(&name) {
            wanted.push(index);
        }
    }
    let [index] = wanted[..] else {
        let text = format!("holds {} files; pack exactly one", wanted.len());
        return Err(FileError::new(FileCode::ZipEntries, path, text));
    };
    let entry = archive.by_index_raw(index).map_err(|error| damaged(&error))?;
    if entry.encrypted() {
        return Err(FileError::new(
            FileCode::UnsupportedZip,
            path,
            "is encrypted; pack it without a password",
        ));
    }
    let (method, size, packed, crc) =
        (entry.compression(), entry.size(), entry.compressed_size(), entry.crc32());
    let start = entry.data_start().ok_or_else(|| damaged(&"no data"))?;
    drop(entry);
    let mut file = archive.into_inner().into_inner();
    file.seek(SeekFrom::Start(start)).map_err(|error| io_error(path, &error))?;
    let content = counted(file.take(packed), read);
    let inner: Box<dyn Read + Send> = match method {
        zip::CompressionMethod::Stored => Box::new(content),
        zip::CompressionMethod::Deflated => Box::new(DeflateDecoder::new(content)),
        other => {
            let text = format!("is packed by the method {other}; pack it with deflate");
            return Err(FileError::new(FileCode::UnsupportedZip, path, text));
        }
    };
    Ok(Box::new(Verified { inner, left: size, crc, hasher: crc32fast::Hasher::new() }))
}

/// Checks the length and checksum of a zip entry at its end.
struct Verified<R> {
    inner: R,
    left: u64,
    crc: u32,
    hasher: crc32fast::Hasher,
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.left =
            self.left.checked_sub(count as u64).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        if count == 0 && !buffer.is_empty() {
            if self.left > 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if self.hasher.clone().finalize() != self.crc {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "wrong checksum"));
            }
        }
        Ok(count)
    }
}
