//! libwebp, through its raw binding: no wrapper of it takes or gives planes, and the detour over RGB costs a tenth of
//! the whole job. The only module of the workspace with `unsafe` code for codecs: every pointer handed over belongs to
//! a slice whose length was checked against the size handed over with it, and outlives the call.
#![expect(unsafe_code, reason = "libwebp has no safe wrapper for planes")]

use libwebp_sys as webp;

use crate::decode::Header;
use crate::frame::Frame;
use crate::pixels::{Layout, Pixels};
use crate::planes::{Chroma, Planes};
use crate::scratch::Scratch;
use crate::{Format, MediaError};

/// Effort of the encoder, 0 to 6; its default, and that of every peer.
const METHOD: i32 = 4;

/// The picture: planes where it was stored with loss and without alpha. `None`: animated, or no still picture for
/// another reason that the caller's other decoder knows to handle.
///
/// # Errors
/// [`MediaError::Truncated`], [`MediaError::Corrupt`].
pub(crate) fn decode_webp(
    bytes: &[u8],
    header: &Header,
    scratch: &mut Scratch,
) -> Result<Option<Frame>, MediaError> {
    let (width, height) = (header.width, header.height);
    // SAFETY: a struct of integers, for which zeros are values.
    let mut features: webp::WebPBitstreamFeatures = unsafe { std::mem::zeroed() };
    // SAFETY: `bytes` is read within its length; `features` is written.
    let status = unsafe { webp::WebPGetFeatures(bytes.as_ptr(), bytes.len(), &raw mut features) };
    let size = (u32::try_from(features.width), u32::try_from(features.height));
    if status != webp::VP8StatusCode::VP8_STATUS_OK
        || features.has_animation != 0
        || size != (Ok(width), Ok(height))
    {
        return Ok(None);
    }
    let announced =
        bytes.get(4..8).map_or(0, |length| u32::from_le_bytes([length[0], length[1], length[2], length[3]]));
    if u64::from(announced) + 8 > bytes.len() as u64 {
        return Err(MediaError::Truncated { format: Format::WebP });
    }
    let lossy = features.format == 1;
    let frame = match (lossy, features.has_alpha != 0) {
        (true, false) => planes(bytes, width, height, scratch).map(Frame::Planes),
        (_, alpha) => pixels(bytes, width, height, alpha, scratch).map(Frame::Pixels),
    };
    let damaged =
        || MediaError::Corrupt { format: Format::WebP, reason: "libwebp cannot decode it".to_owned() };
    frame.map(Some).ok_or_else(damaged)
}

fn pixels(bytes: &[u8], width: u32, height: u32, alpha: bool, scratch: &mut Scratch) -> Option<Pixels> {
    let layout = if alpha { Layout::Rgba } else { Layout::Rgb };
    let row = width as usize * layout.channels();
    let mut data = scratch.buffers.take(row * height as usize);
    let decode = if alpha { webp::WebPDecodeRGBAInto } else { webp::WebPDecodeRGBInto };
    // SAFETY: the decoder writes at most the length given, which is that of `data`, in rows of `row` bytes.
    let written = unsafe {
        decode(bytes.as_ptr(), bytes.len(), data.as_mut_ptr(), data.len(), i32::try_from(row).ok()?)
    };
    (!written.is_null()).then_some(Pixels { width, height, layout, data })
}

fn planes(bytes: &[u8], width: u32, height: u32, scratch: &mut Scratch) -> Option<Planes> {
    let chroma = Chroma::of(width, height, (2, 2));
    let mut data = scratch.buffers.take(Planes::length(width, height, Some(chroma)));
    let (luma, rest) = data.split_at_mut(width as usize * height as usize);
    let (cb, cr) = rest.split_at_mut(rest.len() / 2);
    let (stride, half) = (i32::try_from(width).ok()?, i32::try_from(chroma.width).ok()?);
    // SAFETY: three slices that do not overlap, each with its own length; the decoder refuses ones that are too short.
    let written = unsafe {
        webp::WebPDecodeYUVInto(
            bytes.as_ptr(),
            bytes.len(),
            luma.as_mut_ptr(),
            luma.len(),
            stride,
            cb.as_mut_ptr(),
            cb.len(),
            half,
            cr.as_mut_ptr(),
            cr.len(),
            half,
        )
    };
    if written.is_null() {
        return None;
    }
    for sample in luma {
        *sample = widened(*sample, 16, 76_309);
    }
    for sample in rest {
        *sample = widened(*sample, 128, 74_606);
    }
    Some(Planes { width, height, chroma: Some(chroma), data })
}

/// From the range of television (16 to 235 or 240), which WebP stores, to the full one. `gain` is in 65,536ths.
fn widened(sample: u8, zero: i32, gain: i32) -> u8 {
    let out = if zero == 16 { 0 } else { zero };
    (out + (((i32::from(sample) - zero) * gain + 0x8000) >> 16)).clamp(0, 255) as u8
}

/// The inverse of [`widened`].
fn narrowed(sample: u8, zero: i32, gain: i32) -> u8 {
    let base = if zero == 16 { 0 } else { zero };
    (zero + (((i32::from(sample) - base) * gain + 0x8000) >> 16)).clamp(0, 255) as u8
}

/// With loss, alpha without. Chroma of planes must be half of luma.
///
/// # Errors
/// [`MediaError::EncodeFailed`].
pub(crate) fn encode_webp(frame: &Frame, quality: u8, scratch: &mut Scratch) -> Result<Vec<u8>, MediaError> {
    let failed = |reason: &str| MediaError::EncodeFailed { reason: format!("libwebp: {reason}") };
    let mut config = webp::WebPConfig::new().map_err(|()| failed("configuration"))?;
    config.quality = f32::from(quality);
    config.method = METHOD;
    let mut picture = Picture::new().ok_or_else(|| failed("picture"))?;
    let mut narrow = Vec::new();
    match frame {
        Frame::Planes(planes) => {
            narrow = scratch.buffers.take(planar_length(planes));
            picture.view(planes, &mut narrow);
        }
        Frame::Pixels(pixels) => {
            if !picture.import(pixels) {
                return Err(failed("out of memory"));
            }
        }
    }
    let bytes = picture.encode(&config).ok_or_else(|| failed("encoding"));
    drop(picture);
    scratch.buffers.give(narrow);
    bytes
}

fn planar_length(planes: &Planes) -> usize {
    let chroma = Chroma::of(planes.width, planes.height, (2, 2));
    Planes::length(planes.width, planes.height, Some(chroma))
}

/// A picture of the encoder; what it allocated is freed with it.
struct Picture(webp::WebPPicture);

impl Picture {
    fn new() -> Option<Self> {
        webp::WebPPicture::new().ok().map(Self)
    }

    /// Shows the planes to the encoder, in the range it wants, from `narrow`, which must outlive the encoding and have
    /// [`planar_length`].
    fn view(&mut self, planes: &Planes, narrow: &mut [u8]) {
        let (from, colours) = planes.all();
        let (luma, rest) = narrow.split_at_mut(from.data.len());
        luma.iter_mut().zip(from.data).for_each(|(to, &sample)| *to = narrowed(sample, 16, 56_283));
        let (cb, cr) = rest.split_at_mut(rest.len() / 2);
        match colours {
            Some([blue, red]) => {
                cb.iter_mut().zip(blue.data).for_each(|(to, &sample)| *to = narrowed(sample, 128, 57_568));
                cr.iter_mut().zip(red.data).for_each(|(to, &sample)| *to = narrowed(sample, 128, 57_568));
            }
            None => rest_is_grey(cb, cr),
        }
        self.0.use_argb = 0;
        self.0.colorspace = webp::WebPEncCSP::WEBP_YUV420;
        self.0.width = planes.width as i32;
        self.0.height = planes.height as i32;
        self.0.y_stride = planes.width as i32;
        self.0.uv_stride = planes.width.div_ceil(2) as i32;
        self.0.y = luma.as_mut_ptr();
        self.0.u = cb.as_mut_ptr();
        self.0.v = cr.as_mut_ptr();
    }

    /// Copies pixels into the encoder's own form.
    fn import(&mut self, pixels: &Pixels) -> bool {
        self.0.width = pixels.width as i32;
        self.0.height = pixels.height as i32;
        let stride = (pixels.width as usize * pixels.layout.channels()) as i32;
        let import = match pixels.layout {
            Layout::Rgba => webp::WebPPictureImportRGBA,
            Layout::Rgb => webp::WebPPictureImportRGB,
            Layout::Grey => return false,
        };
        // SAFETY: `data` has `height` rows of `stride` bytes, as every `Pixels` does.
        unsafe { import(&raw mut self.0, pixels.data.as_ptr(), stride) != 0 }
    }

    fn encode(&mut self, config: &webp::WebPConfig) -> Option<Vec<u8>> {
        // SAFETY: a struct of pointers and lengths, initialised by the next call; the picture's planes are alive.
        unsafe {
            let mut writer: webp::WebPMemoryWriter = std::mem::zeroed();
            webp::WebPMemoryWriterInit(&raw mut writer);
            self.0.writer = Some(webp::WebPMemoryWrite);
            self.0.custom_ptr = (&raw mut writer).cast();
            let done = webp::WebPEncode(config, &raw mut self.0) != 0;
            let bytes = (done && !writer.mem.is_null())
                .then(|| std::slice::from_raw_parts(writer.mem, writer.size).to_vec());
            webp::WebPMemoryWriterClear(&raw mut writer);
            bytes
        }
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: frees what the library allocated for this picture; planes that were only shown are not its own.
        unsafe { webp::WebPPictureFree(&raw mut self.0) }
    }
}

fn rest_is_grey(cb: &mut [u8], cr: &mut [u8]) {
    cb.fill(128);
    cr.fill(128);
}

#[cfg(test)]
mod tests {
    use image::ImageFormat;

    use super::*;
    use crate::{Limits, testing};

    fn decode(bytes: &[u8]) -> Result<Option<Frame>, MediaError> {
        let header = crate::decode::header(bytes, Format::WebP, &Limits::default())?;
        decode_webp(bytes, &header, &mut Scratch::new())
    }

    fn encode(frame: &Frame) -> Vec<u8> {
        encode_webp(frame, 90, &mut Scratch::new()).unwrap()
    }

    #[test]
    fn both_ranges_are_each_others_inverse() {
        for sample in 0..=255 {
            assert!(widened(narrowed(sample, 16, 56_283), 16, 76_309).abs_diff(sample) <= 1);
            assert!(widened(narrowed(sample, 128, 57_568), 128, 74_606).abs_diff(sample) <= 1);
        }
    }

    #[test]
    fn planes_come_back_as_planes_with_their_colours() {
        for (width, height) in [(40, 30), (41, 31), (1, 1)] {
            let red = [200, 20, 20].repeat(width * height);
            let (width, height) = (width as u32, height as u32);
            let planes = Planes::from_pixels(&Pixels { width, height, layout: Layout::Rgb, data: red });
            let Some(Frame::Planes(back)) = decode(&encode(&Frame::Planes(planes.clone()))).unwrap() else {
                panic!()
            };
            assert!(back.data.iter().zip(&planes.data).all(|(a, b)| a.abs_diff(*b) <= 4), "{width}×{height}");
        }
    }

    #[test]
    fn grey_planes_come_back_without_colour() {
        let grey = Planes { width: 9, height: 9, chroma: None, data: vec![77; 81] };
        let Some(Frame::Planes(back)) = decode(&encode(&Frame::Planes(grey))).unwrap() else { panic!() };
        assert!(
            back.all()
                .1
                .unwrap()
                .iter()
                .all(|plane| plane.data.iter().all(|sample| sample.abs_diff(128) <= 2))
        );
    }

    #[test]
    fn alpha_survives() {
        let data = [[9, 9, 9, 0], [200, 10, 10, 255]].concat().repeat(32);
        let pixels = Pixels { width: 8, height: 8, layout: Layout::Rgba, data };
        let Some(Frame::Pixels(back)) = decode(&encode(&Frame::Pixels(pixels))).unwrap() else { panic!() };
        assert_eq!((back.data[3], back.data[7]), (0, 255));
    }

    #[test]
    fn lossless_comes_back_bit_for_bit_and_half_a_file_is_truncated() {
        let picture = testing::gradient(50, 40);
        let bytes = testing::encode(picture.clone(), ImageFormat::WebP);
        let Some(Frame::Pixels(back)) = decode(&bytes).unwrap() else { panic!() };
        assert_eq!(back.data, picture.into_rgb8().into_raw());
        assert_eq!(decode(&bytes[..bytes.len() / 2]).unwrap_err().code(), "truncated");
    }
}
