//! Header, then pixels: the only folder that talks to pixel decoders.

mod inks;
mod jpeg;
mod jpeg_structure;
mod stills;

use image::metadata::Orientation;

use crate::deadline::Deadline;
use crate::frame::Frame;
use crate::scratch::Scratch;
use crate::{Engine, Format, Limits, MediaError, alpha};
pub(crate) use jpeg_structure::JpegStructure;

/// What a source says of itself before a pixel is decoded.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) format: Format,
    /// As stored, before the orientation.
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) orientation: Orientation,
    /// Embedded ICC profile, at most 4 MiB.
    pub(crate) icc: Option<Vec<u8>>,
    /// Of one decoded pixel at full size.
    pub(crate) pixel_bytes: u8,
    pub(crate) jpeg: Option<JpegStructure>,
}

/// Reads the header and checks the limits.
///
/// # Errors
/// Every variant that speaks of the source; none of them passes. May panic on damaged bytes: the caller contains it.
pub(crate) fn header(bytes: &[u8], format: Format, limits: &Limits) -> Result<Header, MediaError> {
    if format != Format::Jpeg {
        return stills::header(bytes, format, limits);
    }
    let jpeg = jpeg_structure::walk(bytes, limits)?;
    Ok(Header {
        format,
        width: jpeg.width,
        height: jpeg.height,
        orientation: jpeg.orientation.unwrap_or(Orientation::NoTransforms),
        icc: jpeg.icc.clone(),
        pixel_bytes: if jpeg.components == 2 { 3 } else { jpeg.components },
        jpeg: Some(jpeg),
    })
}

impl Header {
    /// Size of the image as it is seen.
    pub(crate) fn seen(&self) -> (u32, u32) {
        if crate::orient::swaps_sides(self.orientation) {
            (self.height, self.width)
        } else {
            (self.width, self.height)
        }
    }

    /// Whether the engine decodes it to planes, and so at a half, a quarter and an eighth of its size.
    pub(crate) fn is_scalable(&self, engine: Engine) -> bool {
        // libjpeg-turbo reads what our own decoder does not: arithmetic coding.
        let in_c = |jpeg: &JpegStructure| jpeg.is_luma_chroma() && jpeg.precision == 8;
        let jpeg = self.jpeg.as_ref();
        jpeg.is_some_and(|jpeg| jpeg.is_read_as_planes() || engine == Engine::Turbo && in_c(jpeg))
    }

    /// Most memory that decoding it at 1 / `denominator` takes, in bytes, all buffers together.
    pub(crate) fn decode_bytes(&self, engine: Engine, denominator: u32) -> u64 {
        let pixels = u64::from(self.width) * u64::from(self.height);
        let reduced =
            u64::from(self.width.div_ceil(denominator)) * u64::from(self.height.div_ceil(denominator));
        let samples = self.jpeg.as_ref().map_or(3, |jpeg| u64::from(jpeg.components));
        // Coefficients of a progressive JPEG are kept for the whole picture.
        let kept = match &self.jpeg {
            Some(jpeg) if jpeg.is_read_as_planes() && !jpeg.progressive => 0,
            Some(jpeg) if jpeg.is_read_as_planes() => jpeg::coefficient_bytes(pixels * samples, denominator),
            Some(jpeg) if jpeg.progressive || jpeg.scans > 1 => pixels * samples * 2,
            _ => 0,
        };
        let decoded = if self.is_scalable(engine) {
            reduced * samples
        } else {
            // The decoder's own form, and ours beside it while one becomes the other.
            pixels * u64::from(self.pixel_bytes) + pixels * u64::from(self.pixel_bytes.min(4))
        };
        kept + decoded
    }
}

/// Decodes the first frame at 1 / `denominator` of its size, which must be 1 unless the header is scalable.
///
/// # Errors
/// Every variant that speaks of the source; none of them passes. May panic on damaged bytes: the caller contains it.
#[cfg_attr(
    not(feature = "turbo"),
    expect(unused_variables, reason = "only that engine has decoders of its own")
)]
pub(crate) fn decode(
    bytes: &[u8],
    header: &Header,
    denominator: u32,
    (engine, limits, deadline): (Engine, &Limits, Deadline),
    scratch: &mut Scratch,
) -> Result<Frame, MediaError> {
    if header.jpeg.as_ref().is_some_and(JpegStructure::is_read_as_planes) {
        return jpeg::decode(bytes, header, denominator, deadline, scratch);
    }
    #[cfg(feature = "turbo")]
    if engine == Engine::Turbo {
        if header.is_scalable(engine) {
            return crate::turbo::decode_jpeg(bytes, header, denominator, limits, scratch);
        }
        if header.format == Format::WebP
            && let Some(frame) = crate::turbo::decode_webp(bytes, header, scratch)?
        {
            return Ok(frame);
        }
    }
    if header.jpeg.as_ref().is_some_and(JpegStructure::is_sequential_in_parts) {
        // zune-jpeg 0.5.15 decodes them to green stripes without an error.
        let reason = "sequential with a scan for each colour; save it as baseline or progressive".to_owned();
        return Err(MediaError::UnsupportedVariety { format: Format::Jpeg, reason });
    }
    if let Some(jpeg) = header.jpeg.as_ref().filter(|jpeg| jpeg.components == 4) {
        return inks::decode(bytes, header, jpeg, deadline).map(Frame::Pixels);
    }
    let pixels = stills::decode(bytes, header, limits, deadline)?;
    Ok(Frame::Pixels(alpha::drop_if_opaque(pixels)))
}
