use image::{DynamicImage, ImageFormat};
use proptest::prelude::*;

use super::*;
use crate::testing;
use crate::{Limits, Output};

/// With buffers of its own.
fn render(source: &[u8], recipe: &Recipe) -> Result<Rendered, MediaError> {
    super::render(source, recipe, &ScratchPool::default())
}

fn recipe(sizes: &[u32], format: Output) -> Recipe {
    Recipe { sizes: sizes.to_vec(), format, ..Recipe::default() }
}

fn code(result: Result<Rendered, MediaError>) -> &'static str {
    result.err().map_or("no error", |error| error.code())
}

fn sizes_of(rendered: &Rendered) -> Vec<(u32, u32)> {
    rendered.levels.iter().map(|level| (level.width, level.height)).collect()
}

#[test]
fn each_level_has_its_size_and_none_is_enlarged() {
    let source = testing::encode(testing::gradient(500, 250), ImageFormat::Png);
    let rendered = render(&source, &Recipe::default()).unwrap();
    assert_eq!(sizes_of(&rendered), [(500, 250), (300, 150), (100, 50)]);
}

#[test]
fn all_exif_orientations_are_seen_upright() {
    // Upright: the left half red, the right half blue, 80×40.
    for exif in 1..=8 {
        let source = testing::exif_jpeg(&testing::stored_for_orientation(exif, 80, 40), exif);
        let rendered = render(&source, &recipe(&[40], Output::Png)).unwrap();
        assert_eq!((rendered.width, rendered.height), (80, 40), "orientation {exif}");
        assert_eq!(sizes_of(&rendered), [(40, 20)], "orientation {exif}");
        let seen = image::load_from_memory(&rendered.levels[0].bytes).unwrap().into_rgb8();
        let (left, right) = (seen.get_pixel(5, 10).0, seen.get_pixel(34, 10).0);
        assert!(left[0] > 180 && left[2] < 70, "orientation {exif}: left is {left:?}");
        assert!(right[2] > 180 && right[0] < 70, "orientation {exif}: right is {right:?}");
    }
}

#[test]
fn alpha_survives_in_auto_and_is_white_in_jpeg() {
    let clear = testing::encode(DynamicImage::new_rgba8(200, 100), ImageFormat::Png);
    let auto = render(&clear, &recipe(&[50], Output::Auto { quality: 80 })).unwrap();
    assert_eq!(auto.levels[0].extension, "webp");
    assert_eq!(image::load_from_memory(&auto.levels[0].bytes).unwrap().into_rgba8().get_pixel(0, 0).0[3], 0);
    let jpeg = render(&clear, &recipe(&[50], Output::Jpeg { quality: 80 })).unwrap();
    let white = image::load_from_memory(&jpeg.levels[0].bytes).unwrap().into_rgb8();
    assert!(white.get_pixel(20, 10).0.iter().all(|&sample| sample > 250));
}

#[test]
fn an_opaque_alpha_channel_does_not_make_an_image_transparent() {
    let opaque = DynamicImage::ImageRgba8(testing::gradient(60, 60).into_rgba8());
    let rendered = render(&testing::encode(opaque, ImageFormat::Png), &Recipe::default()).unwrap();
    assert_eq!(rendered.levels[0].extension, "jpg");
}

#[test]
fn the_same_bytes_give_the_same_bytes() {
    let source = testing::jpeg(700, 500);
    let (one, two) =
        (render(&source, &Recipe::default()).unwrap(), render(&source, &Recipe::default()).unwrap());
    assert!(one.levels.iter().zip(&two.levels).all(|(a, b)| a.bytes == b.bytes));
    assert_eq!(one.extras, two.extras);
}

#[test]
fn a_file_over_the_limit_is_refused_before_it_is_looked_at() {
    let limits = Limits { max_file_bytes: 10, ..Limits::default() };
    assert_eq!(code(render(b"no image at all", &Recipe { limits, ..Recipe::default() })), "too_large_file");
}

#[test]
fn a_bomb_header_is_refused() {
    assert_eq!(code(render(&testing::png_header(50_000, 50_000), &Recipe::default())), "too_many_pixels");
}

#[test]
fn a_polyglot_loses_what_was_hidden_in_it() {
    let mut source = testing::with_jpeg_segment(&testing::jpeg(64, 64), 0xFE, b"<script>alert(1)</script>");
    source.extend_from_slice(b"PK\x03\x04 hidden archive");
    let rendered = render(&source, &Recipe::default()).unwrap();
    for needle in [b"<script>".as_slice(), b"hidden archive"] {
        assert!(!rendered.levels[0].bytes.windows(needle.len()).any(|window| window == needle));
    }
}

#[test]
fn an_image_of_one_pixel_and_one_of_extreme_shape_are_made() {
    let dot = testing::encode(DynamicImage::new_rgb8(1, 1), ImageFormat::Png);
    assert_eq!(sizes_of(&render(&dot, &Recipe::default()).unwrap()), [(1, 1)]);
    let line = testing::encode(DynamicImage::new_rgb8(3000, 1), ImageFormat::Png);
    assert_eq!(
        sizes_of(&render(&line, &Recipe::default()).unwrap()),
        [(1200, 1), (600, 1), (300, 1), (100, 1)]
    );
}

#[test]
fn a_panic_becomes_an_error_with_its_message() {
    let caught = catch_unwind(|| panic!("line one\nline {}", 2)).unwrap_err();
    assert_eq!(message(caught.as_ref()), "line one line 2");
}

fn damaged(format: ImageFormat) -> impl Strategy<Value = Vec<u8>> {
    let whole = if format == ImageFormat::Jpeg {
        testing::jpeg(40, 30)
    } else {
        testing::encode(testing::gradient(40, 30), format)
    };
    let flips = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12);
    (flips, any::<prop::sample::Index>()).prop_map(move |(flips, cut)| {
        let mut bytes = whole.clone();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(bytes.len() - cut.index(bytes.len() / 4));
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damaged_files_end_in_an_image_or_a_typed_error(
        bytes in prop_oneof![
            damaged(ImageFormat::Jpeg), damaged(ImageFormat::Png), damaged(ImageFormat::WebP), damaged(ImageFormat::Gif)
        ]
    ) {
        match render(&bytes, &recipe(&[20], Output::Png)) {
            Ok(rendered) => prop_assert!(!rendered.levels.is_empty()),
            Err(error) => prop_assert!(!error.is_transient()),
        }
    }
}
