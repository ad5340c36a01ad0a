//! How like a thumbnail is to the best one: the picture decoded at full size and resampled by Lanczos3 in linear light.
//! SSIM of brightness (windows of 8 × 8) and SSIMULACRA2, both higher where more alike.

use anyhow::Context;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;
use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, Xyb, compute_frame_ssimulacra2};

/// Both measures of one thumbnail.
#[derive(Clone, Copy, Debug)]
pub struct Likeness {
    pub ssim: f64,
    pub ssimulacra2: f64,
}

/// A source, decoded once, in linear light.
pub struct Reference {
    width: u32,
    height: u32,
    linear: Vec<f32>,
}

impl Reference {
    pub fn new(source: &[u8]) -> anyhow::Result<Self> {
        let picture = image::load_from_memory(source)?.into_rgb8();
        let linear = picture.as_raw().iter().map(|&sample| to_linear(f32::from(sample) / 255.0)).collect();
        Ok(Self { width: picture.width(), height: picture.height(), linear })
    }

    /// The best thumbnail of this size.
    fn sized(&self, width: u32, height: u32) -> anyhow::Result<RgbImage> {
        let bytes: Vec<u8> = self.linear.iter().flat_map(|value| value.to_ne_bytes()).collect();
        let from = ImageRef::new(self.width, self.height, &bytes, PixelType::F32x3)?;
        let mut to = Image::new(width, height, PixelType::F32x3);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
        Resizer::new().resize(&from, &mut to, &options)?;
        let sample = |four: &[u8]| {
            let linear = f32::from_ne_bytes([four[0], four[1], four[2], four[3]]);
            (to_gamma(linear.clamp(0.0, 1.0)) * 255.0).round() as u8
        };
        let data = to.buffer().chunks_exact(4).map(sample).collect();
        RgbImage::from_raw(width, height, data).context("as long as its size")
    }

    /// How like a thumbnail in a file is.
    pub fn likeness(&self, file: &[u8]) -> anyhow::Result<Likeness> {
        let thumbnail = image::load_from_memory(file)?.into_rgb8();
        let best = self.sized(thumbnail.width(), thumbnail.height())?;
        let ssimulacra2 = compute_frame_ssimulacra2(xyb(&best)?, xyb(&thumbnail)?)?;
        Ok(Likeness { ssim: ssim(&best, &thumbnail), ssimulacra2 })
    }
}

fn to_linear(value: f32) -> f32 {
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

fn to_gamma(value: f32) -> f32 {
    if value <= 0.003_130_8 { value * 12.92 } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 }
}

fn xyb(picture: &RgbImage) -> anyhow::Result<Xyb> {
    let data = picture.pixels().map(|pixel| pixel.0.map(|sample| f32::from(sample) / 255.0)).collect();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let rgb = Rgb::new(data, width, height, TransferCharacteristic::SRGB, ColorPrimaries::BT709)?;
    Ok(Xyb::try_from(rgb)?)
}

#[expect(clippy::many_single_char_names, reason = "the letters of the formula")]
/// Mean over windows of 8 × 8, four apart.
fn ssim(one: &RgbImage, other: &RgbImage) -> f64 {
    const SIDE: u32 = 8;
    let luma = |picture: &RgbImage, x: u32, y: u32| {
        let [r, g, b] = picture.get_pixel(x, y).0.map(f64::from);
        0.299 * r + 0.587 * g + 0.114 * b
    };
    let (mut sum, mut windows) = (0.0, 0);
    for top in (0..=one.height().saturating_sub(SIDE)).step_by(4) {
        for left in (0..=one.width().saturating_sub(SIDE)).step_by(4) {
            let (mut a, mut b, mut aa, mut bb, mut ab, mut n) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
            for y in top..(top + SIDE).min(one.height()) {
                for x in left..(left + SIDE).min(one.width()) {
                    let (p, q) = (luma(one, x, y), luma(other, x, y));
                    (a, b, aa, bb, ab, n) = (a + p, b + q, aa + p * p, bb + q * q, ab + p * q, n + 1.0);
                }
            }
            let (a, b) = (a / n, b / n);
            let (va, vb, cov) = (aa / n - a * a, bb / n - b * b, ab / n - a * b);
            let (c1, c2) = (6.5025, 58.5225);
            sum += (2.0 * a * b + c1) * (2.0 * cov + c2) / ((a * a + b * b + c1) * (va + vb + c2));
            windows += 1;
        }
    }
    sum / f64::from(windows.max(1))
}
