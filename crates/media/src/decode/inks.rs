//! JPEGs in four inks, as print shops send them, to sRGB.
//!
//! The colour profile says how inks look together on its paper; without one, or with one that cannot be applied, each ink
//! takes away its complement, as every viewer shows such files.

use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, Layout as IccLayout, Transform8BitExecutor, TransformOptions};
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::stills::one_line;
use super::{Header, JpegStructure};
use crate::deadline::Deadline;
use crate::pixels::{Layout, Pixels};
use crate::{Format, MediaError};

/// Pixels turned at a time, between looks at the clock.
const STRIP: usize = 64 << 10;

/// Decodes at full size; `jpeg` must have four components.
///
/// # Errors
/// [`MediaError::Truncated`], [`MediaError::Corrupt`], [`MediaError::UnsupportedVariety`], [`MediaError::TookTooLong`].
pub(super) fn decode(
    bytes: &[u8],
    header: &Header,
    jpeg: &JpegStructure,
    deadline: Deadline,
) -> Result<Pixels, MediaError> {
    let (width, height) = (header.width, header.height);
    let mut data = samples(bytes, jpeg)?;
    if data.len() != width as usize * height as usize * 4 {
        return Err(refused(&DecodeErrors::FormatStatic("two headers that differ")));
    }
    deadline.check()?;
    // Three samples take the place of four, from the front.
    let profile = header.icc.as_deref().and_then(profile);
    let mut strip = vec![0; STRIP * 3];
    let pixels = data.len() / 4;
    for from in (0..pixels).step_by(STRIP) {
        let to = pixels.min(from + STRIP);
        let inks = &mut data[from * 4..to * 4];
        as_inks(inks, jpeg);
        let colours = &mut strip[..(to - from) * 3];
        let seen = profile.as_ref().is_some_and(|profile| profile.transform(inks, colours).is_ok());
        if !seen {
            subtract(inks, colours);
        }
        data[from * 3..to * 3].copy_from_slice(colours);
        deadline.check()?;
    }
    data.truncate(pixels * 3);
    Ok(Pixels { width, height, layout: Layout::Rgb, data })
}

/// The four samples of each pixel as stored.
fn samples(bytes: &[u8], jpeg: &JpegStructure) -> Result<Vec<u8>, MediaError> {
    let stored = if is_ycck(jpeg) { ColorSpace::YCCK } else { ColorSpace::CMYK };
    // The size was checked against our own limits before.
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_out_colorspace(stored);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode().map_err(|error| refused(&error))
}

fn is_ycck(jpeg: &JpegStructure) -> bool {
    jpeg.adobe_transform == Some(2)
}

/// Samples as stored become inks: 255 is all of it.
fn as_inks(samples: &mut [u8], jpeg: &JpegStructure) {
    if is_ycck(jpeg) {
        for pixel in samples.chunks_exact_mut(4) {
            let (y, cb, cr) =
                (i32::from(pixel[0]) << 16 | 0x8000, i32::from(pixel[1]) - 128, i32::from(pixel[2]) - 128);
            let sample = |value: i32| (value >> 16).clamp(0, 255) as u8;
            // As red, green and blue these would be the complements of what is stored otherwise.
            pixel[0] = 255 - sample(y + 91_881 * cr);
            pixel[1] = 255 - sample(y - 22_554 * cb - 46_802 * cr);
            pixel[2] = 255 - sample(y + 116_130 * cb);
        }
    }
    // Who writes Adobe's marker stores inks upside down.
    if jpeg.adobe_transform.is_some() {
        for sample in samples {
            *sample = 255 - *sample;
        }
    }
}

/// Each ink lets through what is not its complement.
fn subtract(inks: &[u8], colours: &mut [u8]) {
    for (ink, colour) in inks.chunks_exact(4).zip(colours.chunks_exact_mut(3)) {
        let paper = 255 - u32::from(ink[3]);
        for (sample, &ink) in colour.iter_mut().zip(ink) {
            *sample = (((255 - u32::from(ink)) * paper + 127) / 255) as u8;
        }
    }
}

/// From inks to sRGB, if the profile is one of four inks that can be applied.
fn profile(icc: &[u8]) -> Option<Arc<Transform8BitExecutor>> {
    let profile = ColorProfile::new_from_slice(icc).ok()?;
    if profile.color_space != DataColorSpace::Cmyk {
        return None;
    }
    // Four samples a pixel; the library has no name of its own for them.
    let (inks, options) = (IccLayout::Rgba, TransformOptions::default());
    profile.create_transform_8bit(inks, &ColorProfile::new_srgb(), IccLayout::Rgb, options).ok()
}

fn refused(error: &DecodeErrors) -> MediaError {
    let format = Format::Jpeg;
    match error {
        DecodeErrors::ExhaustedData => MediaError::Truncated { format },
        DecodeErrors::Unsupported(_) => {
            MediaError::UnsupportedVariety { format, reason: one_line(&error.to_string()) }
        }
        _ => MediaError::Corrupt { format, reason: one_line(&error.to_string()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, testing};

    fn colour(bytes: &[u8]) -> [u8; 3] {
        let header = super::super::header(bytes, Format::Jpeg, &Limits::default()).unwrap();
        let pixels = decode(bytes, &header, header.jpeg.as_ref().unwrap(), Deadline::NEVER).unwrap();
        assert_eq!((pixels.layout, pixels.data.len()), (Layout::Rgb, 17 * 9 * 3));
        // One colour: every pixel is the first, up to what compression does.
        let first = [pixels.data[0], pixels.data[1], pixels.data[2]];
        assert!(pixels.data.chunks_exact(3).all(|pixel| near(pixel, first)), "{first:?}");
        first
    }

    fn near(a: &[u8], b: [u8; 3]) -> bool {
        a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= 6)
    }

    #[test]
    fn inks_without_a_profile_take_away_their_complements() {
        for (ink, seen) in [
            ([0, 0, 0, 0], [255, 255, 255]),
            ([0, 255, 255, 0], [255, 0, 0]),
            ([255, 0, 0, 0], [0, 255, 255]),
            ([0, 0, 0, 255], [0, 0, 0]),
            ([0, 128, 0, 128], [127, 63, 127]),
        ] {
            let colour = colour(&testing::cmyk_jpeg(17, 9, ink));
            assert!(near(&colour, seen), "{ink:?} became {colour:?}");
            let ycck = self::colour(&testing::ycck_jpeg(17, 9, ink));
            assert!(near(&ycck, seen), "{ink:?} became {ycck:?} by way of YCCK");
        }
    }

    #[test]
    fn without_adobes_marker_inks_are_stored_as_they_are() {
        let marked = testing::cmyk_jpeg(17, 9, [0, 255, 255, 0]);
        let unmarked = testing::without_jpeg_segment(&marked, 0xEE);
        // What is stored upside down is, the right way up, all of cyan and black.
        let colour = colour(&unmarked);
        assert!(near(&colour, [0, 0, 0]), "{colour:?}");
    }

    #[test]
    fn a_profile_of_four_inks_is_heard_and_others_are_not() {
        let red = testing::cmyk_jpeg(17, 9, [0, 255, 255, 0]);
        // A press on which red ink is a grey. Coarse as it is, the profile leaves a cast; without it this would be pure red.
        let seen = colour(&testing::with_icc(&red, &testing::cmyk_profile(50.0)));
        assert!(seen.iter().all(|sample| sample.abs_diff(119) <= 20), "{seen:?}");
        let of_rgb = ColorProfile::new_display_p3().encode().unwrap();
        for useless in [of_rgb.as_slice(), b"no profile"] {
            assert!(near(&colour(&testing::with_icc(&red, useless)), [255, 0, 0]));
        }
    }

    #[test]
    fn no_time_and_damage_are_typed_errors() {
        let jpeg = testing::cmyk_jpeg(17, 9, [0, 255, 255, 0]);
        let header = super::super::header(&jpeg, Format::Jpeg, &Limits::default()).unwrap();
        let structure = header.jpeg.as_ref().unwrap();
        let late = Deadline::after(std::time::Duration::ZERO);
        assert_eq!(decode(&jpeg, &header, structure, late).unwrap_err().code(), "took_too_long");
        let other = testing::cmyk_jpeg(9, 9, [0, 0, 0, 0]);
        assert_eq!(decode(&other, &header, structure, Deadline::NEVER).unwrap_err().code(), "corrupt");
    }
}
