use image::ImageFormat;
use proptest::prelude::*;

use super::*;
use crate::pixels::{Layout, Pixels};
use crate::testing;

fn planes(width: u32, height: u32) -> Planes {
    let data = testing::gradient(width, height).into_rgb8().into_raw();
    Planes::from_pixels(&Pixels { width, height, layout: Layout::Rgb, data })
}

fn decoded(bytes: &[u8]) -> image::RgbImage {
    image::load_from_memory_with_format(bytes, ImageFormat::Jpeg).unwrap().into_rgb8()
}

#[test]
fn every_size_is_read_back_by_another_decoder() {
    for (width, height) in [(1, 1), (7, 9), (8, 8), (16, 16), (17, 15), (33, 64), (200, 3)] {
        let back = decoded(&encode(&planes(width, height), 95).unwrap());
        assert_eq!(back.dimensions(), (width, height));
    }
}

#[test]
fn a_smooth_picture_comes_back_close() {
    let smooth = image::RgbImage::from_fn(100, 80, |x, y| image::Rgb([(x * 2) as u8, (y * 3) as u8, 100]));
    let pixels = Pixels { width: 100, height: 80, layout: Layout::Rgb, data: smooth.as_raw().clone() };
    let back = decoded(&encode(&Planes::from_pixels(&pixels), 90).unwrap());
    let most = back.as_raw().iter().zip(smooth.as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(most <= 14, "{most}");
}

#[test]
fn quality_trades_bytes() {
    let sizes: Vec<_> =
        [10, 50, 80, 95].map(|quality| encode(&planes(120, 90), quality).unwrap().len()).into();
    assert!(sizes.is_sorted(), "{sizes:?}");
}

#[test]
fn tables_made_for_the_picture_save_bytes() {
    let picture = testing::gradient(256, 256).into_rgb8();
    let ours = encode(&planes(256, 256), 80).unwrap();
    let mut fixed = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut fixed, 80);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::R_4_2_0);
    encoder.encode(picture.as_raw(), 256, 256, jpeg_encoder::ColorType::Rgb).unwrap();
    assert!(ours.len() < fixed.len(), "{} and {}", ours.len(), fixed.len());
}

#[test]
fn too_long_a_side_is_an_error() {
    let long = Planes { width: 70_000, height: 1, chroma: None, data: vec![0; 70_000] };
    assert_eq!(encode(&long, 80).unwrap_err().code(), "encode_failed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_samples_are_read_back(
        width in 1_u32..40, height in 1_u32..40, quality in 1_u8..=100, seed in any::<u32>(), grey in any::<bool>(),
    ) {
        let chroma = (!grey).then(|| crate::planes::Chroma::of(width, height, (2, 2)));
        let noise = |at: usize| (at as u32).wrapping_add(seed).wrapping_mul(2_654_435_761).rotate_left(13) as u8;
        let data = (0..Planes::length(width, height, chroma)).map(noise).collect();
        let back = decoded(&encode(&Planes { width, height, chroma, data }, quality).unwrap());
        prop_assert_eq!(back.dimensions(), (width, height));
    }
}
