//! libjpeg-turbo, through its safe wrapper: encoding from planes, and decoding to planes what our own decoder does not read.
//! Its errors stay on its side of the border (`setjmp`); nothing unwinds through C.

use turbojpeg::{Compressor, Decompressor, ScalingFactor, Subsamp, YuvImage, yuv_pixels_len};

use crate::decode::Header;
use crate::frame::Frame;
use crate::planes::{Chroma, Planes};
use crate::scratch::Scratch;
use crate::{Format, Limits, MediaError};

/// Handles of the library, made when they are first needed.
#[derive(Debug, Default)]
pub(crate) struct Handles {
    decompressor: Option<Decompressor>,
    compressor: Option<Compressor>,
}

/// Planes at 1 / `denominator` of the size, with the chroma geometry of the file.
///
/// # Errors
/// [`MediaError::Truncated`] or [`MediaError::Corrupt`] also where the library would only warn, except where nothing of
/// the picture is missing; [`MediaError::UnsupportedVariety`].
pub(crate) fn decode_jpeg(
    bytes: &[u8],
    header: &Header,
    denominator: u32,
    limits: &Limits,
    scratch: &mut Scratch,
) -> Result<Frame, MediaError> {
    let decompressor = match &mut scratch.turbo.decompressor {
        Some(decompressor) => decompressor,
        none => {
            super::heap::keep();
            none.insert(Decompressor::new().map_err(refused)?)
        }
    };
    decompressor.set_scan_limit(limits.max_scans).map_err(refused)?;
    let read = decompressor.read_header(bytes).map_err(refused)?;
    if (read.width, read.height) != (header.width as usize, header.height as usize) {
        return Err(corrupt("two headers that differ".to_owned()));
    }
    let factor = ScalingFactor::new(1, denominator as usize);
    decompressor.set_scaling_factor(factor).map_err(refused)?;
    let scaled = read.scaled(factor);
    let (width, height) = (scaled.width as u32, scaled.height as u32);
    let chroma = match read.subsamp {
        Subsamp::Gray => None,
        subsamp => Some(Chroma::of(width, height, (subsamp.width() as u32, subsamp.height() as u32))),
    };
    let length = yuv_pixels_len(scaled.width, 1, scaled.height, read.subsamp).map_err(refused)?;
    let stored = padded(width, height, chroma);
    if length != Planes::length(stored.0, stored.1, chroma) {
        return Err(unsupported(format!("subsampling {:?}", read.subsamp)));
    }
    let mut data = scratch.buffers.take(length);
    let pixels = data.as_mut_slice();
    let output =
        YuvImage { pixels, width: scaled.width, align: 1, height: scaled.height, subsamp: read.subsamp };
    match decompressor.decompress_to_yuv(bytes, output) {
        Err(error) if !is_harmless(&error.to_string()) => Err(refused(error)),
        _ => {
            without_padding(&mut data, (width, height), stored);
            Ok(Frame::Planes(Planes { width, height, chroma, data }))
        }
    }
}

/// The library's luma plane has a whole number of chroma samples in both directions.
fn padded(width: u32, height: u32, chroma: Option<Chroma>) -> (u32, u32) {
    let (across, down) = chroma.map_or((1, 1), |chroma| chroma.covers);
    (width.next_multiple_of(across), height.next_multiple_of(down))
}

/// Moves the rows of luma, then chroma, together.
fn without_padding(data: &mut Vec<u8>, (width, height): (u32, u32), stored: (u32, u32)) {
    if stored == (width, height) {
        return;
    }
    let (width, height, row) = (width as usize, height as usize, stored.0 as usize);
    for y in 1..height {
        data.copy_within(y * row..y * row + width, y * width);
    }
    let chroma = row * stored.1 as usize;
    data.copy_within(chroma.., width * height);
    data.truncate(data.len() - chroma + width * height);
}

/// The inverse, with the last samples repeated.
fn with_padding(planes: &Planes, stored: (u32, u32)) -> Vec<u8> {
    let luma = planes.width as usize * planes.height as usize;
    let mut data = Vec::with_capacity(Planes::length(stored.0, stored.1, planes.chroma));
    let rows = planes.data[..luma].chunks_exact(planes.width as usize);
    let last = rows.clone().next_back();
    for row in rows.chain(last.into_iter().cycle()).take(stored.1 as usize) {
        data.extend_from_slice(row);
        data.extend(row.last().into_iter().cycle().take((stored.0 - planes.width) as usize));
    }
    data.extend_from_slice(&planes.data[luma..Planes::length(planes.width, planes.height, planes.chroma)]);
    data
}

/// Warnings under which the whole picture is there.
fn is_harmless(message: &str) -> bool {
    ["extraneous bytes before marker", "Inconsistent progression sequence", "Unknown Adobe color transform"]
        .iter()
        .any(|harmless| message.contains(harmless))
}

/// Baseline, 4:2:0, Huffman tables made for the picture. Chroma must be half of luma.
///
/// # Errors
/// [`MediaError::EncodeFailed`].
pub(crate) fn encode_jpeg(
    planes: &Planes,
    quality: u8,
    handles: &mut Handles,
) -> Result<Vec<u8>, MediaError> {
    let failed = |error: turbojpeg::Error| MediaError::EncodeFailed { reason: error.to_string() };
    let compressor = match &mut handles.compressor {
        Some(compressor) => compressor,
        none => {
            super::heap::keep();
            none.insert(Compressor::new().map_err(failed)?)
        }
    };
    compressor.set_quality(quality.into()).map_err(failed)?;
    compressor.set_optimize(true).map_err(failed)?;
    let stored = padded(planes.width, planes.height, planes.chroma);
    let copy;
    let pixels = if stored == (planes.width, planes.height) {
        planes.data.as_slice()
    } else {
        copy = with_padding(planes, stored);
        copy.as_slice()
    };
    let image = YuvImage {
        pixels,
        width: planes.width as usize,
        align: 1,
        height: planes.height as usize,
        subsamp: if planes.chroma.is_some() { Subsamp::Sub2x2 } else { Subsamp::Gray },
    };
    compressor.compress_yuv_to_vec(image).map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn refused(error: turbojpeg::Error) -> MediaError {
    let text = error.to_string();
    if text.contains("Premature end") {
        return MediaError::Truncated { format: Format::Jpeg };
    }
    match error {
        turbojpeg::Error::BadSubsamp(_) | turbojpeg::Error::BadColorspace(_) => unsupported(text),
        _ if text.contains("nsupported") || text.contains("not implemented") => unsupported(text),
        _ => corrupt(text),
    }
}

fn corrupt(reason: String) -> MediaError {
    MediaError::Corrupt { format: Format::Jpeg, reason }
}

fn unsupported(reason: String) -> MediaError {
    MediaError::UnsupportedVariety { format: Format::Jpeg, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn decode(bytes: &[u8], denominator: u32) -> Result<Planes, MediaError> {
        let limits = Limits::default();
        let header = crate::decode::header(bytes, Format::Jpeg, &limits)?;
        match decode_jpeg(bytes, &header, denominator, &limits, &mut Scratch::new())? {
            Frame::Planes(planes) => Ok(planes),
            Frame::Pixels(_) => panic!("planes"),
        }
    }

    #[test]
    fn every_reduction_has_its_size_and_the_chroma_of_the_file() {
        for (denominator, size) in [(1, (101, 67)), (2, (51, 34)), (4, (26, 17)), (8, (13, 9))] {
            for jpeg in [testing::jpeg(101, 67), testing::progressive_jpeg(101, 67)] {
                let planes = decode(&jpeg, denominator).unwrap();
                assert_eq!((planes.width, planes.height), size);
                assert!(planes.chroma.is_some());
            }
        }
    }

    #[test]
    fn planes_of_every_size_survive_encoding() {
        for (width, height) in [(64, 48), (63, 48), (64, 47), (63, 47), (1, 1), (17, 1)] {
            let chroma = Some(Chroma::of(width, height, (2, 2)));
            let data = (0..Planes::length(width, height, chroma))
                .map(|at| 60 + (at % width as usize) as u8)
                .collect();
            let planes = Planes { width, height, chroma, data };
            let bytes = encode_jpeg(&planes, 95, &mut Handles::default()).unwrap();
            let back = decode(&bytes, 1).unwrap();
            assert!(back.is_halved());
            assert_eq!((back.width, back.height, back.data.len()), (width, height, planes.data.len()));
            let most = back.data.iter().zip(&planes.data).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(most < 40, "{width}×{height}: {most}");
        }
    }

    #[test]
    fn damage_in_the_middle_is_an_error_and_bytes_between_markers_are_not() {
        let mut jpeg = testing::jpeg(200, 200);
        let middle = jpeg.len() / 2;
        jpeg[middle..middle + 40].fill(0x55);
        // Damaged Huffman codes may happen to decode; a marker in the middle of the data never does.
        jpeg[middle + 40] = 0xFF;
        jpeg[middle + 41] = 0xD9;
        assert!(["truncated", "corrupt"].contains(&decode(&jpeg, 1).unwrap_err().code()));
        assert!(is_harmless("Corrupt JPEG data: 15 extraneous bytes before marker 0xd9"));
        assert!(!is_harmless("Corrupt JPEG data: bad Huffman code"));
    }

    #[test]
    fn a_scan_for_each_colour_is_read() {
        assert!(decode(&testing::jpeg_with_separate_scans(64, 48), 1).is_ok());
    }
}
