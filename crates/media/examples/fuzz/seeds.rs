//! The seed corpus, made in code.

use std::io::Cursor;

use backstock_media::{Output, Recipe, Thumbnailer};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

#[path = "../../src/testing/press.rs"]
mod press;

/// One picture of each kind that the decoders tell apart.
pub fn seeds() -> Result<Vec<(String, Vec<u8>)>, Box<dyn std::error::Error>> {
    let picture =
        RgbImage::from_fn(96, 70, |x, y| Rgb([(x * 2) as u8, (y * 3) as u8, ((x * 7) ^ (y * 13)) as u8]));
    let mut all = Vec::new();
    for (name, set) in [
        ("baseline", (|_| {}) as fn(&mut Encoder<&mut Vec<u8>>)),
        ("halved", |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_2_0)),
        ("across", |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_2_2)),
        ("progressive", |encoder| encoder.set_progressive(true)),
        ("apart", |encoder| encoder.set_optimized_huffman_tables(true)),
        ("restarts", |encoder| encoder.set_restart_interval(3)),
        ("profile", |encoder| drop(encoder.add_icc_profile(&[7; 600]))),
    ] {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 85);
        set(&mut encoder);
        encoder.encode(picture.as_raw(), 96, 70, ColorType::Rgb)?;
        all.push((format!("jpeg {name}"), bytes));
    }
    let grey_curve = moxcms::ColorProfile::new_gray_with_gamma(1.8).encode()?;
    let press = press::cmyk_profile(30.0);
    for (name, colours, channels, profile) in [
        ("grey", ColorType::Luma, 1, grey_curve.as_slice()),
        ("inks", ColorType::Cmyk, 4, &[]),
        ("inks by luma", ColorType::CmykAsYcck, 4, &[]),
        ("inks of a press", ColorType::Cmyk, 4, &press),
    ] {
        let mut bytes = Vec::new();
        let data: Vec<u8> = (0..96 * 70 * channels).map(|at| (at % 251) as u8).collect();
        let mut encoder = Encoder::new(&mut bytes, 80);
        if !profile.is_empty() {
            encoder.add_icc_profile(profile)?;
        }
        encoder.encode(&data, 96, 70, colours)?;
        all.push((format!("jpeg {name}"), bytes));
    }
    let rgb = DynamicImage::ImageRgb8(picture);
    for (name, image, format) in [
        ("png rgb", rgb.clone(), ImageFormat::Png),
        ("png rgba", DynamicImage::ImageRgba8(rgb.to_rgba8()), ImageFormat::Png),
        ("png grey alpha", DynamicImage::ImageLumaA8(rgb.to_luma_alpha8()), ImageFormat::Png),
        ("png 16 bits", DynamicImage::ImageRgb16(rgb.to_rgb16()), ImageFormat::Png),
        ("gif", DynamicImage::ImageRgba8(rgb.to_rgba8()), ImageFormat::Gif),
        ("webp lossless", DynamicImage::ImageRgba8(rgb.to_rgba8()), ImageFormat::WebP),
    ] {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format)?;
        all.push((name.to_owned(), bytes.into_inner()));
    }
    lossy_webp(&rgb, &mut all)?;
    Ok(all)
}

/// Only the engine in C writes one.
fn lossy_webp(
    picture: &DynamicImage,
    all: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let recipe = Recipe { sizes: vec![96], format: Output::WebP { quality: 70 }, ..Recipe::default() };
    let thumbnailer = Thumbnailer::new(folder.path(), recipe)?;
    let mut clear = picture.to_rgba8();
    clear.pixels_mut().enumerate().for_each(|(at, pixel)| pixel.0[3] = (at % 256) as u8);
    for (name, image) in [("opaque", picture.clone()), ("clear", DynamicImage::ImageRgba8(clear))] {
        let mut png = Cursor::new(Vec::new());
        image.write_to(&mut png, ImageFormat::Png)?;
        let made = thumbnailer.render(&png.into_inner())?;
        all.extend(made.into_iter().map(|picture| (format!("webp {name}"), picture.bytes)));
    }
    Ok(())
}
