//! Which format the first bytes announce. Names and content types are never asked: they are wrong too often.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::MediaError;

/// Formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// JPEG, baseline or progressive.
    Jpeg,
    /// PNG; of an animated one the default image.
    Png,
    /// WebP, lossy or lossless; of an animated one the first frame.
    WebP,
    /// GIF, its first frame.
    Gif,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
        })
    }
}

/// The format by its magic bytes.
///
/// # Errors
/// [`MediaError::UnsupportedFormat`], naming what it looks like instead.
pub(crate) fn sniff(bytes: &[u8]) -> Result<Format, MediaError> {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => Ok(Format::Jpeg),
        [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Ok(Format::Png),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(Format::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(Format::WebP),
        _ => Err(MediaError::UnsupportedFormat { found: guess(bytes) }),
    }
}

/// What refused bytes look like, for the message only.
fn guess(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "an empty file",
        [b'B', b'M', ..] => "a BMP image",
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => "a TIFF image",
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', ..] => "an AVIF image",
        [_, _, _, _, b'f', b't', b'y', b'p', b'h' | b'm', ..] => "a HEIF image",
        [0xFF, 0x0A, ..] | [0, 0, 0, 0x0C, b'J', b'X', b'L', ..] => "a JPEG XL image",
        [b'%', b'P', b'D', b'F', ..] => "a PDF document",
        [b'P', b'K', 3 | 5, 4 | 6, ..] => "a zip archive",
        _ => guess_text(bytes),
    }
}

fn guess_text(bytes: &[u8]) -> &'static str {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(256)]).to_ascii_lowercase();
    let head = head.trim_start_matches(['\u{FEFF}', ' ', '\t', '\r', '\n']);
    if head.starts_with("<svg") || (head.starts_with("<?xml") && head.contains("<svg")) {
        "an SVG drawing"
    } else if head.starts_with("<!doctype html") || head.starts_with("<html") {
        "an HTML page"
    } else {
        "not an image known here"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_formats_are_told_by_their_magic() {
        assert_eq!(sniff(b"\xFF\xD8\xFF\xE0").unwrap(), Format::Jpeg);
        assert_eq!(sniff(b"\x89PNG\r\n\x1A\n....").unwrap(), Format::Png);
        assert_eq!(sniff(b"GIF89a").unwrap(), Format::Gif);
        assert_eq!(sniff(b"RIFF\x10\x00\x00\x00WEBPVP8L").unwrap(), Format::WebP);
    }

    #[test]
    fn what_is_refused_is_named() {
        let cases: [(&[u8], &str); 6] = [
            (b"", "an empty file"),
            (b"BM\x00", "a BMP image"),
            (b"%PDF-1.7", "a PDF document"),
            (b"\n<!DOCTYPE html><title>404", "an HTML page"),
            (b"<?xml version='1.0'?><svg/>", "an SVG drawing"),
            (b"GIF88a", "not an image known here"),
        ];
        for (bytes, name) in cases {
            match sniff(bytes) {
                Err(MediaError::UnsupportedFormat { found }) => assert_eq!(found, name),
                other => panic!("{bytes:?} gave {other:?}"),
            }
        }
    }
}
