//! A walk over the markers of a JPEG, before it is decoded.
//!
//! The pixel decoder fills what is missing with grey and reports success; a shop would show half a shoe. The walk
//! finds what it forgives: a file that ends before its end marker. It counts scans, because each one costs a pass over
//! the whole picture and a small file can hold thousands. And it refuses sequential files with a scan for each colour:
//! legal and rare, but zune-jpeg 0.5.15 decodes them to green stripes without an error.

use crate::{Format, Limits, MediaError};

/// Start of a baseline or extended sequential frame with Huffman codes.
const SEQUENTIAL_FRAME: std::ops::RangeInclusive<u8> = 0xC0..=0xC1;
const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;
const TRUNCATED: MediaError = MediaError::Truncated { format: Format::Jpeg };

/// Walks from the first marker to the end of the image. What follows that end is ignored.
///
/// # Errors
/// [`MediaError::Truncated`], [`MediaError::TooManyScans`], [`MediaError::UnsupportedVariety`],
/// [`MediaError::Corrupt`] for a segment of impossible length.
pub(crate) fn check(bytes: &[u8], limits: &Limits) -> Result<(), MediaError> {
    let mut rest = bytes.get(2..).ok_or(TRUNCATED)?;
    let mut scans = 0;
    let mut sequential = false;
    loop {
        let (marker, after) = next_marker(rest)?;
        if marker == END_OF_IMAGE {
            return Ok(());
        }
        sequential |= SEQUENTIAL_FRAME.contains(&marker);
        rest = if is_standalone(marker) { after } else { skip_segment(after)? };
        if marker == START_OF_SCAN {
            scans += 1;
            if scans > limits.max_scans {
                return Err(MediaError::TooManyScans { max: limits.max_scans });
            }
            if sequential && scans > 1 {
                let reason =
                    "sequential with a scan for each colour; save it as baseline or progressive".to_owned();
                return Err(MediaError::UnsupportedVariety { format: Format::Jpeg, reason });
            }
            rest = skip_entropy_coded(rest)?;
        }
    }
}

/// Markers without a length: restarts and the reserved `TEM`.
fn is_standalone(marker: u8) -> bool {
    matches!(marker, 0x01 | 0xD0..=0xD8)
}

/// The next marker and what follows it. Stray bytes before a marker are skipped, as decoders do.
fn next_marker(bytes: &[u8]) -> Result<(u8, &[u8]), MediaError> {
    let mut rest = bytes;
    loop {
        let at = rest.iter().position(|&byte| byte == 0xFF).ok_or(TRUNCATED)?;
        rest = &rest[at..];
        let fill = rest.iter().take_while(|&&byte| byte == 0xFF).count();
        match rest.get(fill) {
            None => return Err(TRUNCATED),
            Some(0) => rest = &rest[fill + 1..],
            Some(&marker) => return Ok((marker, &rest[fill + 1..])),
        }
    }
}

fn skip_segment(bytes: &[u8]) -> Result<&[u8], MediaError> {
    let [high, low, ..] = bytes else { return Err(TRUNCATED) };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if length < 2 {
        let reason = "a segment shorter than its own length field".to_owned();
        return Err(MediaError::Corrupt { format: Format::Jpeg, reason });
    }
    bytes.get(length..).ok_or(TRUNCATED)
}

/// Skips compressed data up to a marker that is neither a stuffed zero nor a restart.
fn skip_entropy_coded(bytes: &[u8]) -> Result<&[u8], MediaError> {
    let mut from = 0;
    loop {
        let at = from + bytes[from..].iter().position(|&byte| byte == 0xFF).ok_or(TRUNCATED)?;
        match bytes.get(at + 1) {
            None => return Err(TRUNCATED),
            Some(0x00 | 0xD0..=0xD7) => from = at + 2,
            Some(0xFF) => from = at + 1,
            Some(_) => return Ok(&bytes[at..]),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing;

    fn check(bytes: &[u8]) -> Result<(), MediaError> {
        super::check(bytes, &Limits::default())
    }

    #[test]
    fn a_whole_jpeg_passes_even_with_bytes_behind_it() {
        let mut jpeg = testing::jpeg(64, 48);
        check(&jpeg).unwrap();
        jpeg.extend_from_slice(b"PK\x03\x04 an archive behind the picture");
        check(&jpeg).unwrap();
    }

    #[test]
    fn a_jpeg_cut_anywhere_is_truncated() {
        let jpeg = testing::jpeg(64, 48);
        for length in 3..jpeg.len() {
            assert_eq!(check(&jpeg[..length]).unwrap_err().code(), "truncated", "cut at {length}");
        }
    }

    #[test]
    fn the_end_of_an_embedded_thumbnail_is_not_the_end_of_the_picture() {
        let jpeg = testing::with_jpeg_segment(&testing::jpeg(64, 48), 0xE1, &testing::jpeg(8, 8));
        check(&jpeg).unwrap();
        assert_eq!(check(&jpeg[..jpeg.len() - 2]).unwrap_err().code(), "truncated");
    }

    #[test]
    fn a_flood_of_scans_is_refused() {
        let mut jpeg = vec![0xFF, 0xD8];
        for _ in 0..200 {
            jpeg.extend_from_slice(&[0xFF, START_OF_SCAN, 0, 2, 0x55]);
        }
        jpeg.extend_from_slice(&[0xFF, END_OF_IMAGE]);
        assert_eq!(check(&jpeg).unwrap_err().code(), "too_many_scans");
    }

    #[test]
    fn what_the_decoder_would_turn_into_stripes_is_refused() {
        let jpeg = testing::jpeg_with_separate_scans(64, 48);
        assert_eq!(check(&jpeg).unwrap_err().code(), "unsupported_variety");
        check(&testing::progressive_jpeg(64, 48)).unwrap();
    }

    proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = check(&bytes);
        }
    }
}
