//! Shapes, colours and varieties through the whole pipeline, on every engine of the build.

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use super::*;
use crate::{Engine, Output, testing};

fn on_every_engine(recipe: &Recipe, source: &[u8], check: impl Fn(Engine, &RgbImage)) {
    for &engine in Engine::AVAILABLE {
        let recipe = Recipe { engine, format: Output::Png, ..recipe.clone() };
        let rendered = render(source, &recipe, &ScratchPool::default()).unwrap();
        let level = &rendered.levels[0];
        let seen = image::load_from_memory_with_format(&level.bytes, ImageFormat::Png).unwrap().into_rgb8();
        assert_eq!(seen.dimensions(), (level.width, level.height));
        check(engine, &seen);
    }
}

fn near(pixel: Rgb<u8>, wanted: [u8; 3]) -> bool {
    pixel.0.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= 24)
}

const RED: [u8; 3] = [220, 20, 20];
const BLUE: [u8; 3] = [20, 20, 220];
const WHITE: [u8; 3] = [255, 255, 255];

/// As JPEG and as PNG, because planes and pixels go different ways.
fn sources(picture: &RgbImage) -> [Vec<u8>; 2] {
    let png = testing::encode(DynamicImage::ImageRgb8(picture.clone()), ImageFormat::Png);
    [testing::encode_jpeg(picture), png]
}

#[test]
fn a_cover_shows_what_its_focus_names() {
    let halves = RgbImage::from_fn(400, 100, |x, _| Rgb(if x < 200 { RED } else { BLUE }));
    for (focus, colour) in [((0, 50), RED), ((100, 50), BLUE)] {
        let recipe =
            Recipe { sizes: vec![50], fit: Fit::Cover { aspect: (1, 1), focus }, ..Recipe::default() };
        for source in sources(&halves) {
            on_every_engine(&recipe, &source, |engine, seen| {
                assert_eq!(seen.dimensions(), (50, 50), "{engine:?}");
                assert!(seen.pixels().all(|pixel| near(*pixel, colour)), "{engine:?} {focus:?}");
            });
        }
    }
}

#[test]
fn a_border_is_cut_off_and_the_product_stays() {
    let product = |x: u32, y: u32| (100..300).contains(&x) && (60..160).contains(&y);
    let framed = RgbImage::from_fn(400, 240, |x, y| Rgb(if product(x, y) { RED } else { WHITE }));
    let recipe = Recipe { sizes: vec![80], trim: true, ..Recipe::default() };
    for source in sources(&framed) {
        on_every_engine(&recipe, &source, |engine, seen| {
            let (width, height) = seen.dimensions();
            assert!(width == 80 && (39..=43).contains(&height), "{engine:?}: {width}×{height}");
            assert!(
                near(*seen.get_pixel(4, 4), RED) && near(*seen.get_pixel(75, height - 5), RED),
                "{engine:?}"
            );
        });
    }
}

#[test]
fn a_pad_makes_a_square_on_the_background() {
    let wide = RgbImage::from_pixel(400, 200, Rgb(RED));
    let recipe = Recipe { sizes: vec![80], fit: Fit::Pad { background: BLUE }, ..Recipe::default() };
    for source in sources(&wide) {
        on_every_engine(&recipe, &source, |engine, seen| {
            assert_eq!(seen.dimensions(), (80, 80), "{engine:?}");
            assert!(near(*seen.get_pixel(40, 40), RED), "{engine:?}");
            assert!(near(*seen.get_pixel(40, 3), BLUE) && near(*seen.get_pixel(40, 76), BLUE), "{engine:?}");
        });
    }
}

#[test]
fn four_inks_sixteen_bits_and_a_wide_gamut_end_in_srgb() {
    let recipe = Recipe { sizes: vec![16], ..Recipe::default() };
    let red = testing::cmyk_jpeg(64, 48, [0, 255, 255, 0]);
    on_every_engine(&recipe, &red, |engine, seen| {
        assert!(seen.pixels().all(|pixel| near(*pixel, [255, 0, 0])), "{engine:?}");
    });
    let grey_press = testing::with_icc(&red, &testing::cmyk_profile(50.0));
    on_every_engine(&recipe, &grey_press, |engine, seen| {
        assert!(seen.pixels().all(|pixel| near(*pixel, [119, 119, 119])), "{engine:?}");
    });
    let deep = image::ImageBuffer::from_pixel(64, 48, Rgb([0x8000_u16, 0xFFFF, 0]));
    let deep = testing::encode(DynamicImage::ImageRgb16(deep), ImageFormat::Png);
    on_every_engine(&recipe, &deep, |engine, seen| {
        assert!(seen.pixels().all(|pixel| near(*pixel, [128, 255, 0])), "{engine:?}");
    });
    let p3 = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let green = testing::encode_jpeg(&RgbImage::from_pixel(64, 48, Rgb([60, 200, 60])));
    on_every_engine(&recipe, &testing::with_icc(&green, &p3), |engine, seen| {
        // In the wider space the same numbers mean a deeper green: less red.
        assert!(seen.pixels().all(|pixel| pixel.0[0] < 45 && pixel.0[1] > 190), "{engine:?}");
    });
    let linear = moxcms::ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let grey = testing::with_icc(&testing::grey_jpeg(64, 48, 55), &linear);
    on_every_engine(&recipe, &grey, |engine, seen| {
        assert!(seen.pixels().all(|pixel| near(*pixel, [128, 128, 128])), "{engine:?}");
    });
}

#[test]
fn a_drawing_and_a_page_are_refused_whatever_they_are_called() {
    for text in
        ["<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "<?xml version=\"1.0\"?><svg/>", "%PDF-1.7", "<html>"]
    {
        let refused = render(text.as_bytes(), &Recipe::default(), &ScratchPool::default());
        assert_eq!(refused.err().map(|error| error.code()), Some("unsupported_format"), "{text}");
    }
}
