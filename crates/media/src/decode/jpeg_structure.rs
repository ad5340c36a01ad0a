//! A walk over the markers of a JPEG, before it is decoded.
//!
//! Pixel decoders fill what is missing with grey and report success; a shop would show half a shoe. The walk finds what
//! they forgive: a file that ends before its end marker. It counts scans, because each one costs a pass over the whole
//! picture and a small file can hold thousands. And it collects what the later steps must know: size, kind of colour,
//! orientation, colour profile.

use std::collections::BTreeMap;

use image::metadata::Orientation;

use crate::{Format, Limits, MediaError};

pub(super) const START_OF_SCAN: u8 = 0xDA;
pub(super) const END_OF_IMAGE: u8 = 0xD9;
pub(super) const TRUNCATED: MediaError = MediaError::Truncated { format: Format::Jpeg };
/// Longest colour profile that is put together.
const MAX_ICC_BYTES: usize = 4 << 20;

/// What the markers say.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own in the file")]
#[derive(Clone, Debug, Default)]
pub(crate) struct JpegStructure {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// 1 grey, 3 colour, 4 inks.
    pub(crate) components: u8,
    /// Bits a sample.
    pub(crate) precision: u8,
    pub(crate) progressive: bool,
    /// Huffman-coded baseline, extended or progressive: what every decoder reads.
    pub(crate) usual_coding: bool,
    pub(crate) scans: u32,
    /// Luma samples across and down that one chroma sample covers, where that is a whole number and the same for both.
    pub(crate) covers: Option<(u32, u32)>,
    /// What Adobe's marker says of the colours: 0 untransformed, 1 YCbCr, 2 YCCK.
    pub(crate) adobe_transform: Option<u8>,
    /// The components are named R, G and B.
    pub(crate) named_rgb: bool,
    jfif: bool,
    pub(crate) orientation: Option<Orientation>,
    pub(crate) icc: Option<Vec<u8>>,
}

impl JpegStructure {
    /// Whether luma and chroma are stored apart, by the rules of libjpeg.
    pub(crate) fn is_luma_chroma(&self) -> bool {
        match (self.components, self.adobe_transform) {
            (1, _) => true,
            (3, _) if self.jfif => true,
            (3, Some(transform)) => transform != 0,
            (3, None) => !self.named_rgb,
            _ => false,
        }
    }

    /// Whether our own decoder gives it out as planes.
    pub(crate) fn is_read_as_planes(&self) -> bool {
        let usual = self.usual_coding && self.precision == 8 && self.covers.is_some();
        usual && self.is_luma_chroma()
    }

    /// Sequential with several scans: legal and rare.
    pub(crate) fn is_sequential_in_parts(&self) -> bool {
        !self.progressive && self.scans > 1
    }
}

/// Walks from the first marker to the end of the image. What follows that end is ignored.
///
/// # Errors
/// [`MediaError::Truncated`], [`MediaError::TooManyScans`], [`MediaError::TooManyPixels`], [`MediaError::Corrupt`] for
/// a segment of impossible length and for a file without a frame.
pub(crate) fn walk(bytes: &[u8], limits: &Limits) -> Result<JpegStructure, MediaError> {
    let mut rest = bytes.get(2..).ok_or(TRUNCATED)?;
    let mut found = JpegStructure::default();
    let mut profile = BTreeMap::new();
    loop {
        let (marker, after) = next_marker(rest)?;
        if marker == END_OF_IMAGE {
            break;
        }
        if is_standalone(marker) {
            rest = after;
            continue;
        }
        let (content, behind) = segment(after)?;
        found.read(marker, content, &mut profile, limits)?;
        rest = behind;
        if marker == START_OF_SCAN {
            found.scans += 1;
            if found.scans > limits.max_scans {
                return Err(MediaError::TooManyScans { max: limits.max_scans });
            }
            rest = skip_entropy_coded(rest)?;
        }
    }
    if found.components == 0 || found.scans == 0 {
        return Err(corrupt("no picture between start and end"));
    }
    found.icc = joined(&profile);
    Ok(found)
}

impl JpegStructure {
    fn read<'a>(
        &mut self,
        marker: u8,
        content: &'a [u8],
        profile: &mut BTreeMap<u8, &'a [u8]>,
        limits: &Limits,
    ) -> Result<(), MediaError> {
        match (marker, content) {
            // Start of frame; C4, C8 and CC mean something else.
            (0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF, _) => self.frame(marker, content, limits),
            (0xE0, [b'J', b'F', b'I', b'F', 0, ..]) => {
                self.jfif = true;
                Ok(())
            }
            (0xE1, [b'E', b'x', b'i', b'f', 0, 0, exif @ ..]) => {
                self.orientation = self.orientation.or_else(|| Orientation::from_exif_chunk(exif));
                Ok(())
            }
            (0xE2, content) => {
                if let Some([number, _of, part @ ..]) = content.strip_prefix(b"ICC_PROFILE\0".as_slice()) {
                    profile.entry(*number).or_insert(part);
                }
                Ok(())
            }
            (0xEE, [b'A', b'd', b'o', b'b', b'e', _, _, _, _, _, _, transform, ..]) => {
                self.adobe_transform = Some(*transform);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn frame(&mut self, marker: u8, content: &[u8], limits: &Limits) -> Result<(), MediaError> {
        let [precision, h1, h0, w1, w0, components, rest @ ..] = content else {
            return Err(corrupt("a frame header that is too short"));
        };
        if self.components != 0 {
            return Err(corrupt("two frames"));
        }
        self.width = u16::from_be_bytes([*w1, *w0]).into();
        self.height = u16::from_be_bytes([*h1, *h0]).into();
        limits.check_size(self.width, self.height)?;
        if self.width == 0 || self.height == 0 || *components == 0 {
            return Err(corrupt("an image without pixels"));
        }
        self.precision = *precision;
        self.components = *components;
        self.progressive = marker == 0xC2;
        self.usual_coding = matches!(marker, 0xC0..=0xC2);
        let names: Vec<u8> = rest.chunks_exact(3).map(|component| component[0]).collect();
        self.named_rgb = names == *b"RGB";
        self.covers = rest.as_chunks().0.get(..usize::from(*components)).and_then(covers);
        Ok(())
    }
}

/// By the components of the frame: identifier, samples across and down, quantization table.
fn covers(components: &[[u8; 3]]) -> Option<(u32, u32)> {
    let factors = |component: &[u8; 3]| {
        let (across, down) = (u32::from(component[1] >> 4), u32::from(component[1] & 15));
        ((1..=4).contains(&across) && (1..=4).contains(&down)).then_some((across, down))
    };
    match components {
        [_] => Some((1, 1)),
        [luma, cb, cr] => {
            let (luma, cb, cr) = (factors(luma)?, factors(cb)?, factors(cr)?);
            let whole = cb == cr && luma.0 % cb.0 == 0 && luma.1 % cb.1 == 0;
            whole.then(|| (luma.0 / cb.0, luma.1 / cb.1))
        }
        _ => None,
    }
}

/// The parts of a colour profile in their order; nothing when one is missing or the whole is too long.
fn joined(parts: &BTreeMap<u8, &[u8]>) -> Option<Vec<u8>> {
    let whole = !parts.is_empty() && parts.keys().zip(1..).all(|(number, expected)| *number == expected);
    let profile: Vec<u8> = parts.values().copied().flatten().copied().collect();
    (whole && profile.len() <= MAX_ICC_BYTES).then_some(profile)
}

pub(super) fn corrupt(reason: &str) -> MediaError {
    MediaError::Corrupt { format: Format::Jpeg, reason: reason.to_owned() }
}

/// Markers without a length: restarts and the reserved `TEM`.
pub(super) fn is_standalone(marker: u8) -> bool {
    matches!(marker, 0x01 | 0xD0..=0xD8)
}

/// The next marker and what follows it. Stray bytes before a marker are skipped, as decoders do.
pub(super) fn next_marker(bytes: &[u8]) -> Result<(u8, &[u8]), MediaError> {
    let mut rest = bytes;
    loop {
        let at = memchr::memchr(0xFF, rest).ok_or(TRUNCATED)?;
        rest = &rest[at..];
        let fill = rest.iter().take_while(|&&byte| byte == 0xFF).count();
        match rest.get(fill) {
            None => return Err(TRUNCATED),
            Some(0) => rest = &rest[fill + 1..],
            Some(&marker) => return Ok((marker, &rest[fill + 1..])),
        }
    }
}

/// A segment's content, and what follows it.
pub(super) fn segment(bytes: &[u8]) -> Result<(&[u8], &[u8]), MediaError> {
    let [high, low, ..] = bytes else { return Err(TRUNCATED) };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if length < 2 {
        return Err(corrupt("a segment shorter than its own length field"));
    }
    bytes.split_at_checked(length).map(|(segment, rest)| (&segment[2..], rest)).ok_or(TRUNCATED)
}

/// Skips compressed data up to a marker that is neither a stuffed zero nor a restart.
fn skip_entropy_coded(bytes: &[u8]) -> Result<&[u8], MediaError> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(0xFF, bytes.get(from..).ok_or(TRUNCATED)?).ok_or(TRUNCATED)?;
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

    fn check(bytes: &[u8]) -> Result<JpegStructure, MediaError> {
        walk(bytes, &Limits::default())
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
    fn the_markers_tell_size_coding_and_colours() {
        let plain = check(&testing::jpeg(64, 48)).unwrap();
        assert_eq!((plain.width, plain.height, plain.components, plain.precision), (64, 48, 3, 8));
        assert!(plain.is_luma_chroma() && plain.usual_coding && !plain.progressive);
        assert!(check(&testing::progressive_jpeg(64, 48)).unwrap().progressive);
        assert!(check(&testing::jpeg_with_separate_scans(64, 48)).unwrap().is_sequential_in_parts());
        let inks = check(&testing::cmyk_jpeg(16, 16, [0, 0, 0, 0])).unwrap();
        assert!(inks.components == 4 && !inks.is_luma_chroma());
    }

    #[test]
    fn a_profile_in_parts_is_joined_and_one_with_a_gap_is_not() {
        let part = |jpeg: &[u8], number: u8, content: &[u8]| {
            let segment = [b"ICC_PROFILE\0".as_slice(), &[number, 2], content].concat();
            testing::with_jpeg_segment(jpeg, 0xE2, &segment)
        };
        let jpeg = testing::jpeg(8, 8);
        let second = part(&jpeg, 2, b"file");
        assert_eq!(check(&part(&second, 1, b"pro")).unwrap().icc.as_deref(), Some(b"profile".as_slice()));
        assert_eq!(check(&second).unwrap().icc, None);
    }

    proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = check(&bytes);
        }
    }
}
