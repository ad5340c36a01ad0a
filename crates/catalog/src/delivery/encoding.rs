//! Finds out how the bytes of a delivery become text.

use std::path::Path;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::{FileCode, FileError};

/// How the bytes of a file become text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TextEncoding {
    pub(crate) encoding: &'static Encoding,
    /// Bytes of the byte order mark.
    pub(crate) bom: usize,
}

/// The encoding that the caller asked for, by label.
pub(crate) fn by_label(path: &Path, label: &str) -> Result<&'static Encoding, FileError> {
    Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        let text = format!(
            "was to be read as {label:?}, which is no encoding; use a label such as utf-8 or windows-1252"
        );
        FileError::new(FileCode::BadEncoding, path, text)
    })
}

/// Finds the encoding from the first bytes; `whole` says that there are no more.
pub(crate) fn detect(sample: &[u8], whole: bool, wanted: Option<&'static Encoding>) -> TextEncoding {
    if let Some((encoding, bom)) = Encoding::for_bom(sample)
        && wanted.is_none_or(|wanted| wanted == encoding)
    {
        return TextEncoding { encoding, bom };
    }
    let encoding = wanted
        .or_else(|| utf16_without_mark(sample))
        .or_else(|| declared_in_xml(sample))
        .unwrap_or_else(|| guess(sample, whole));
    TextEncoding { encoding, bom: 0 }
}

/// Latin text in UTF-16 has a zero in every other byte.
fn utf16_without_mark(sample: &[u8]) -> Option<&'static Encoding> {
    let sample = &sample[..sample.len().min(4096) & !1];
    if sample.len() < 4 {
        return None;
    }
    let zeros =
        |at: usize| sample.chunks_exact(2).filter(|pair| pair[at] == 0).count() * 10 / (sample.len() / 2);
    match (zeros(0), zeros(1)) {
        (8.., 0) => Some(UTF_16BE),
        (0, 8..) => Some(UTF_16LE),
        _ => None,
    }
}

/// The label in `<?xml … encoding="…"?>`.
fn declared_in_xml(sample: &[u8]) -> Option<&'static Encoding> {
    let head = &sample[..sample.len().min(256)];
    let head = head.strip_prefix(b"<?xml")?;
    let head = &head[..memchr::memmem::find(head, b"?>")?];
    let at = memchr::memmem::find(head, b"encoding")? + "encoding".len();
    let mut rest = head[at..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let quote = *rest.first()?;
    rest = &rest[1..];
    let label = &rest[..memchr::memchr(quote, rest)?];
    // The declaration could be read as ASCII, so it is not UTF-16 whatever it says.
    Encoding::for_label(label).filter(|encoding| *encoding != UTF_16LE && *encoding != UTF_16BE)
}

/// UTF-8 unless damaged sequences outweigh good ones; then whatever the detector finds most likely.
fn guess(sample: &[u8], whole: bool) -> &'static Encoding {
    let (mut good, mut damaged) = (0usize, 0usize);
    let mut chunks = sample.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        let cut_off = chunks.peek().is_none() && !whole;
        if !chunk.invalid().is_empty() && !cut_off {
            damaged += 1;
        }
    }
    if damaged == 0 || good > damaged {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(sample, whole);
    detector.guess(None, Utf8Detection::Deny)
}
